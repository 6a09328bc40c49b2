"""The last lines of a failed run's log."""

import pytest

from collectors._services.log import MAX_CHARACTERS, mask_lines, read_last_lines
from collectors.collector import Scoped
from collectors.services import Services, ServicesEntry


def test_the_log_is_read_until_two_reads_agree():
    answers = iter(["", "first\n", "first\nlast\n", "first\nlast\n", "never asked for"])
    assert read_last_lines("x", 3, read=lambda *_: next(answers)) == "first\nlast"


def test_a_journal_that_has_nothing_yet_is_given_time():
    answers = iter(["", "", "last\n", "last\n", "never asked for"])
    assert read_last_lines("x", 3, read=lambda *_: next(answers)) == "last"


def test_secrets_are_masked_and_a_long_log_is_cut_at_its_beginning():
    assert "hunter2" not in mask_lines("starting\nconnect password=hunter2hunter2 failed")
    text = mask_lines("a line of the log\n" * 10_000 + "the last one")
    assert len(text) == MAX_CHARACTERS
    assert text.endswith("the last one")


def test_a_number_of_lines_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="from 0 to 50"):
        ServicesEntry(log_lines=51)
    assert Services([Scoped(ServicesEntry(log_lines=50))])
