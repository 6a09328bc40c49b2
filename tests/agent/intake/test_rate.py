"""A flood is told to come again later."""

from agent.intake.rate import Rate


def test_a_burst_passes_and_then_as_much_as_the_rate_gives():
    now = [0.0]
    rate = Rate(per_second=10, burst=100, monotonic=lambda: now[0])
    assert rate.take(100) == 0
    assert rate.take(10) == 1.0
    now[0] = 1.0
    assert rate.take(10) == 0
    assert rate.take(1) > 0


def test_what_is_refused_takes_nothing():
    rate = Rate(per_second=10, burst=100, monotonic=lambda: 0.0)
    assert rate.take(60) == 0
    assert rate.take(60) == 2.0
    assert rate.take(40) == 0


def test_more_at_once_than_a_burst_passes_when_nothing_came_before():
    rate = Rate(per_second=10, burst=100, monotonic=lambda: 0.0)
    assert rate.take(500) == 0
    assert rate.take(1) > 0
