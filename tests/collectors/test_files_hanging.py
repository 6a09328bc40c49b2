"""A remote file system that hangs in the middle of a look, after it has answered before: it costs that file system alone."""

import os
import threading
from pathlib import Path

import pytest

from collectors._files.entry import FilesEntry
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector

from . import fuse

PATIENCE_SECONDS = 0.3


@pytest.fixture
def etc(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "app.conf").write_text("old\n")
    return tmp_path / "etc"


@pytest.fixture
def far(record, tmp_path):  # noqa: ARG001 - what is asked for first is torn down last
    """Return a real FUSE file system, mounted at `far`; it is unmounted, and what hung has ended, before `record` looks."""
    point = tmp_path / "far"
    point.mkdir()
    if os.getuid() or not Path("/dev/fuse").exists():
        pytest.skip("mounting needs root and /dev/fuse")
    try:
        mount = fuse.FuseMount(point, {f"{name}.conf": b"old\n" for name in "abc"})
    except OSError as error:
        pytest.skip(f"FUSE is not allowed here: {error}")
    yield mount
    mount.close()
    for thread in threading.enumerate():
        if thread.name == "files-ask":
            thread.join()


def start(record, tmp_path, memory=None):
    entry = FilesEntry(paths=(f"{tmp_path}/etc/**", f"{tmp_path}/far/**"), settle=Duration(0.02))
    host = {"patience_seconds": PATIENCE_SECONDS, "poll_seconds": 0.02}
    return record(memory).start(FilesCollector([Scoped(entry)], **host))


def changes(recorder):
    return [
        (event.data["change"], event.data["path"].rpartition("/")[2])
        for event in recorder.events
        if event.event_type == "ConfigurationChangedEvent"
    ]


def wait_for(recorder, *change):
    recorder.wait_for(lambda: change in changes(recorder), f"{change}")


@pytest.mark.parametrize("operation", ["LOOKUP", "GETATTR", "OPENDIR", "READDIR", "OPEN", "READ"])
def test_a_hang_in_any_step_is_told_holds_up_nothing_else_and_is_made_good_when_it_answers(
    record, far, etc, tmp_path, operation
):
    recorder = start(record, tmp_path)
    recorder.wait_for_report("watching 4 files")
    far.hang(getattr(fuse, operation))
    far.write("a.conf", b"new\n")
    wait_for(recorder, "unreadable", "far")
    (etc / "app.conf").write_text("new\n")
    wait_for(recorder, "modified", "app.conf")
    assert changes(recorder) == [("unreadable", "far"), ("modified", "app.conf")]
    far.answer()
    wait_for(recorder, "modified", "a.conf")
    assert sorted(changes(recorder)) == [
        ("modified", "a.conf"),
        ("modified", "app.conf"),
        ("unreadable", "far"),
    ]


@pytest.mark.usefixtures("etc")
@pytest.mark.parametrize("operation", ["OPEN", "READ"])
def test_a_stop_waits_for_no_file_system_that_hangs(record, far, tmp_path, operation):
    recorder = start(record, tmp_path)
    recorder.wait_for_report("watching 4 files")
    far.hang(getattr(fuse, operation))
    far.write("a.conf", b"new\n")
    assert far.wait_until_hanging(20)
    recorder.end()
    far.answer()
    again = start(record, tmp_path, recorder.memory)
    wait_for(again, "modified", "a.conf")
    assert ("deleted", "a.conf") not in changes(again)


def test_a_file_system_that_hung_when_it_was_met_first_is_learnt_silently_when_it_answers(
    record, far, etc, tmp_path
):
    far.hang(fuse.READ)
    recorder = start(record, tmp_path)
    recorder.wait_for_report("watching")
    (etc / "app.conf").write_text("new\n")
    wait_for(recorder, "modified", "app.conf")
    far.answer()
    recorder.wait_for(
        lambda: sum("far//" in key for key in recorder.memory.kept) == 3, "all files to be learnt"
    )
    far.write("a.conf", b"new\n")
    wait_for(recorder, "modified", "a.conf")
    assert "created" not in [change for change, _ in changes(recorder)]


