"""What compresses a segment: ISA-L's deflate, which has the vector instructions of the processor, where its library is to be had, and zlib's elsewhere.

Both write raw deflate that any zlib reads, so a spool goes from one to the other, and to an older agent. What is read back zlib alone
inflates: it may be damaged. ISA-L is loaded when there is much to compress: an agent at rest, with its single events, does without.
"""

import sys
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


_MANY = 16
"""So many segments are a burst, for which OpenSSL is worth its 3.5 MiB where nothing else has loaded it."""
_BLOCK = bytes(128)
"""One block of SHA-512."""


class Deflate(NamedTuple):
    """One way to compress."""

    name: str
    segment: Callable[[bytes], tuple[bytes, int]]
    """Returns raw deflate from fresh state, ended by Z_FULL_FLUSH, and the Adler-32 of what was compressed."""


def best_for(size_bytes: int) -> Deflate:
    """Return how so many bytes are compressed."""
    # Whether it is loaded is asked for what is small alone: that takes longer than all else here.
    is_wanted = size_bytes > SMALL_BYTES or _quickest.cache_info().currsize > 0
    return _quickest() if is_wanted else _BY_ZLIB


@cache
def _quickest() -> Deflate:
    try:
        from isal.isal_zlib import adler32, compressobj
    except (ImportError, OSError):  # it is not there, or there are no descriptors left to read it by
        return _BY_ZLIB
    leave = _WideRegisters().leave

    def by_isal(data: bytes) -> tuple[bytes, int]:
        state = compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _ISAL_MEMORY_LEVEL)
        deflated = state.compress(data) + state.flush(zlib.Z_FULL_FLUSH)
        adler = adler32(data)
        leave()
        return deflated, adler

    return Deflate("isal", by_isal)


class _WideRegisters:
    """Ends what ISA-L leaves behind: the upper halves of the vector registers in use, with which a thread runs on.

    Processors of Intel execute all SSE code at half its speed from then on, and so decode events in twice the time, until an instruction
    says that they are free (VZEROUPPER). ISA-L and the C library have none; OpenSSL ends its SHA-512 by one.
    """

    def __init__(self) -> None:
        self._hash: Callable[[bytes], object] | None = None
        self._until_loaded = _MANY

    def leave(self) -> None:
        """Have the thread run on as it did before."""
        if self._hash is None:
            self._hash = self._find()
        if self._hash is not None:
            self._hash(_BLOCK)

    def _find(self) -> Callable[[bytes], object] | None:
        self._until_loaded -= 1
        if self._until_loaded > 0 and "_hashlib" not in sys.modules:
            return None
        try:
            from hashlib import sha512
        except (ImportError, OSError):  # as above
            return None
        return sha512().update


def _by_zlib(data: bytes) -> tuple[bytes, int]:
    is_small = len(data) <= SMALL_BYTES
    state = zlib.compressobj(
        _LEVEL,
        zlib.DEFLATED,
        _SMALL_WINDOW_BITS if is_small else _WINDOW_BITS,
        _SMALL_MEMORY_LEVEL if is_small else _MEMORY_LEVEL,
    )
    return state.compress(data) + state.flush(zlib.Z_FULL_FLUSH), zlib.adler32(data)


_BY_ZLIB = Deflate("zlib", _by_zlib)
