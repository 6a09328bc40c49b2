"""The files collector, on real directories: each change is one event with what was and what is."""

import hashlib
import os
import time

import pytest

from collectors._files.entry import FilesEntry
from collectors.collector import Duration, NotApplicable, Scoped
from collectors.files import FilesCollector

OLD = "listen 80;\nworkers 1;\n"
NEW = "listen 8080;\nworkers 1;\n"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def collector(*paths, settle=0.03, tags=(), element_identifiers=(), **options):
    entry = FilesEntry(paths=tuple(map(str, paths)), settle=Duration(settle), **options)
    return FilesCollector([Scoped(entry, tags, element_identifiers)])


@pytest.fixture
def etc(open_path):
    """Make a directory that everybody may look into, as /etc is."""
    directory = open_path / "etc"
    directory.mkdir()
    (directory / "app.conf").write_text(OLD)
    (directory / "app.conf").chmod(0o644)
    return directory


@pytest.fixture
def watching(record, etc):
    """Run a collector that watches everything in `etc` and has learnt it."""
    recorder = record().start(collector(f"{etc}/**"))
    recorder.wait_for_report("watching")
    return recorder


def told(recorder, count=1):
    """Return (change, file name) of what was told, after giving anything surplus the time to come."""
    recorder.wait_for_events(count)
    recorder.stop.wait(0.15)
    return sorted((event.data["change"], event.data["path"].rpartition("/")[2]) for event in recorder.events)


def test_without_configuration_there_is_nothing_to_do(record):
    with pytest.raises(NotApplicable):
        record().start(FilesCollector([])).end()


def test_first_sight_is_silent_and_remembered(record, etc):
    recorder = record().start(collector(f"{etc}/**"))
    recorder.wait_for_report("watching 1 files")
    recorder.end()
    assert recorder.events == []
    assert any("app.conf" in key for key in recorder.memory.kept)


def test_a_write_is_one_modified_event_with_both_hashes_and_a_diff(watching, etc):
    (etc / "app.conf").write_text(NEW)
    assert told(watching) == [("modified", "app.conf")]
    (event,) = watching.events
    assert (event.name, event.event_type, event.category) == (
        "config",
        "ConfigurationChangedEvent",
        "Changes",
    )
    assert event.data["path"] == str(etc / "app.conf")
    assert event.data["old_sha256"] == sha256(OLD)
    assert event.data["new_sha256"] == sha256(NEW)
    assert (event.data["old_size"], event.data["new_size"]) == (len(OLD), len(NEW))
    assert event.data["new_mode"] == "0644"
    assert "-listen 80;\n+listen 8080;\n" in event.data["diff"]
    assert "while_agent_down" not in event.data
    assert abs(event.timestamp - time.time()) < 60


def test_a_file_that_comes_and_one_that_goes_are_told(watching, etc):
    (etc / "new.conf").write_text(NEW)
    watching.wait_for_events(1)
    (etc / "app.conf").unlink()
    assert told(watching, 2) == [("created", "new.conf"), ("deleted", "app.conf")]
    created, deleted = watching.events
    assert (created.data["old_sha256"], created.data["new_sha256"]) == (None, sha256(NEW))
    assert (deleted.data["old_sha256"], deleted.data["new_sha256"]) == (sha256(OLD), None)


def test_a_rename_is_one_event_that_says_from_where(watching, etc):
    (etc / "app.conf").rename(etc / "site.conf")
    assert told(watching) == [("renamed", "site.conf")]
    assert watching.events[0].data["renamed_from"] == str(etc / "app.conf")
    assert watching.events[0].data["new_sha256"] == sha256(OLD)


def test_writing_the_same_content_again_is_no_change(watching, etc):
    (etc / "app.conf").write_text(OLD)
    (etc / "app.conf").touch()
    (etc / "other.conf").write_text("x")
    assert told(watching) == [("created", "other.conf")]


def test_excluded_files_are_not_seen(record, etc):
    recorder = record().start(collector(f"{etc}/**", exclude=("*.swp", f"{etc}/cache")))
    recorder.wait_for_report("watching")
    (etc / "cache").mkdir()
    (etc / "cache" / "x").write_text("x")
    (etc / ".app.conf.swp").write_text("x")
    (etc / "seen.conf").write_text("x")
    assert told(recorder) == [("created", "seen.conf")]


def test_one_change_is_one_event_with_the_labels_of_every_entry_that_matches(record, etc):
    entries = [
        Scoped(FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.03)), ("app:a",), ("urn:a",)),
        Scoped(FilesEntry(paths=(f"{etc}/*.conf",), diff="never"), ("app:a", "team:b"), ("urn:b",)),
    ]
    recorder = record().start(FilesCollector(entries))
    recorder.wait_for_report("watching")
    (etc / "app.conf").write_text(NEW)
    assert told(recorder) == [("modified", "app.conf")]
    (event,) = recorder.events
    assert event.tags == ("app:a", "team:b")
    assert event.element_identifiers == ("urn:a", "urn:b")
    assert "diff" not in event.data


