"""What the configuration names a file for: a key or token, certificates, a private key.

Whatever lies at such a name, nobody waits for it and nobody reads it without end: it may be a FIFO, a device, or of
any size. And what `check` says of it is what the daemon will say.
"""

import errno
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 4 * 1024 * 1024
"""Of certificates; bundles of them are of some hundred KiB, and may begin with much text."""


def read_named(path: Path) -> bytes:
    """Return what a regular file holds, up to `MOST_BYTES`; raises `OSError` for anything else."""
    with open(path, "rb", opener=_open_regular) as file:
        return file.read(MOST_BYTES)


def must_be_regular(path: Path) -> None:
    """Raise `OSError` for what a library that is given the name would wait for."""
    os.close(_open_regular(path, os.O_RDONLY | os.O_CLOEXEC))


def must_be_credential(text: str) -> None:
    """Raise `ValueError` for what is no key or token."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds something else than a key or token")


def must_hold_credential(content: bytes) -> None:
    """Raise `ValueError` for what is no file of a key or token."""
    must_be_credential(content.decode("latin-1").strip())


def must_hold_token(content: bytes) -> None:
    """Raise `ValueError` for what no client can show in a header: a token of ours may have blanks."""
    text = content.decode("latin-1").strip()
    if not text.isascii() or not text.isprintable():
        raise ValueError("holds something else than a token")


def must_hold_certificates(content: bytes) -> None:
    """Raise `ValueError` for what is no PEM file of certificates."""
    _must_hold_pem("CERTIFICATE", content)


def must_hold_private_key(content: bytes) -> None:
    """Raise `ValueError` for what is no PEM file of a private key."""
    _must_hold_pem("PRIVATE KEY", content)


def _must_hold_pem(what: str, content: bytes) -> None:
    if not re.search(rf"-----BEGIN [A-Z0-9 ]*{what}-----".encode(), content):
        raise ValueError(f"must name a PEM file, this one holds no {what}")


def _open_regular(path: str | Path, flags: int) -> int:
    # As a mere place first: to open a device may act, as a watchdog's does, and whoever waits to write to a FIFO would go on.
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _must_be_regular_place(place)
        with suppress(FileNotFoundError):  # where /proc is not mounted
            return os.open(f"/proc/self/fd/{place}", flags | os.O_NONBLOCK | os.O_NOCTTY)
    finally:
        os.close(place)
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        _must_be_regular_place(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _must_be_regular_place(descriptor: int) -> None:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no regular file")
