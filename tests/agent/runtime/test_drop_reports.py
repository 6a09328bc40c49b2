"""The first drop is told at once, what follows once an hour, and every dropped event is counted."""

import pytest

from agent.events.capture import Capture
from agent.events.chunk import Captured
from agent.events.identity import Identity
from agent.runtime.drop_reports import FOLD_SECONDS, DropReports
from spool import Options, Spool


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool", Options(max_size_bytes=2_000_000)) as spool:
        spool.positions.attach("receiver", "identity", "oldest")
        yield spool


def overflow(spool):
    """Append until something had to give way."""
    import os

    capture = Capture(spool, Identity("web-1"))
    before = sum(drop.count for drop in spool.notices.drops())
    while sum(drop.count for drop in spool.notices.drops()) == before:
        body = b'{"msg_title": "%s"}' % os.urandom(20_000).hex().encode()
        capture.keep_posted([Captured("custom", body, 1_700_000_000, "T")], capture.identity)


@pytest.fixture
def told():
    return []


@pytest.fixture
def drops(spool, told):
    def tell(some):
        told.append(sum(drop.count for drop in some))
        return True

    drops = DropReports(spool, tell, ring=lambda: told.append("ring"), monotonic=Clock())
    drops.clock = drops._monotonic
    return drops


def test_nothing_dropped_is_nothing_to_wait_for(drops, told):
    drops.notice()
    drops.tell_due()
    assert drops.wait_seconds() is None
    assert told == []


def test_the_first_drop_wakes_and_is_told_at_once(spool, drops, told):
    overflow(spool)
    drops.notice()
    drops.tell_due()
    assert told[0] == "ring"
    assert told[1] >= 1
    assert drops.wait_seconds() is None


def test_what_follows_is_folded_into_one_an_hour_and_no_drop_is_told_twice(spool, drops, told):
    overflow(spool)
    drops.tell_due()
    overflow(spool)
    overflow(spool)
    drops.notice()
    drops.tell_due()
    assert len(told) == 1
    assert drops.wait_seconds() == FOLD_SECONDS
    drops.clock.now += FOLD_SECONDS
    drops.tell_due()
    assert len(told) == 2
    assert sum(told) == sum(spool.status().drops.values())


def test_a_drop_that_could_not_be_told_is_told_later(spool, told):
    answers = [False, True]
    clock = Clock()
    drops = DropReports(spool, lambda some: told.append(len(some)) or answers.pop(0), lambda: None, clock)
    overflow(spool)
    drops.tell_due()
    assert spool.notices.has_drops
    clock.now += 60
    drops.tell_due()
    assert not spool.notices.has_drops
