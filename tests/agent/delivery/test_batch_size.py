"""Batches shrink when they were too much, and grow back to what goes through."""

from agent.delivery.batch_size import SUCCESSES_BEFORE_MORE, BatchSize


def test_what_was_too_much_is_halved_until_it_passes():
    size = BatchSize(1000, 100_000)
    for wanted in (500, 250, 125):
        size.too_much(size.events, size.bytes)
        assert size.events == wanted
    assert size.bytes == 12_500


def test_a_batch_smaller_than_allowed_is_halved_too():
    size = BatchSize(1000, 100_000)
    size.too_much(100, 1000)
    assert size.events == 50


def test_a_single_event_cannot_be_halved():
    size = BatchSize(1000, 100_000)
    size.too_much(1, 90_000)
    assert size.events == 1000


def test_it_never_asks_for_less_than_one_event():
    size = BatchSize(4, 4)
    for _ in range(20):
        size.too_much(2, 2)
    assert (size.events, size.bytes) == (1, 1)


def test_it_stays_at_what_passed_and_tries_more_only_after_some_successes():
    size = BatchSize(1000, 100_000)
    size.too_much(1000, 1)
    for _ in range(SUCCESSES_BEFORE_MORE - 1):
        size.succeeded()
        assert size.events == 500
    size.succeeded()
    assert size.events == 1000


def test_after_an_outage_a_drain_begins_small_and_doubles():
    size = BatchSize(1000, 100_000)
    size.ramp()
    seen = []
    for _ in range(5):
        seen.append(size.events)
        size.succeeded()
    assert seen == [125, 250, 500, 1000, 1000]
