"""The thread that runs before all others takes a small share of a processor, whatever there is to do."""

import pytest

from collectors._origin import pace


class Clock:
    """A thread that works and sleeps, and what the kernel says of both."""

    def __init__(self):
        self.used = self.now = 0.0
        self.pace = pace.Pace(lambda: self.used, lambda: self.now)

    def work(self, seconds):
        self.used += seconds
        self.now += seconds

    def storm(self, seconds, piece):
        """Work in pieces without a break but those that are owed; return the longest time at work and the share in all."""
        longest = at_work = 0.0
        used, began = self.used, self.now
        while self.now < began + seconds:
            self.work(piece)
            at_work += piece
            longest = max(longest, at_work)
            if owed := self.pace.owed_seconds():
                self.now += owed
                at_work = 0.0
        return longest, (self.used - used) / (self.now - began)


@pytest.mark.parametrize("piece", [0.0001, 0.01, 0.05])
def test_a_storm_gets_a_tenth_of_a_processor_and_never_a_long_turn(piece):
    clock = Clock()
    longest, share = clock.storm(60, piece)
    assert longest <= pace.BURST_SECONDS / (1 - pace.SHARE) + 2 * piece
    assert share == pytest.approx(pace.SHARE, rel=0.15)


def test_what_is_less_than_the_share_is_never_held_up():
    clock = Clock()
    for _ in range(1000):
        clock.work(0.005)
        clock.now += 0.05
        assert clock.pace.owed_seconds() == 0


def test_a_short_storm_after_a_quiet_time_is_taken_in_one_go():
    clock = Clock()
    clock.storm(10, 0.01)
    clock.now += 5
    assert clock.pace.owed_seconds() == 0
    clock.work(pace.BURST_SECONDS * 0.9)
    assert clock.pace.owed_seconds() == 0
    clock.work(pace.BURST_SECONDS * 0.2)
    assert clock.pace.owed_seconds() > 0
