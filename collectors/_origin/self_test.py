"""Whether the kernel names us where we change something ourselves: asked before it is said that others are named."""

import os
from contextlib import suppress
from pathlib import Path

from collectors._origin.kernel_witnesses import KernelWitnesses

_FILE = "made"


def find_fault(witnesses: KernelWitnesses, directory: Path) -> str:
    """Return why nobody is named, in a few words; empty where this process was. Makes a directory in `directory`, and removes it."""
    place = directory / f".who-{os.getpid()}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        try:
            return _try(witnesses, place)
        finally:
            witnesses.forget(str(place))
            with suppress(OSError):
                (place / _FILE).unlink(missing_ok=True)
                place.rmdir()
    except OSError as error:
        return f"it cannot be tried in {directory}: {error.strerror or error}"


def _try(witnesses: KernelWitnesses, place: Path) -> str:
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        witnesses.watch_directory(str(place), fd)
    finally:
        os.close(fd)
    if why := witnesses.not_marked.get(str(place)):
        return f"the kernel watches no directory for it: {why}"
    (place / _FILE).write_bytes(b"1")
    found = witnesses.of(f"{place}/{_FILE}")
    if any(seen.actor.pid == os.getpid() for seen in found.seen):
        return ""
    return (
        witnesses.broken
        or f"the kernel does not say who changes a file ({found.missed or 'it says nothing'})"
    )
