"""A clock that is set ahead makes nothing old before its time, for however long it stays so."""

from dataclasses import dataclass

import pytest

from agent.runtime.earliest_clock import EarliestClock

TEN_YEARS = 10 * 365 * 86_400


@dataclass
class Clocks:
    """The clocks of a host, moved by the test."""

    boottime_now: float = 100.0
    wall_now: float = 1_700_000_000.0
    trusted: bool = True
    boot_id: str = "b"

    def go_on(self, seconds):
        self.boottime_now += seconds
        self.wall_now += seconds

    def wall(self):
        return self.wall_now

    def boottime(self):
        return self.boottime_now

    def is_trusted(self):
        return self.trusted


def test_time_goes_on_as_it_does():
    clocks = Clocks()
    earliest = EarliestClock(clocks)
    clocks.go_on(3600)
    now = earliest.moment()
    assert (now.wall, now.boottime, now.boot_id) == (1_700_003_600.0, 3700.0, "b")


@pytest.mark.parametrize("later", [1, 3600, 30 * 86_400])
def test_a_clock_that_is_set_ahead_is_not_followed(later):
    clocks = Clocks()
    earliest = EarliestClock(clocks)
    clocks.wall_now += TEN_YEARS
    clocks.go_on(later)
    assert earliest.moment().wall == 1_700_000_000.0 + later


def test_a_clock_that_is_set_back_is_followed_at_once():
    clocks = Clocks()
    earliest = EarliestClock(clocks)
    clocks.wall_now -= 3600
    assert earliest.moment().wall == 1_700_000_000.0 - 3600


def test_while_nobody_keeps_the_clock_right_nothing_is_old_and_nothing_is_learnt_of_it():
    clocks = Clocks(wall_now=5.0, trusted=False)
    earliest = EarliestClock(clocks)
    assert earliest.moment() is None
    clocks.wall_now, clocks.trusted = 1_700_000_000.0, True
    assert earliest.moment().wall == 1_700_000_000.0
