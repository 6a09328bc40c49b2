"""The layout of a -wal: a header, then frames of one page each, every use of the file with salts of its own.

https://www.sqlite.org/fileformat2.html#walformat
"""

import struct
from collections import Counter

from spool.schema import PAGE_BYTES

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
STEP_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
FIRST_BYTES = HEADER_BYTES + 5 * STEP_BYTES
"""What `salts_of` wants to see of a file."""
_BIG_ENDIAN_MAGIC = 0x377F0683
_MASK = 0xFFFF_FFFF


def salts_of(data: bytes) -> bytes:
    """Return the salts of the present use, from the first bytes of a -wal.

    Where the header is damaged they are what most of the first frames carry.
    """
    if _is_whole(data[:HEADER_BYTES]):
        return data[16:24]
    starts = range(HEADER_BYTES + 8, min(len(data), FIRST_BYTES), STEP_BYTES)
    salts = Counter(data[start : start + 8] for start in starts).most_common(1)
    return salts[0][0] if salts else b""


def _is_whole(header: bytes) -> bool:
    magic = int.from_bytes(header[:4])
    if len(header) < HEADER_BYTES or magic | 1 != _BIG_ENDIAN_MAGIC:
        return False
    words = struct.unpack(f"{'>' if magic == _BIG_ENDIAN_MAGIC else '<'}6I", header[:24])
    first = second = 0
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & _MASK
        second = (second + words[index + 1] + first) & _MASK
    return (first, second) == struct.unpack(">2I", header[24:])
