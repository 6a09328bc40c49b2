"""A disk that takes 20 ms for a flush, as a worn SD card or a busy USB disk does; all else on it is quick.

A real ext4 on a real loop device. Below it lies one file of a FUSE file system, served by a process of its own (this
module as a program) that takes its time over each FSYNC: so it is the kernel that waits for the disk, for whoever syncs.
It needs /dev/fuse and a free loop device, and never touches a real disk.
"""

import contextlib
import enum
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import namespace

FLUSH_SECONDS = 0.02
"""A sync of a file that grows is two flushes, since ext4 commits its journal; of one that does not, one."""
_SIZE = 1 << 30
_CHUNK = 1 << 17

_ASKED = struct.Struct("<IIQQIIII")
_ANSWER = struct.Struct("<IiQ")
_INITIALISED = struct.Struct("<IIIIHHIIHHI28x")
_ATTRIBUTES = struct.Struct("<QIIQQQQQQIIIIIIIIII")
_OPENED = struct.Struct("<QII")
_RANGE = struct.Struct("<QQIIQII")
_WRITTEN = struct.Struct("<II")
_BIG_WRITES = 1 << 5
_PAST_THE_CACHE = 1
_NO_SUCH_CALL = -38


class Call(enum.IntEnum):
    """What the kernel asks of a file system, by its number in the protocol of FUSE, version 7.31."""

    FORGET = 2
    GETATTR = 3
    OPEN = 14
    READ = 15
    WRITE = 16
    RELEASE = 18
    FSYNC = 20
    FLUSH = 25
    INIT = 26


class Server:
    """Answers for a file system that is one file, at `mount_point`; what is written lies in `image`."""

    def __init__(self, image: Path, mount_point: Path) -> None:
        self._image = os.open(image, os.O_RDWR)
        self._kernel = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._kernel},rootmode=100600,user_id=0,group_id=0"
        namespace.mount("slow-disk", mount_point, "fuse", data=options)
        # What is mounted above may need an answer of ours while the namespace that holds it ends: not at our own end.
        namespace.leave()
        namespace.unmount(mount_point)

    def serve(self) -> None:
        """Answer one call after the other, as a disk does, until it is unmounted."""
        with contextlib.suppress(OSError):
            while True:
                asked = os.read(self._kernel, _CHUNK + 4096)
                _, call, unique, *_ = _ASKED.unpack_from(asked)
                if call == Call.FORGET:
                    continue
                answer = self._answer(call, asked[_ASKED.size :])
                error, said = (0, answer) if answer is not None else (_NO_SUCH_CALL, b"")
                os.write(self._kernel, _ANSWER.pack(_ANSWER.size + len(said), error, unique) + said)

    def _answer(self, call: int, asked: bytes) -> bytes | None:
        match call:
            case Call.INIT:
                return _INITIALISED.pack(7, 31, _CHUNK, _BIG_WRITES, 16, 12, _CHUNK, 1, 0, 0, 0)
            case Call.GETATTR:
                return self._attributes()
            case Call.OPEN:
                return _OPENED.pack(0, _PAST_THE_CACHE, 0)
            case Call.READ:
                _, offset, size, *_ = _RANGE.unpack_from(asked)
                return os.pread(self._image, size, offset)
            case Call.WRITE:
                _, offset, size, *_ = _RANGE.unpack_from(asked)
                return _WRITTEN.pack(os.pwrite(self._image, asked[_RANGE.size :][:size], offset), 0)
            case Call.FSYNC:
                time.sleep(FLUSH_SECONDS)
                return b""
            case Call.RELEASE | Call.FLUSH:
                return b""
        return None

    def _attributes(self) -> bytes:
        size = os.fstat(self._image).st_size
        mode, blocks, none = 0o100600, size // 512, (0,) * 6
        return _ATTRIBUTES.pack(3600, 0, 0, 1, size, blocks, *none, mode, 1, 0, 0, 0, 4096, 0)


@contextlib.contextmanager
def slow_disk() -> Iterator[Path]:
    """Yield where such a disk is mounted; skip the test where nobody here can have one."""
    with tempfile.TemporaryDirectory(dir=namespace.scratch()) as scratch:
        image, device, mounted = (Path(scratch, name) for name in ("image", "device", "disk"))
        with image.open("wb") as file:
            file.truncate(_SIZE)
        device.touch()
        mounted.mkdir()
        _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
        with _served(image, device):
            _run("mount", "-o", "loop", str(device), str(mounted))
            try:
                yield mounted
            finally:
                namespace.unmount(mounted)


@contextlib.contextmanager
def _served(image: Path, device: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "harness.slow_disk", str(image), str(device)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        if not server.stdout or server.stdout.readline() != "mounted\n":
            pytest.skip("FUSE is not to be had here")
        try:
            yield
        finally:
            namespace.unmount(device)
            _wait_for_the_end(server)


def _wait_for_the_end(server: subprocess.Popen[str]) -> None:
    """Wait until nothing holds the disk any more; who holds it still, a minute later, is left with errors."""
    try:
        server.wait(60)
    except subprocess.TimeoutExpired:
        server.kill()
        raise


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)


if __name__ == "__main__":
    served = Server(Path(sys.argv[1]), Path(sys.argv[2]))
    print("mounted", flush=True)  # noqa: T201 - what starts it waits for this
    served.serve()
