"""The layout of a -wal: a header, then frames of one page each, every use of the file with salts of its own.

Its checksums run from the header through every frame: https://www.sqlite.org/fileformat2.html#walformat.
"""

import struct
from collections import Counter

from spool.schema import PAGE_BYTES

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
STEP_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
FIRST_BYTES = HEADER_BYTES + 5 * STEP_BYTES
"""What `read_header` wants to see of a file."""
_BIG_ENDIAN_MAGIC = 0x377F0683
_MASK = 0xFFFF_FFFF

Sums = tuple[int, int]


def read_header(data: bytes) -> tuple[str, Sums | None, bytes]:
    """Return byte order, running checksum and salts; no checksum where the header is damaged.

    The salts are then what most of the first frames carry.
    """
    magic = int.from_bytes(data[:4])
    order = ">" if magic == _BIG_ENDIAN_MAGIC else "<"
    if len(data) >= HEADER_BYTES and magic | 1 == _BIG_ENDIAN_MAGIC:
        sums = add(struct.unpack(f"{order}6I", data[:24]), (0, 0))
        if sums == struct.unpack(">2I", data[24:HEADER_BYTES]):
            return order, sums, data[16:24]
    starts = range(HEADER_BYTES + 8, min(len(data), FIRST_BYTES), STEP_BYTES)
    salts = Counter(data[start : start + 8] for start in starts).most_common(1)
    return order, None, salts[0][0] if salts else b""


def add(words: tuple[int, ...], sums: Sums) -> Sums:
    """Return the checksum after some more words."""
    first, second = sums
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & _MASK
        second = (second + words[index + 1] + first) & _MASK
    return first, second
