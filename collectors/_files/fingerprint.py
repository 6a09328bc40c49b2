"""What is remembered of one file, and under which key. Pure.

A value starts with the stat as it was, in fixed bytes, so that an unchanged file is recognised by
comparing bytes alone; the rest is decoded only when something changed.

Keys are text that any spool can store, whatever bytes a path is made of:
`f<directory>//<name>` for a file, so that a directory's own files are one prefix, and
`d<directory>` for a directory that holds remembered files, with a digest of all their stats or empty.
What is remembered besides files has keys that start with `=`.
"""

import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain
from operator import attrgetter

import msgspec

_FIELDS = "QQqqIII"
_STAT = struct.Struct("<" + _FIELDS)
STAT_SIZE = _STAT.size
RACY_NANOSECONDS = 20_000_000
"""A file changed this shortly before it was read may change again without its times showing it."""

_MARK = "\x01"


_UNSIGNED, _ID, _SIGN = 2**64 - 1, 2**32 - 1, 2**63
_AT_ONCE = 64
"""No more stats than this are packed in one call."""


Fields = tuple[int, int, int, int, int, int, int]
"""Inode, size, mtime and ctime in nanoseconds, mode, uid, gid: the fields of a stat that tell a change."""
fields_of: Callable[[os.stat_result], Fields] = attrgetter(
    "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns", "st_mode", "st_uid", "st_gid"
)
"""The device is left out, it may differ after a boot."""


def pack_stat(status: os.stat_result) -> bytes:
    """Return the fields of a stat that tell a change, in fixed bytes."""
    fields = fields_of(status)
    try:
        return _STAT.pack(*fields)
    except struct.error:
        return _pack_round(fields)


def pack_stats(statuses: Iterable[os.stat_result]) -> list[bytes]:
    """Return of each of some stats what `pack_stat` returns."""
    packed = pack_all([*map(fields_of, statuses)])
    return [packed[start : start + STAT_SIZE] for start in range(0, len(packed), STAT_SIZE)]


def pack_all(fields: Sequence[Fields]) -> bytes:
    """Return the fields of each stat in fixed bytes, one after the other.

    A file system may say anything (`touch -d 2300-01-01`, a size below zero): what does not fit goes round, and
    a change of it still shows.
    """
    try:
        return b"".join(
            [_together(size).pack(*chain.from_iterable(some)) for size, some in _in_powers_of_two(fields)]
        )
    except struct.error:
        return b"".join([_pack_round(some) for some in fields])


@cache
def _together(stats: int) -> struct.Struct:
    """Return what packs so many stats in one call."""
    return struct.Struct("<" + _FIELDS * stats)


def _in_powers_of_two(fields: Sequence[Fields]) -> Iterator[tuple[int, Sequence[Fields]]]:
    """Yield parts of a sequence with the size of each, so that few sizes are ever met."""
    start, left = 0, len(fields)
    while left:
        size = min(_AT_ONCE, 1 << left.bit_length() - 1)
        yield size, fields[start : start + size]
        start += size
        left -= size


def _pack_round(fields: Fields) -> bytes:
    inode, size, mtime, ctime, mode, uid, gid = fields
    return _STAT.pack(
        inode & _UNSIGNED, size & _UNSIGNED, _signed(mtime), _signed(ctime), mode & _ID, uid & _ID, gid & _ID
    )


def _signed(value: int) -> int:
    return (value + _SIGN & _UNSIGNED) - _SIGN


class Stat(msgspec.Struct, frozen=True):
    """A packed stat, unpacked."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    mode: int
    uid: int
    gid: int

    @property
    def is_link(self) -> bool:
        """Return whether this is a symbolic link itself."""
        return stat.S_ISLNK(self.mode)


def unpack_stat(value: bytes) -> Stat:
    """Return the stat at the start of `value`."""
    return Stat(*_STAT.unpack_from(value))


class Content(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What is remembered of a file besides its stat."""

    sha256: bytes = b""
    """Empty when it was too large to read, or never readable."""
    text: bytes = b""
    """The masked text, compressed; empty where no diff may be made. What is decoded has its mark instead."""
    extended: Mapping[str, bytes] = {}
    """Digests of the extended attributes (ACL, capabilities, …) by name."""
    link: str | None = None
    """Where a symbolic link points."""
    target: bytes = b""
    """The packed stat of the file behind a link that is followed."""
    is_unreadable: bool = False
    """It could not be read when last looked at; the rest is what was known before."""
    left_out: str = ""
    """Why there is no text although there might be."""
    is_hash_only: bool = False
    """It may be a name that somebody gave to a private file of another place: nothing but its hash is told."""


