"""The least that a host of the smallest kind allows: a bare Python of one thread that keeps a post, or a change of a file.

    python3 small_box_floor.py posts DIRECTORY SOCKET
    python3 small_box_floor.py changes DIRECTORY SOCKET WATCHED SETTLE_MS

It has limits as the agent has them, its disk and its settling, and does nothing of what an agent is for: who connects is
answered, whatever he says; what changed is read, and nobody is told by whom. Each is one page of a file that has its size already, written over and
synced, so that ext4 has no journal to commit: one flush. The agent's -wal grows at first, and takes two.
"""

import contextlib
import ctypes
import itertools
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

PAGE_BYTES = 4096
_PAGES = 64
_CLOSE_WRITE = 0x8
_NAME_AT = 16

Keep = Callable[[bytes], None]


def opened(directory: Path) -> Keep:
    """Return what keeps a page of the file `floor` in a directory: it returns when that is synced."""
    descriptor = os.open(directory / "floor", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
    os.pwrite(descriptor, bytes(_PAGES * PAGE_BYTES), 0)
    os.fsync(descriptor)
    places = itertools.cycle(range(0, _PAGES * PAGE_BYTES, PAGE_BYTES))

    def keep(data: bytes) -> None:
        os.pwrite(descriptor, data[:PAGE_BYTES].ljust(PAGE_BYTES, b"\0"), next(places))
        os.fdatasync(descriptor)

    return keep


def serve_posts(listener: socket.socket, keep: Keep) -> None:
    """Keep what each connection says first, and answer."""
    listener.listen()
    while True:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(ConnectionError):  # who waits for the socket only connects
            if posted := connection.recv(PAGE_BYTES):
                keep(posted)
                connection.sendall(b"kept\n")


def serve_changes(listener: socket.socket, keep: Keep, watched: Path, settle_seconds: float) -> None:
    """Keep what a file holds, a settle after it was written; say so to who is connected, one file after the other."""
    libc = ctypes.CDLL(None, use_errno=True)
    changed = libc.inotify_init()
    if changed < 0 or libc.inotify_add_watch(changed, os.fsencode(watched), _CLOSE_WRITE) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    listener.listen()  # not before: who connects may change a file at once
    connection, _ = listener.accept()
    while True:
        name = os.read(changed, PAGE_BYTES)[_NAME_AT:].rstrip(b"\0")
        time.sleep(settle_seconds)
        keep((watched / os.fsdecode(name)).read_bytes())
        connection.sendall(b"kept\n")


def main() -> None:
    """Serve until killed."""
    what, directory, name, *more = sys.argv[1:]
    keep = opened(Path(directory))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(name)
        if what == "posts":
            serve_posts(listener, keep)
        else:
            serve_changes(listener, keep, Path(more[0]), float(more[1]) / 1000)


if __name__ == "__main__":
    main()
