"""What others noted of the end of a boot."""

import os

import pytest

from collectors._host.accounting import read_place
from collectors._host.boot import Boot
from collectors._host.clock import Instant
from collectors._host.heartbeat import Heartbeat
from collectors._host.previous_shutdown import Ended, Ending, read_ended
from collectors._utmp import layout

BOOT, RUN_LEVEL = 2, 1
JOURNAL = '{"UNIT":"poweroff.target","__REALTIME_TIMESTAMP":"160000000","__MONOTONIC_TIMESTAMP":"60000000"}\n'


def entry(type_, user, seconds):
    return layout(os.uname().machine).pack(type_, 0, b"", user.encode(), b"", seconds)


@pytest.fixture
def wtmp(tmp_path):
    path = tmp_path / "var/log/wtmp"
    path.parent.mkdir(parents=True)
    path.write_bytes(entry(BOOT, "reboot", 100))
    return path


@pytest.fixture
def mark(tmp_path, wtmp):
    def make(state="running"):
        at = Instant(wall=150.0, boottime=50.0, monotonic=50.0, trusted=True)
        place = read_place(tmp_path) if wtmp.exists() else None
        return Heartbeat(boot=Boot(boot_id="b-1", kernel="6.1"), at=at, state=state, accounting=place)

    return make


class Journal:
    """A journalctl that says one thing, and remembers what it was asked."""

    def __init__(self, says=""):
        self.says = says
        self.asked = []

    def __call__(self, arguments):
        self.asked.append(arguments)
        return self.says


def note(path, *entries):
    with path.open("ab") as file:
        file.write(b"".join(entries))


def test_a_boot_without_a_shutdown_before_it_is_a_crash(tmp_path, wtmp, mark):
    before, journal = mark(), Journal()
    note(wtmp, entry(BOOT, "reboot", 200))
    assert read_ended(before, tmp_path, journal) == Ended(None, 1)
    assert "_BOOT_ID=b1" in journal.asked[0]


def test_what_wtmp_noted_needs_no_journal(tmp_path, wtmp, mark):
    before, journal = mark(), Journal(JOURNAL)
    note(wtmp, entry(RUN_LEVEL, "shutdown", 170), entry(BOOT, "reboot", 200))
    assert read_ended(before, tmp_path, journal) == Ended(Ending("wtmp", 170), 1)
    assert journal.asked == []


def test_the_journal_names_the_kind_of_a_shutdown_that_wtmp_noted(tmp_path, wtmp, mark):
    before = mark("announced")
    note(wtmp, entry(RUN_LEVEL, "shutdown", 170))
    assert read_ended(before, tmp_path, Journal(JOURNAL)).shutdown == Ending("wtmp", 170, "poweroff")


def test_a_host_without_wtmp_has_its_journal(tmp_path, wtmp, mark):
    wtmp.unlink()
    assert read_ended(mark(), tmp_path, Journal(JOURNAL)) == Ended(Ending("journal", 160, "poweroff"), 0)


def test_a_shutdown_that_was_told_needs_nobody_else(tmp_path, wtmp, mark):
    before, journal = mark("down"), Journal(JOURNAL)
    note(wtmp, entry(BOOT, "reboot", 200), entry(BOOT, "reboot", 300))
    assert read_ended(before, tmp_path, journal) == Ended(None, 2)
    assert journal.asked == []


def test_a_host_without_journalctl_has_noted_nothing(tmp_path, mark, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_ended(mark(), tmp_path) == Ended(None, 0)