class Fingerprint(msgspec.Struct, frozen=True):
    """What is remembered of one file."""

    stat: Stat
    content: Content

    @property
    def effective(self) -> Stat:
        """The stat of what one reads at this path: of the target behind a followed link."""
        return unpack_stat(self.content.target) if self.content.target else self.stat


def encode(packed: bytes, content: Content, *, look_again: bool = False, has_mark: bool = False) -> bytes:
    """Return the value to remember; one to `look_again` at never counts as unchanged by its stat.

    The text of a content that was decoded is its mark already (`has_mark`).
    """
    if look_again:
        packed = _without_ctime(packed)
    marked = content
    if content.text and not has_mark:
        marked = msgspec.structs.replace(content, text=mark_of(content.text))
    return packed + _ENCODER.encode(_renamed(marked, escape))


def encode_plain(packed: bytes, sha256: bytes, mark: bytes) -> bytes:
    """Return what `encode` does of a content that has a hash and at most the mark of a text."""
    return packed + _ENCODER.encode(Content(sha256, mark))


def mark_of(text: bytes) -> bytes:
    """Return what is remembered of a text itself: it lies beside the value, and may be gone one day."""
    return zlib.crc32(text).to_bytes(4) if text else b""


def decode(value: bytes) -> Fingerprint | None:
    """Return what was remembered, or None when it is not ours."""
    try:
        content = _DECODER.decode(memoryview(value)[STAT_SIZE:])
        return Fingerprint(unpack_stat(value), _renamed(content, unescape))
    except (struct.error, msgspec.DecodeError, ValueError):
        return None


def _renamed(content: Content, change: Callable[[str], str]) -> Content:
    """Return a content with every name in it changed: they may be of any bytes, what is stored is text."""
    if content.link is None and not content.extended:
        return content
    return msgspec.structs.replace(
        content,
        link=content.link if content.link is None else change(content.link),
        extended={change(name): digest for name, digest in content.extended.items()},
    )


def _without_ctime(packed: bytes) -> bytes:
    fields = list(_STAT.unpack(packed))
    fields[3] = 0
    return _STAT.pack(*fields)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Content)


def escape(path: str) -> str:
    """Return `path` as text of whole characters; `unescape` gives it back."""
    if path.isascii() and _MARK not in path:
        return path
    return "".join(
        f"{_MARK}{ord(character) & 0xFF:02x}" if character == _MARK or _is_half(character) else character
        for character in path
    )


def unescape(text: str) -> str:
    """Return the path that `escape` was given."""
    if _MARK not in text:
        return text
    first, *rest = text.split(_MARK)
    return first + "".join(_byte(part[:2]) + part[2:] for part in rest)


def file_key(path: str) -> str:
    """Return the key of one file."""
    directory, _, name = path.rpartition("/")
    return files_prefix(directory) + escape(name)


def file_keys(directory: str, names: Sequence[str]) -> list[str]:
    """Return the keys of some files right in a directory."""
    prefix = files_prefix(directory)
    return [prefix + escape(name) for name in names]


@lru_cache(maxsize=16)
def files_prefix(directory: str) -> str:
    """Return what the keys of all files right in `directory` start with, and no other."""
    return "f" + escape(directory.rstrip("/")) + "//"


def directory_key(directory: str) -> str:
    """Return the key of one directory."""
    return "d" + escape(directory.rstrip("/"))


def _is_half(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _byte(digits: str) -> str:
    byte = int(digits, 16)
    return os.fsdecode(bytes([byte])) if byte != ord(_MARK) else _MARK