def test_a_link_to_a_file_system_that_hangs_is_unreadable_until_it_answers(record, far, etc, tmp_path):
    (etc / "link").symlink_to(tmp_path / "far" / "a.conf")
    entry = FilesEntry(paths=(f"{etc}/**", f"{etc}/link"), settle=Duration(0.02))
    host = {"patience_seconds": PATIENCE_SECONDS, "compare_seconds": 0.1}
    recorder = record().start(FilesCollector([Scoped(entry)], **host))
    recorder.wait_for_report("watching 2 files")
    far.hang(fuse.READ)
    far.write("a.conf", b"new\n")
    wait_for(recorder, "unreadable", "link")
    (etc / "app.conf").write_text("new\n")
    wait_for(recorder, "modified", "app.conf")
    far.answer()
    wait_for(recorder, "modified", "link")


LONG_SECONDS = 600.0
"""Nobody is given up within a test."""


def start_patiently(record, tmp_path, memory=None, **host):
    entry = FilesEntry(paths=(f"{tmp_path}/far/**", f"{tmp_path}/near/**"), settle=Duration(0.02))
    host = {"patience_seconds": LONG_SECONDS, "poll_seconds": 0.02, **host}
    return record(memory).start(FilesCollector([Scoped(entry)], **host))


@pytest.fixture
def near(tmp_path):
    """Return a directory that is looked at after `far` where paths are taken by their names."""
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "app.conf").write_text("old\n")
    return tmp_path / "near"


@pytest.mark.parametrize("operation", ["LOOKUP", "GETATTR", "OPENDIR", "READDIR", "OPEN", "READ"])
def test_while_an_answer_is_waited_for_everything_elsewhere_is_told(record, far, near, tmp_path, operation):
    recorder = start_patiently(record, tmp_path)
    recorder.wait_for_report("watching 4 files")
    far.hang(getattr(fuse, operation))
    far.write("a.conf", b"new\n")
    assert far.wait_until_hanging(20)
    (near / "app.conf").write_text("new\n")
    wait_for(recorder, "modified", "app.conf")
    (near / "below").mkdir()
    (near / "below" / "one.conf").write_text("1\n")
    wait_for(recorder, "created", "one.conf")
    (near / "below" / "one.conf").rename(near / "two.conf")
    wait_for(recorder, "renamed", "two.conf")
    (near / "two.conf").unlink()
    wait_for(recorder, "deleted", "two.conf")
    assert ("modified", "a.conf") not in changes(recorder)
    far.answer()
    wait_for(recorder, "modified", "a.conf")
    assert not [change for change in changes(recorder) if change[0] == "unreadable"]


def test_what_changed_while_nobody_looked_is_told_before_a_slow_file_system_is_asked(
    record, far, near, tmp_path
):
    recorder = start_patiently(record, tmp_path)
    recorder.wait_for_report("watching 4 files")
    recorder.end()
    (near / "app.conf").write_text("new\n")
    far.write("a.conf", b"new\n")
    far.hang(fuse.READ)
    again = start_patiently(record, tmp_path, recorder.memory)
    wait_for(again, "modified", "app.conf")
    assert far.wait_until_hanging(20)
    assert ("modified", "a.conf") not in changes(again)
    far.answer()
    wait_for(again, "modified", "a.conf")


def test_a_stop_while_an_answer_is_waited_for_comes_at_once(record, far, near, tmp_path):
    recorder = start_patiently(record, tmp_path)
    recorder.wait_for_report("watching 4 files")
    far.hang(fuse.READ)
    far.write("a.conf", b"new\n")
    assert far.wait_until_hanging(20)
    (near / "app.conf").write_text("new\n")
    wait_for(recorder, "modified", "app.conf")
    recorder.end()


def test_what_the_spool_does_not_take_while_an_answer_is_waited_for_is_told_later(
    record, far, near, tmp_path
):
    recorder = start_patiently(record, tmp_path, refused_seconds=0.02)
    recorder.wait_for_report("watching 4 files")
    far.hang(fuse.READ)
    far.write("a.conf", b"new\n")
    assert far.wait_until_hanging(20)
    recorder.full = True
    (near / "app.conf").write_text("new\n")
    far.answer()
    recorder.wait_for_report("waiting: the spool is full")
    recorder.full = False
    wait_for(recorder, "modified", "app.conf")
    wait_for(recorder, "modified", "a.conf")
    assert sorted(changes(recorder)) == [("modified", "a.conf"), ("modified", "app.conf")]
