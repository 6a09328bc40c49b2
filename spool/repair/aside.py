"""Where files are put that are not used any more: `damaged/<n>`, and beside it what another version made.

A database, its -wal and its -shm move together, and both directories are synced. Of the damaged copies the oldest go
when they take too much; the one that records are brought back from stays. Nothing here looks into a file.
"""

from contextlib import suppress
from pathlib import Path

from spool import schema
from spool.incoming import sync_directory

DAMAGED = "damaged"
NEWER = "newer-schema"
OLDER = "older-schema"
SUFFIXES = ("", "-wal", "-shm")
INCOMPLETE = "incomplete"
"""A file in a directory of damaged files, while no database stands in their place."""


def move_aside(directory: Path, aside: Path) -> None:
    """Move the database, with what lies beside it, from one directory to another; both are synced."""
    for suffix in SUFFIXES:
        with suppress(FileNotFoundError):
            (directory / f"{schema.DATABASE}{suffix}").rename(aside / f"{schema.DATABASE}{suffix}")
    sync_directory(aside)
    sync_directory(directory)


def new_directory(directory: Path, parent: str = DAMAGED) -> Path:
    """Make the next numbered directory below `parent`; one for damaged files begins incomplete."""
    root = directory / parent
    root.mkdir(mode=0o700, exist_ok=True)
    last = max((int(path.name) for path in root.iterdir() if path.name.isdigit()), default=0)
    aside = root / str(last + 1)
    aside.mkdir(mode=0o700)
    if parent == DAMAGED:
        (aside / INCOMPLETE).touch()
    for made in (aside, root, directory):
        sync_directory(made)
    return aside


def copies(directory: Path) -> list[Path]:
    """Return the directories with damaged files, oldest first."""
    with suppress(OSError):
        found = [path for path in (directory / DAMAGED).iterdir() if path.name.isdigit()]
        return sorted(found, key=lambda path: int(path.name))
    return []


def unfinished(directory: Path) -> Path | None:
    """Return the directory whose files nothing has taken the place of yet, None where there is none."""
    return next((path for path in copies(directory) if (path / INCOMPLETE).exists()), None)


def forget_copies(directory: Path, keep_bytes: int, in_use: str) -> bool:
    """Remove the oldest damaged copies until the rest fits; the one in use stays. True if any went."""
    removed = False
    sizes = {path: sum(file.lstat().st_size for file in path.iterdir()) for path in copies(directory)}
    for path, size in list(sizes.items()):
        if sum(sizes.values()) <= keep_bytes:
            break
        if str(path) != in_use:
            remove_tree(path)
            del sizes[path]
            removed = removed or size > 0
    return removed


def remove_tree(directory: Path) -> None:
    """Remove a directory with all that is in it, as far as that goes."""
    import shutil  # brings bz2 and lzma

    shutil.rmtree(directory, ignore_errors=True)
