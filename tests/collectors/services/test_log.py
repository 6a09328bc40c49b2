"""The last lines of a failed run's log."""

import pytest

from collectors._services.entry import ServicesEntry
from collectors._services.log import MAX_CHARACTERS, mask_lines, matches, parse_messages, read_last_lines
from collectors._services.transitions import Step, What
from collectors._services.unit_state import UnitState
from collectors.collector import Scoped
from collectors.services import Services

LOOK = UnitState(
    unit="a.service",
    invocation="i",
    exec_pid=7,
    changed=1_700_000_005_000_000,
    changed_monotonic=90_000_000,
    left_inactive_monotonic=86_500_000,
)
FAILED = Step(what=What.FAILED, unit="a.service", invocation="i", at=LOOK.changed, look=LOOK)


class Journal:
    """A journal that is a moment behind: it gives its answers one by one, and the word of the end after so many."""

    def __init__(self, *answers, ended_after=0):
        self.answers = list(answers)
        self._ended_at = len(answers) - ended_after

    def __call__(self, found_by, _):
        if "INVOCATION_ID=i" in found_by:
            return "Failed with result" if len(self.answers) <= self._ended_at else ""
        return self.answers.pop(0)


def test_the_log_is_read_until_two_reads_agree():
    journal = Journal("", "first\n", "first\nlast\n", "first\nlast\n", "never asked for")
    assert read_last_lines(FAILED, 3, read=journal) == "first\nlast"
    assert journal.answers == ["never asked for"]


def test_reads_that_agree_before_the_end_is_in_the_journal_do_not_count():
    journal = Journal("first\n", "first\n", "first\n", "last\n", "last\n", "never asked for", ended_after=3)
    assert read_last_lines(FAILED, 3, read=journal) == "last"
    assert journal.answers == ["never asked for"]


def test_a_journal_that_has_nothing_yet_is_given_time():
    assert read_last_lines(FAILED, 3, read=Journal("", "", "last\n", "last\n", "never asked for")) == "last"


def test_lines_are_found_by_the_run_and_by_the_pid_of_a_process_that_was_gone_when_they_arrived():
    by_name, by_pid = "_SYSTEMD_INVOCATION_ID=i", ["_SYSTEMD_UNIT=a.service", "_PID=7"]
    assert matches(FAILED) == ["--since=@1700000001", by_name, "+", *by_pid]
    assert matches(Step(what=What.FAILED, unit="a.service", invocation="of another", at=0, look=LOOK)) == [
        "_SYSTEMD_INVOCATION_ID=of another"
    ]


def test_messages_come_in_their_order_whatever_is_in_them():
    entries = b'{"MESSAGE":"last\\nof two lines"}\n{"MESSAGE":[98,255,105]}\n{"MESSAGE":null}\n{"MESSAGE":"first"}\n'
    assert parse_messages(entries) == "first\nb\ufffdi\nlast\nof two lines"


def test_secrets_are_masked_and_a_long_log_is_cut_at_its_beginning():
    assert "hunter2" not in mask_lines("starting\nconnect password=hunter2hunter2 failed")
    text = mask_lines("a line of the log\n" * 10_000 + "the last one")
    assert len(text) == MAX_CHARACTERS
    assert text.endswith("the last one")


def test_a_number_of_lines_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="from 0 to 50"):
        ServicesEntry(log_lines=51)
    assert Services([Scoped(ServicesEntry(log_lines=50))])
