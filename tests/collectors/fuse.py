"""A real file system with the files of one directory, served to the kernel over /dev/fuse, that hangs where a test says.

It speaks as much of the kernel's protocol (linux/fuse.h, 7.31) as reading needs. Mounting needs root and /dev/fuse.
"""

import contextlib
import ctypes
import errno
import os
import select
import stat
import struct
import threading
import time

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR = (
    1, 2, 3, 14, 15, 17, 18, 25, 26, 27, 28, 29,
)  # fmt: skip
INTERRUPT, BATCH_FORGET = 36, 42
_NO_ANSWER = frozenset({FORGET, INTERRUPT, BATCH_FORGET})
_HEADER = struct.Struct("<IIQQIIII")
_ATTR = struct.Struct("<6Q10I")
_MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


class FuseMount:
    """A mounted file system; `files` is what lies in its root, by name, and may be changed at any time."""

    def __init__(self, point, files):
        self.files = dict(files)
        self._changed = dict.fromkeys(files, time.time_ns())
        self._point = os.fsencode(point)
        self._hanging = frozenset()
        self._held = []
        self._lock = threading.Lock()
        self._hangs = threading.Condition(self._lock)
        self._fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        options = f"fd={self._fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if _libc.mount(b"test", self._point, b"fuse", 0, options):
            os.close(self._fd)
            raise OSError(ctypes.get_errno(), "cannot be mounted")
        self._thread = threading.Thread(target=self._serve, name="fuse")
        self._thread.start()

    def write(self, name, content):
        """Change a file as another host does: without a signal here."""
        with self._lock:
            self.files[name] = content
            self._changed[name] = time.time_ns()

    def hang(self, *operations):
        """Answer no more to some operations; all others go on."""
        with self._lock:
            self._hanging = frozenset(operations)

    def wait_until_hanging(self, seconds):
        """Return whether somebody waits for an answer."""
        with self._hangs:
            return self._hangs.wait_for(lambda: self._held, seconds)

    def answer(self):
        """Answer everything again, also what has waited."""
        with self._lock:
            self._hanging, held, self._held = frozenset(), self._held, []
        for request in held:
            self._answer(request)

    def close(self):
        """Unmount, and have whoever waits told that the connection is gone."""
        _libc.umount2(self._point, _MNT_DETACH)
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        os.close(self._fd)
        os.close(self._stop)

    def _serve(self):
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._stop, select.POLLIN)
        while not any(fd == self._stop for fd, _ in poll.poll()):
            try:
                request = os.read(self._fd, 1 << 17)
            except OSError:
                return  # unmounted
            opcode = _HEADER.unpack_from(request)[1]
            with self._hangs:
                if opcode in self._hanging:
                    self._held.append(request)
                    self._hangs.notify_all()
                    continue
            if opcode not in _NO_ANSWER:
                self._answer(request)

    def _answer(self, request):
        _, opcode, unique, node, *_ = _HEADER.unpack_from(request)
        try:
            with self._lock:
                body = self._body(opcode, node, request[_HEADER.size :])
            answer = struct.pack("<IiQ", 16 + len(body), 0, unique) + body
        except OSError as error:
            answer = struct.pack("<IiQ", 16, -error.errno, unique)
        with contextlib.suppress(OSError):  # whoever asked waits no more
            os.write(self._fd, answer)

    def _body(self, opcode, node, asked):
        if opcode == INIT:
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 16, 12, 4096, 1, 1, 0, 0)
        if opcode == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self._attributes(node)
        if opcode == LOOKUP:
            name = asked.rstrip(b"\0").decode()
            if name not in self.files:
                raise OSError(errno.ENOENT, "")
            found = 2 + list(self.files).index(name)
            return struct.pack("<QQQQII", found, 0, 0, 0, 0, 0) + self._attributes(found)
        if opcode in {OPEN, OPENDIR}:
            return struct.pack("<QII", 0, 0, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", asked)
            return self.files[self._name(node)][offset : offset + size]
        if opcode == READDIR:
            _, offset, _ = struct.unpack_from("<QQI", asked)
            return b"".join(
                struct.pack("<QQII", 2 + at, at + 1, len(name), 8)
                + name.encode().ljust(-(-len(name) // 8) * 8, b"\0")
                for at, name in enumerate(self.files)
                if at >= offset
            )
        if opcode == STATFS:
            return bytes(80)
        if opcode in {RELEASE, RELEASEDIR, FLUSH}:
            return b""
        raise OSError(errno.ENOSYS, "")

    def _name(self, node):
        return list(self.files)[node - 2]

    def _attributes(self, node):
        if node == 1:
            return _ATTR.pack(1, 4096, 8, 1, 1, 1, 0, 0, 0, stat.S_IFDIR | 0o755, 2, 0, 0, 0, 4096, 0)
        name = self._name(node)
        seconds, nanoseconds = divmod(self._changed[name], 1_000_000_000)
        size = len(self.files[name])
        times = (seconds, seconds, seconds, nanoseconds, nanoseconds, nanoseconds)
        return _ATTR.pack(node, size, 1, *times, stat.S_IFREG | 0o644, 1, 0, 0, 0, 4096, 0)
