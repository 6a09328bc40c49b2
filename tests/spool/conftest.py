"""A spool that closes at the end of its test, and a clock that the test moves."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from spool import Options, Spool

_MEMORY = Path("/dev/shm")


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """Return a directory in memory where there is one: a sync costs nothing there, and is none the less made."""
    if not os.access(_MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(
        dir=_MEMORY, prefix="sts-agent-test-", ignore_cleanup_errors=True
    ) as path:
        yield Path(path)


@pytest.fixture
def wall() -> "Wall":
    return Wall()


class Wall:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_700_000_100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def open_spool(tmp_path: Path, wall: Wall) -> Iterator[Callable[..., Spool]]:
    """Open the spool of this test, as often as it likes; whatever is open at the end is closed."""
    opened: list[Spool] = []

    def opener(options: Options | None = None, *, destinations: Sequence[str] = ("stackstate",)) -> Spool:
        for earlier in opened:
            earlier.close()
        spool = Spool.open(tmp_path / "spool", options or Options(), wall=wall)
        opened.append(spool)
        for name in destinations:
            spool.positions.attach(name, f"identity of {name}")
        return spool

    yield opener
    for spool in opened:
        spool.close()
