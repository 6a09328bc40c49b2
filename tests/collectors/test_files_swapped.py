"""Who may write a directory exchanges a file between two steps of the first look: nothing that is no plain file is opened for that."""

import hashlib
import os
import stat
import sys
from pathlib import Path

import pytest
from own_database import is_locked, locked_database

from agent.runtime.own_files import OwnFiles
from collectors._files.entry import FilesEntry
from collectors._files.fingerprint import decode
from collectors._files.open_places import OpenPlaces
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector

ON_CALL = []
"""Called with each step that Python tells of; a hook stays for as long as the process."""


def hook(step, arguments):
    if ON_CALL and step in {"open", "os.listxattr"}:
        ON_CALL[0](step, *arguments)


sys.addaudithook(hook)

ORIGINAL = b"listen = 80\n"
OTHER = b"of another file\n"
VICTIM = "victim.conf"


class Swap:
    """Puts something else at a file's name at one moment of the look, and notes what is opened to be read."""

    def __init__(self, victim, prepared, moment, own):
        self._victim, self._prepared, self._moment = victim, prepared, moment
        self._inode = victim.stat().st_ino
        self._own = OwnFiles(own)
        self.wrongly_opened = []
        self.is_done = False

    def is_own(self, *statuses):
        """Say whether one is the agent's own, as the agent does."""
        said = self._own(*statuses)
        if len(statuses) > 1:
            self._at("once all are known")
        return said

    def __call__(self, step, path, _mode=None, flags=0):
        """See what the look does next."""
        if step == "os.listxattr":
            if isinstance(path, int) and os.fstat(path).st_ino == self._inode:
                self._at("while it is read")
        elif path == VICTIM:
            if not flags & os.O_PATH:
                self.wrongly_opened.append(path)
            self._at("as its place is opened")
        elif isinstance(path, str) and (name := path.removeprefix("/proc/self/fd/")).isdigit():
            self._see_opened(os.fstat(int(name)))

    def _see_opened(self, status):
        if not stat.S_ISREG(status.st_mode) or self._own(status):
            self.wrongly_opened.append(status)
        if status.st_ino == self._inode:
            self._at("as it is opened to be read")

    def _at(self, moment):
        if moment == self._moment and not self.is_done:
            self.is_done = True
            self._prepared.rename(self._victim)


@pytest.fixture
def own(open_path):
    """Make a database that this process holds a lock in, as the spool is."""
    with locked_database(open_path / "spool") as directory:
        yield directory


def a_fifo(path, _own):
    os.mkfifo(path)


def a_link_to_the_database(path, own):
    path.symlink_to(own / "spool.db")


def a_name_of_the_database(path, own):
    os.link(own / "spool.db", path)


def a_name_of_its_index(path, own):
    os.link(own / "spool.db-shm", path)


def another_file(path, _own):
    path.write_bytes(OTHER)


def a_device(path, _own):
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except OSError:
        pytest.skip("no device can be made here")


@pytest.mark.parametrize(
    "moment",
    ["as its place is opened", "once all are known", "as it is opened to be read", "while it is read"],
)
@pytest.mark.parametrize(
    "make",
    [
        a_fifo,
        a_link_to_the_database,
        a_name_of_the_database,
        a_name_of_its_index,
        another_file,
        a_device,
    ],
    ids=lambda make: make.__name__,
)
def test_what_is_put_at_a_name_meanwhile_is_not_opened(record, open_path, own, make, moment):
    etc = open_path / "etc"
    etc.mkdir(mode=0o755)
    for name in (VICTIM, *(f"{number}.conf" for number in range(20))):
        (etc / name).write_bytes(ORIGINAL)
    make(open_path / "prepared", own)
    swap = Swap(etc / VICTIM, open_path / "prepared", moment, own)
    recorder = record(is_own=swap.is_own)
    ON_CALL.append(swap)
    try:
        recorder.start(FilesCollector([Scoped(FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.02)))]))
        recorder.wait_for_report("watching")
        recorder.end()
    finally:
        ON_CALL.clear()
    assert swap.is_done
    assert swap.wrongly_opened == []
    kept = {
        key.rpartition("//")[2]: decode(value) for key, value in recorder.memory.kept.items() if "//" in key
    }
    link = os.fsencode(own / "spool.db")
    hashes = {hashlib.sha256(data).digest() for data in (ORIGINAL, OTHER, link)}
    assert VICTIM not in kept or kept[VICTIM].content.sha256 in {*hashes, b""}
    assert sum(found.content.sha256 in hashes for name, found in kept.items() if name != VICTIM) == 20
    assert is_locked(own)


@pytest.mark.parametrize("has_gap", [False, True])
def test_places_are_closed_and_nothing_else_is(tmp_path, has_gap):
    for name in "abc":
        (tmp_path / name).write_text(name)
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    with OpenPlaces(directory):
        pass  # what all of them are opened by stays open
    low, other, behind = (os.eventfd(0) for _ in range(3))
    if has_gap:
        os.close(low)  # the first is opened here, and what is open already lies between
    before = {*Path("/proc/self/fd").iterdir()}
    with OpenPlaces(directory) as places:
        for name in "abc":
            place, status = places.add(name)
            assert places.content_of(place, status) == name.encode()
        with pytest.raises(FileNotFoundError):
            places.add("nothing")
    assert {*Path("/proc/self/fd").iterdir()} == before
    for descriptor in (directory, other, behind, *(() if has_gap else (low,))):
        os.close(descriptor)
