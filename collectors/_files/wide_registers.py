"""What ISA-L leaves behind when it has compressed a text: the upper halves of the vector registers in use.

Processors of Intel execute SSE code at half its speed from then on, until an instruction says that they are free
(VZEROUPPER). ISA-L and the C library have none; OpenSSL ends its SHA-512 by one. It is not loaded for that.
"""

import sys
from collections.abc import Callable
from functools import cache

from collectors._sha256 import is_fast_at_hand

_BLOCK = bytes(128)
"""One block of SHA-512: it takes a quarter of a microsecond."""


def leave() -> None:
    """Have the thread run on as it did before a text was compressed."""
    if "isal.isal_zlib" in sys.modules and is_fast_at_hand():
        _by_openssl()(_BLOCK)


@cache
def _by_openssl() -> Callable[[bytes], object]:
    from hashlib import sha512

    return sha512().update
