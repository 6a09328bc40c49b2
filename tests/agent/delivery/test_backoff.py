"""Waits are random within a window that doubles, bounded, and spread over a fleet."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.delivery.backoff import Backoff

LONGEST = Backoff(1, 300, spread=lambda _low, high: high)
SHORTEST = Backoff(1, 300, spread=lambda low, _high: low)


def test_the_window_doubles_up_to_the_cap():
    waits = [LONGEST.delay(failures) for failures in range(1, 12)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


@given(st.integers(0, 10**9))
def test_no_number_of_failures_exceeds_the_cap(failures):
    assert 0 < LONGEST.delay(failures) <= 300


def test_what_the_other_side_asks_for_is_the_least():
    assert SHORTEST.delay(1, 60.0) == 60
    assert 60 < LONGEST.delay(1, 60.0) <= 66


def test_more_than_the_cap_is_honoured_while_it_can_be_believed():
    assert 600 <= SHORTEST.delay(1, 600.0) <= 660


@pytest.mark.parametrize("asked", [86_400.0, 1e20, float("inf")])
def test_an_absurd_wish_is_bounded_by_our_own_cap(asked):
    assert 150 <= SHORTEST.delay(1, asked) <= LONGEST.delay(1, asked) <= 300


def test_a_wish_of_nothing_is_our_own_wait():
    assert LONGEST.delay(3, 0.0) == 4


def test_a_fleet_that_failed_together_does_not_come_back_together():
    agents = random.Random(1)
    backoff = Backoff(1, 300, agents.uniform)
    seconds = [int(backoff.delay(10)) for _ in range(10_000)]
    busiest = max(seconds.count(second) for second in set(seconds))
    assert busiest < 100  # 33 on the average


def test_a_pause_is_never_probed_oftener_than_the_cap():
    assert SHORTEST.probe_delay() == 300
    assert LONGEST.probe_delay() == pytest.approx(330)
