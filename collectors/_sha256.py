"""SHA-256 of what is small, by the interpreter's own code: hashlib brings OpenSSL, 3.6 MiB of an agent at rest.

OpenSSL is five times as fast, which pays for a large file and for the first look at many files.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

SMALL_BYTES = 64 * 1024
"""Up to so much it takes a quarter of a millisecond."""
_MODULES = ("_sha2", "_sha256", "hashlib")
"""Of Python since 3.12, before it, and of one that was built without either."""


def sha256_of(data: bytes) -> bytes:
    """Return the digest, without OpenSSL where there is little."""
    if len(data) > SMALL_BYTES:
        return fast_sha256()(data)
    digest: bytes = _sha256(data).digest()
    return digest


def fast_sha256() -> Callable[[bytes], bytes]:
    """Return what makes a digest the fast way, for many; it loads OpenSSL."""
    from hashlib import sha256

    begun = sha256().copy  # to begin one anew, OpenSSL looks for its way each time

    def digest_of(data: bytes) -> bytes:
        digest = begun()
        digest.update(data)
        return digest.digest()

    return digest_of


def is_fast_at_hand() -> bool:
    """Return whether OpenSSL is loaded already: then the fast way costs nothing more."""
    return "_hashlib" in sys.modules


def _found() -> Callable[[bytes], Any]:
    for name in _MODULES:
        try:
            found: Callable[[bytes], Any] = import_module(name).sha256
        except (ImportError, AttributeError):
            continue
        return found
    raise ImportError("no SHA-256 is to be had")


_sha256 = _found()
