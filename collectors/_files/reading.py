"""Reading one open file so that everything known of it is of one moment: its hash, small content, extended attributes."""

import os
from _blake2 import blake2b  # the module behind hashlib, which would bring OpenSSL
from contextlib import suppress

import msgspec

from collectors._files.mount_thread import beat
from collectors._sha256 import sha256_of

MAX_READ_BYTES = 64 * 1024 * 1024
"""A larger file is compared by size and times alone."""

_BLOCK = 1024 * 1024
_ATTEMPTS = 3
_MAX_NAMES = 64
"""More extended attributes than this are remembered by one digest of them all: whoever owns a file may set thousands."""
_ALL_OF_THEM = "all of them"


class Moment(msgspec.Struct, frozen=True):
    """A file as it was at one moment."""

    status: os.stat_result
    sha256: bytes
    data: bytes | None
    """What is in it, where that is little."""
    extended: dict[str, bytes]


def read_moment(fd: int, before: os.stat_result) -> Moment | None:
    """Read an open regular file, whose status `before` was just asked for; None when it was being written the whole time."""
    for _ in range(_ATTEMPTS):
        beat()
        sha256, data = _digest(fd, before.st_size)
        extended = read_extended(fd)
        after = os.fstat(fd)
        if (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns):
            return Moment(before, sha256, data, extended)
        before = after
    return None


def _digest(fd: int, size: int) -> tuple[bytes, bytes | None]:
    """Return the SHA-256 of the file, and its content when it is small."""
    if size > MAX_READ_BYTES:
        return b"", None
    data = os.pread(fd, max(0, min(size + 1, _BLOCK)), 0)
    if len(data) < _BLOCK:
        return sha256_of(data), data
    import hashlib  # brings OpenSSL, which is the faster for so much

    digest = hashlib.sha256(data)
    offset = len(data)
    while data and offset <= MAX_READ_BYTES:
        beat()
        data = os.pread(fd, _BLOCK, offset)
        digest.update(data)
        offset += len(data)
    return digest.digest(), None


def read_extended(fd: int) -> dict[str, bytes]:
    """Return a digest of each extended attribute: ACLs, capabilities, labels and the user's own."""
    try:
        names = os.listxattr(fd)
    except OSError:
        return {}  # the file system has none
    found: dict[str, bytes] = {}
    if not names:
        return found
    for name in names:
        with suppress(OSError):
            found[name] = blake2b(os.getxattr(fd, name), digest_size=8).digest()
    if len(found) <= _MAX_NAMES:
        return found
    together = blake2b(digest_size=8)
    for name in sorted(found):
        together.update(os.fsencode(name) + b"\0" + found[name])
    return {_ALL_OF_THEM: together.digest()}
