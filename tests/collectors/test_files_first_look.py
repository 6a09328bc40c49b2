"""The first look at a directory: what is learnt of many files together is what is learnt of each by itself, whatever lies there."""

import gc
import os
import socket
import time
from contextlib import suppress

import pytest

from collectors._files.entry import FilesEntry
from collectors._files.fingerprint import RACY_NANOSECONDS
from collectors._redaction import passing
from collectors._redaction.vocabulary import Vocabulary
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector

KEY = b"the same key for every mask, both"
SECRET = "db_password = hunter2-Xk39\nlisten = 8080\n"
TEXTS = {
    "empty": "",
    "short": "listen 80\n",
    "secret.conf": SECRET,
    "shadow": "root:$6$abcdefgh$ijklmnopqrstuv:19000:0:99999:7:::\n",
    "long.conf": "".join(f"option_{number} = {number * 7919}\n" for number in range(900)),
    "large.conf": "x = y\n" * 60_000,
    "lines.conf": "\n" * 2001,
    "huge": "0123456789abcdef" * 100_000,
    "windows.ini": "a = 1\r\npassword = geheim99\r\n",
    "copy.conf~": "left out by default\n",
    ".hidden": "token: abcdefgh12345678\n",
    "new\nline": "a name of two lines\n",
    "über": "ein Kennwort = straße\n",
    "\udcff\udcfe": "a name that is no UTF-8\n",
    "\x01mark": "the mark of escaped names\n",
}


@pytest.fixture
def etc(open_path):
    """Make a directory with a file of each kind, and many ordinary ones."""
    directory = open_path / "etc"
    directory.mkdir(mode=0o755)
    for name, text in TEXTS.items():
        (directory / name).write_text(text, newline="")
    for number in range(40):
        (directory / f"{number:03}.conf").write_text(f"number = {number}\n")
    (directory / "binary").write_bytes(bytes(range(256)) * 16)
    (directory / "no-utf8").write_bytes("caf\xe9\n".encode("latin-1"))
    (directory / "private").write_text(SECRET)
    (directory / "private").chmod(0o600)
    with (directory / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    (directory / "first-name").write_text(SECRET)
    os.link(directory / "first-name", directory / "second-name")
    (directory / "link").symlink_to("short")
    (directory / "dangling").symlink_to("nowhere")
    os.mkfifo(directory / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fsencode(directory / "socket"))
    (directory / "labelled").write_text("labelled\n")
    with suppress(OSError):  # not every file system has them
        os.setxattr(directory / "labelled", "user.comment", b"of somebody")
    for path in directory.iterdir():
        with suppress(OSError):
            os.utime(path, ns=(1_700_000_000 * 10**9,) * 2, follow_symlinks=False)
    newest = max(path.lstat().st_ctime_ns for path in directory.iterdir())
    while time.time_ns() < newest + 2 * RACY_NANOSECONDS:  # what changed just now is looked at again
        os.sched_yield()
    return directory


def learnt(record, etc, diff, is_own):
    """Return what is remembered of a first look, and the texts beside it."""
    recorder = record(is_own=is_own)
    recorder.memory.kept["=key"] = KEY
    entry = FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.02), diff=diff)
    recorder.start(FilesCollector([Scoped(entry)]))
    recorder.wait_for_report("watching")
    recorder.end()
    assert recorder.events == []
    kept = recorder.memory.kept
    return {key: value for key, value in kept.items() if key != "=look"}, recorder.memory.texts


@pytest.mark.parametrize("diff", ["never", "auto", "strict", "always"])
def test_what_is_learnt_of_many_files_together_is_what_is_learnt_of_each_by_itself(record, etc, diff):
    together = learnt(record, etc, diff, lambda *_: False)
    one_by_one = learnt(record, etc, diff, lambda *statuses: len(statuses) > 1)
    assert together == one_by_one
    assert len(together[0]) > 50
    assert bool(together[1]) is (diff != "never")


def test_a_file_of_the_agents_own_among_many_is_neither_read_nor_in_the_way_of_the_others(record, etc):
    own = (etc / "short").stat().st_ino
    kept, texts = learnt(record, etc, "auto", lambda *statuses: own in {status.st_ino for status in statuses})
    assert not any(key.endswith("//short") for key in kept | texts)
    assert sum(key.endswith(".conf") for key in kept) > 40


def vocabularies():
    """Return the words that are remembered by anything, by who remembers them."""
    return {id(it): it for it in gc.get_objects() if isinstance(it, Vocabulary)}


def test_words_that_were_remembered_are_let_go_of_when_the_look_is_over(record, etc):
    before = vocabularies()
    recorder = record()
    recorder.start(FilesCollector([Scoped(FilesEntry(paths=(f"{etc}/**",), diff="auto"))]))
    recorder.wait_for_report("watching")
    used = [it for key, it in vocabularies().items() if key not in before]
    recorder.end()
    assert used
    assert not any(it._known for it in used)


def test_words_of_what_is_masked_for_itself_are_not_kept():
    passing.without_secrets(SECRET)
    assert not passing._redactor()._vocabulary._known


def test_files_are_kept_in_the_order_of_their_names_and_a_restart_finds_their_directory_as_it_was(
    record, open_path
):
    etc = open_path / "etc"
    for directory in (etc, etc / "a", etc / "c", etc / "b"):
        directory.mkdir(mode=0o755)
        for number in range(40):
            (directory / f"{number:02}.conf").write_text(f"number = {number}\n")
    newest = max(path.lstat().st_ctime_ns for path in etc.rglob("*"))
    while time.time_ns() < newest + 2 * RACY_NANOSECONDS:
        os.sched_yield()
    entry = Scoped(FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.02)))
    first = record()
    first.start(FilesCollector([entry]))
    first.wait_for_report("watching")
    first.end()
    keys = [key for _, remember in first.emits for key in remember if "//" in key]
    assert len(keys) == 4 * 40
    assert keys == sorted(keys, key=lambda key: key.split("//"))
    again = record(first.memory)
    again.start(FilesCollector([entry]))
    again.wait_for_report("watching")
    again.end()
    assert not [key for _, remember in again.emits for key in remember if key[0] in "df"]