def test_what_changed_while_the_collector_alone_was_away_is_not_told_as_while_the_agent_was_down(record, etc):
    first = record().start(collector(f"{etc}/**"))
    first.wait_for_report("watching")
    first.end()
    (etc / "app.conf").write_text(NEW)
    second = record(first.memory, absence=first.runtime.absence).start(collector(f"{etc}/**"))
    assert told(second, 1) == [("modified", "app.conf")]
    assert "while_agent_down" not in second.events[0].data
    assert "while the agent was not running" not in second.events[0].text
    second.end()


def test_what_changed_while_the_agent_was_down_is_told_as_that_by_the_run_that_gets_to_the_end(record, etc):
    first = record().start(collector(f"{etc}/**"))
    first.wait_for_report("watching")
    first.end()
    (etc / "app.conf").write_text(NEW)
    failing = record(first.memory)
    failing.retired = True
    failing.start(collector(f"{etc}/**")).wait_for_end()
    assert failing.runtime.absence.lasts
    second = record(first.memory, absence=failing.runtime.absence).start(collector(f"{etc}/**"))
    second.wait_for_report("watching")
    assert [event.data["while_agent_down"] for event in second.wait_for_events(1)] == [True]
    assert not second.runtime.absence.lasts
    second.end()


def test_what_changed_while_the_agent_was_down_is_told_at_the_next_start(record, etc):
    (etc / "gone.conf").write_text("gone")
    (etc / "moved.conf").write_text("moved")
    first = record().start(collector(f"{etc}/**"))
    first.wait_for_report("watching")
    first.end()
    (etc / "app.conf").write_text(NEW)
    (etc / "gone.conf").unlink()
    (etc / "moved.conf").rename(etc / "elsewhere.conf")
    (etc / "new.conf").write_text("new")
    second = record(first.memory).start(collector(f"{etc}/**"))
    second.wait_for_report("watching")
    assert told(second, 4) == [
        ("created", "new.conf"),
        ("deleted", "gone.conf"),
        ("modified", "app.conf"),
        ("renamed", "elsewhere.conf"),
    ]
    assert all(event.data["while_agent_down"] is True for event in second.events)
    assert "+listen 8080;\n" in next(e for e in second.events if e.data["change"] == "modified").data["diff"]
    second.end()
    third = record(first.memory).start(collector(f"{etc}/**"))
    third.wait_for_report("watching")
    third.end()
    assert third.events == []


def test_files_that_a_new_entry_means_are_learnt_silently(record, etc, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.conf").write_text("x")
    first = record().start(collector(f"{etc}/**"))
    first.wait_for_report("watching")
    first.end()
    second = record(first.memory).start(collector(f"{etc}/**", f"{other}/**"))
    second.wait_for_report("watching 2 files")
    assert second.events == []
    (other / "x.conf").write_text("y")
    assert told(second) == [("modified", "x.conf")]
    second.end()
    third = record(first.memory).start(collector(f"{other}/**"))
    third.wait_for_report("watching 1 files")
    third.end()
    assert third.events == []
    assert not any(str(etc) in key for key in third.memory.kept)


def test_the_timestamp_is_when_the_file_changed(record, etc):
    first = record().start(collector(f"{etc}/**"))
    first.wait_for_report("watching")
    first.end()
    (etc / "app.conf").write_text(NEW)
    os.utime(etc / "app.conf", (1, 1))  # mtime is copied by cp -p, dpkg and rsync; it proves nothing
    changed = (etc / "app.conf").stat().st_ctime
    second = record(first.memory).start(collector(f"{etc}/**"))
    (event,) = second.wait_for_events(1)
    assert event.timestamp == int(changed)


def test_a_change_that_had_not_settled_at_the_stop_is_told_then(record, etc):
    recorder = record().start(collector(f"{etc}/**", settle=60))
    recorder.wait_for_report("watching")
    (etc / "app.conf").write_text(NEW)
    recorder.end()
    assert [event.data["change"] for event in recorder.events] == ["modified"]
    again = record(recorder.memory).start(collector(f"{etc}/**"))
    again.wait_for_report("watching")
    again.end()
    assert again.events == []


def test_a_full_spool_takes_nothing_and_nothing_is_lost(watching, etc):
    watching.full = True
    (etc / "app.conf").write_text(NEW)
    watching.wait_for_report("waiting: the spool is full")
    watching.end()
    assert watching.events == []
    assert watching.error is None


def test_a_run_that_was_replaced_returns_and_leaves_nothing_behind(watching, etc):
    watching.retired = True
    (etc / "app.conf").write_text(NEW)
    watching.wait_for_end()
    watching.end()


def test_changes_within_the_settle_are_one_change_and_the_last_content_counts(record, etc):
    recorder = record().start(collector(f"{etc}/**", settle=1.5))  # far longer than the writes take
    recorder.wait_for_report("watching")
    for number in range(20):
        (etc / "app.conf").write_text(f"listen {number};\n")
    assert told(recorder) == [("modified", "app.conf")]
    assert recorder.events[0].data["new_sha256"] == sha256("listen 19;\n")
