"""What compresses a segment: ISA-L's deflate, which has the vector instructions of the processor, where its library is to be had, and zlib's elsewhere.

Both write raw deflate that any zlib reads, so a spool goes from one to the other, and to an older agent. What is read back zlib alone
inflates: it may be damaged. ISA-L is loaded when there is much to compress: an agent at rest, with its single events, does without.
"""

import zlib
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

SMALL_BYTES = 4096
_LEVEL = 1
_WINDOW_BITS = -15
_MEMORY_LEVEL = (
    7  # no part of a fresh state is so large that malloc asks the kernel for it: a third of the time
)
_SMALL_WINDOW_BITS, _SMALL_MEMORY_LEVEL = -12, 5
"""A state for what is no larger than its window: it compresses as well, and 110 KB less are cleared for it."""
_ISAL_MEMORY_LEVEL = 3
"""The same for ISA-L, which compresses a chunk no better with more."""


class Deflate(NamedTuple):
    """One way to compress."""

    segment: Callable[[bytes], bytes]
    """Returns raw deflate from fresh state, ended by Z_FULL_FLUSH."""
    adler32: Callable[[bytes], int]


def best_for(size_bytes: int) -> Deflate:
    """Return how so many bytes are compressed."""
    is_there = _quickest.cache_info().currsize > 0
    return _quickest() if is_there or size_bytes > SMALL_BYTES else _BY_ZLIB


@cache
def _quickest() -> Deflate:
    try:
        from isal.isal_zlib import adler32, compressobj
    except (ImportError, OSError):  # it is not there, or there are no descriptors left to read it by
        return _BY_ZLIB

    def by_isal(data: bytes) -> bytes:
        state = compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _ISAL_MEMORY_LEVEL)
        return state.compress(data) + state.flush(zlib.Z_FULL_FLUSH)

    return Deflate(by_isal, adler32)


def _by_zlib(data: bytes) -> bytes:
    is_small = len(data) <= SMALL_BYTES
    state = zlib.compressobj(
        _LEVEL,
        zlib.DEFLATED,
        _SMALL_WINDOW_BITS if is_small else _WINDOW_BITS,
        _SMALL_MEMORY_LEVEL if is_small else _MEMORY_LEVEL,
    )
    return state.compress(data) + state.flush(zlib.Z_FULL_FLUSH)


_BY_ZLIB = Deflate(_by_zlib, zlib.adler32)
