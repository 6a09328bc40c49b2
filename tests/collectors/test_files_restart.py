"""A restart of the files collector: a directory of which nothing changed is done with by one digest, and that hides nothing."""

import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from collectors._files.fingerprint import STAT_SIZE, decode, directory_key, encode, file_key
from collectors._files.selection import Scope, Selection
from collectors._files.stats import Stats
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector, FilesEntry


@pytest.fixture
def etc(open_path):
    """Make a directory with two files that everybody may read."""
    directory = open_path / "etc"
    directory.mkdir()
    for name in ("a.conf", "b.conf"):
        (directory / name).write_text(f"name = {name}\n")
        (directory / name).chmod(0o644)
    return directory


@pytest.fixture
def restarted(record, etc):
    """Run a collector until it has compared everything; return what it told, how many files it watches, and what is remembered.

    Each call is a restart of the one before. By its clock no file was changed just now: so each digest counts.
    """
    memory = []

    def run(**options):
        entry = FilesEntry(**{"paths": (f"{etc}/**",), "settle": Duration(0.03)} | options)
        collector = FilesCollector([Scoped(entry)], wall=lambda: time.time() + 60)
        recorder = record(*memory).start(collector)
        memory[:] = [recorder.memory]
        recorder.wait_for_report("watching")
        recorder.end()
        said = next(text for text in recorder.reports if text.startswith("watching"))
        told = [(event.data["change"], Path(event.data["path"]).name) for event in recorder.events]
        return sorted(told), int(said.split()[1]), recorder.memory.kept

    return run


def test_a_file_that_is_not_meant_does_not_stand_in_for_one_that_went(restarted, etc):
    assert restarted()[:2] == ([], 2)
    (etc / "b.conf").rename(etc / "b.conf.lock")
    assert restarted()[:2] == ([("deleted", "b.conf")], 1)
    (etc / "b.conf.lock").unlink()
    assert restarted()[:2] == ([], 1)
    (etc / "b.conf").write_text("here again\n")
    assert restarted()[:2] == ([("created", "b.conf")], 2)


def test_a_digest_made_by_another_configuration_hides_neither_a_file_that_is_meant_now_nor_one_that_is_not(
    restarted, etc
):
    assert restarted()[1] == 2
    without = {"exclude": ("b.conf",)}
    told, files, kept = restarted(**without)
    assert (told, files) == ([], 1)
    assert not any("b.conf" in key for key in kept), "what no entry means any more is forgotten"
    (etc / "b.conf").write_text("of no interest\n")
    assert restarted(**without)[:2] == ([], 1)
    told, files, kept = restarted()
    assert (told, files) == ([], 2)
    assert any("b.conf" in key for key in kept), "what is meant now is learnt silently"
    (etc / "b.conf").write_text("of interest\n")
    assert restarted()[:2] == ([("modified", "b.conf")], 2)


@pytest.mark.parametrize("damaged", [b"", b"x", bytes(20), b"\0\0\0\x02" + bytes(16), b"\xff" * 60])
def test_a_damaged_digest_leads_to_a_compare_of_each_file_and_to_no_event(restarted, etc, damaged):
    _, _, kept = restarted()
    key = directory_key(str(etc))
    whole = kept[key]
    assert whole
    kept[key] = damaged
    assert restarted()[:2] == ([], 2)
    assert kept[key] == whole
    kept[key] = damaged
    (etc / "a.conf").write_text("changed while nobody looked\n")
    assert restarted()[:2] == ([("modified", "a.conf")], 2)


@pytest.mark.parametrize("is_compared", [False, True])
def test_a_file_remembered_before_it_was_known_why_its_text_is_left_out_is_neither_told_nor_looked_at_anew(
    restarted, etc, is_compared
):
    """As an earlier version remembered it; its reason is known from the next change on."""
    (etc / "a.conf").write_bytes(b"a\0b")
    (etc / "b.conf").write_text("line\n" * 3000)
    _, _, kept = restarted()
    keys = [file_key(str(etc / name)) for name in ("a.conf", "b.conf")]
    for key in keys:
        now = decode(kept[key]).content
        assert now.left_out
        kept[key] = kept[key][:STAT_SIZE] + encode(b"", replace(now, left_out=""))
    before = {key: kept[key] for key in keys}
    if is_compared:
        kept[directory_key(str(etc))] = b""
    told, _, kept = restarted()
    assert told == []
    assert {key: kept[key] for key in keys} == before
    (etc / "a.conf").touch()
    told, _, kept = restarted()
    assert told == []
    assert [decode(kept[key]).content.left_out for key in keys] == ["it is no text in UTF-8", ""]


def test_a_link_to_another_target_is_told_though_all_files_of_its_directory_are_as_they_were(
    restarted, etc, open_path
):
    target = open_path / "target"
    target.write_text("one\n")
    (etc / "link").symlink_to(target)
    assert restarted()[:2] == ([], 3)
    assert restarted()[:2] == ([], 3)
    target.write_text("another\n")
    assert restarted()[:2] == ([("modified", "link")], 3)


def test_a_second_name_outside_of_what_is_watched_is_noticed_by_the_next_restart(restarted, etc, open_path):
    restarted()
    _, _, kept = restarted()
    before = kept[directory_key(str(etc))]
    os.link(etc / "a.conf", open_path / "elsewhere")
    assert restarted()[:2] == ([], 2)
    _, _, kept = restarted()
    assert kept[directory_key(str(etc))] not in {b"", before}


@pytest.mark.parametrize(
    "other",
    [
        Scope(("/etc/*",)),
        Scope(("/etc/**",), exclude=("*.conf",)),
        Scope(("/etc/**",), default_excludes=False),
        Scope(("/etc/**", "/srv/x")),
    ],
)
def test_rules_by_which_other_files_are_meant_are_other_rules(other):
    rules = Selection([Scope(("/etc/**",))]).rules
    assert Selection([other]).rules != rules
    assert Selection([Scope(("/etc/**",))]).rules == rules


def test_a_digest_of_the_same_stats_by_other_rules_proves_nothing(etc):
    with os.scandir(etc) as listing:
        entries = list(listing)
    now = time.time_ns() + 10**10
    ours, others, fewer = Stats(now, b"ours"), Stats(now, b"others"), Stats(now, b"ours")
    ours.add_all(entries)
    others.add_all(entries)
    fewer.add_all(entries[:1])
    assert ours.proves(ours.digest())
    assert not ours.proves(others.digest())
    assert not ours.proves(fewer.digest())
    assert not ours.proves(b"")
