"""What the agent tells of itself is kept, or said to be owed."""

import time

import pytest

from agent.events.capture import Capture
from agent.events.identity import Identity
from agent.runtime.self_reports import SelfReporter
from spool import Spool, SpoolFull

PATIENCE_SECONDS = 120


class Refusing(Capture):
    """A capture that a test can have refuse everything, as that of a full disk does."""

    is_full = False

    def keep(self, *arguments, **named):
        if self.is_full:
            raise SpoolFull("no room", "make some")
        return super().keep(*arguments, **named)


@pytest.fixture
def damaged(tmp_path):
    """Open a spool whose database was overwritten, and wait until it is known what could be saved."""
    tmp_path.chmod(0o710)
    (tmp_path / "spool.db").write_bytes(b"no database at all " * 1000)
    with Spool.open(tmp_path) as spool:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not spool.notices.has_news:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield spool


def test_damage_that_cannot_be_told_is_owed_until_it_is_told_and_then_not_any_more(damaged):
    capture = Refusing(damaged, Identity("h"))
    reporter = SelfReporter(damaged, capture)
    capture.is_full = True
    assert not reporter.news_of_the_spool()
    assert damaged.notices.has_news
    capture.is_full = False
    assert reporter.news_of_the_spool()
    assert not damaged.notices.has_news
    assert capture.counts["agent"] == 1


def test_where_there_is_nothing_to_tell_yet_nothing_is_owed(tmp_path):
    with Spool.open(tmp_path / "spool") as spool:
        assert SelfReporter(spool, Capture(spool, Identity("h"))).news_of_the_spool()
