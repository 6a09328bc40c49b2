"""Files behind an automount: left alone while it is idle, learnt when it is mounted first, compared ever after."""

import pytest

from collectors._files.entry import FilesEntry
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector

ROOT = "1 0 8:1 / / rw - ext4 /dev/root rw\n"
AUTOFS = "30 1 0:50 / {point} rw - autofs systemd-1 rw,fd=5,pgrp=1,minproto=5,maxproto=5,direct\n"
MOUNTED = "31 30 0:60 / {point} rw - tmpfs source rw\n"


@pytest.fixture
def point(tmp_path):
    """Return what the mount table calls a mount point; it is a directory, so that a look would tell of it."""
    directory = tmp_path / "auto"
    (directory / "conf").mkdir(parents=True)
    (directory / "conf" / "a").write_text("a")
    return directory


@pytest.fixture
def look(record, tmp_path, point):
    """Return a function that has a collector compare all, while so much is mounted, and returns what it told."""
    table = tmp_path / "mountinfo"
    memory = None

    def look(*lines):
        nonlocal memory
        table.write_text("".join(line.format(point=point) for line in (ROOT, *lines)))
        entry = FilesEntry(paths=(f"{point}/conf/**",), settle=Duration(0.03))
        recorder = record(memory).start(FilesCollector([Scoped(entry)], mountinfo=table))
        recorder.wait_for_report("watching")
        recorder.end()
        memory = recorder.memory
        return [(event.data["change"], event.data["path"].rpartition("/")[2]) for event in recorder.events]

    return look


def test_what_an_automount_shows_for_the_first_time_is_learnt_and_later_changes_are_told(look, point):
    assert look(AUTOFS) == []
    assert look(AUTOFS, MOUNTED) == []
    (point / "conf" / "a").write_text("b")
    assert look(AUTOFS, MOUNTED) == [("modified", "a")]


def test_an_idle_automount_is_neither_unreadable_nor_gone_and_what_changed_meanwhile_is_told_when_it_is_back(
    look, point
):
    assert look(AUTOFS, MOUNTED) == []
    (point / "conf" / "a").unlink()
    (point / "conf" / "b").write_text("b")
    assert look(AUTOFS) == []
    assert sorted(look(AUTOFS, MOUNTED)) == [("created", "b"), ("deleted", "a")]


def test_where_the_automount_itself_is_gone_its_files_are_unreadable(look):
    assert look(AUTOFS, MOUNTED) == []
    assert look() == [("unreadable", "auto")]


def test_a_directory_that_is_made_later_on_what_an_automount_had_mounted_is_told(look, point):
    assert look(AUTOFS, MOUNTED) == []
    (point / "conf" / "inner").mkdir()
    (point / "conf" / "inner" / "b").write_text("b")
    assert look(AUTOFS, MOUNTED) == [("created", "b")]
