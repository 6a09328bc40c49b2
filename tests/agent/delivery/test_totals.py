"""What deliveries add up to: the latency of each event that was accepted, from its own capture, and of no other."""

import time

from agent.configuration import types
from agent.delivery.totals import LATENCY_BOUNDS_SECONDS
from agent.stand_in import Reply


def by_bound(loop):
    """Return how many events were accepted within each bound, those without any left out."""
    counts = loop._sender._totals.latency_counts
    return {
        bound: count
        for bound, count in zip((*LATENCY_BOUNDS_SECONDS, "beyond"), counts, strict=True)
        if count
    }


def test_of_a_batch_each_event_counts_from_its_own_capture_and_what_is_refused_or_filtered_does_not(
    host, receiver, loop_to
):
    receiver.intercept = lambda request: Reply(400, b"no") if b'"bad"' in request.body else None
    now = time.time()
    host.keep("a", "bad", "b", event_type="Wanted", captured=now - 200)
    host.keep("c", "d", event_type="Unwanted", captured=now - 200)
    host.keep("e", event_type="Wanted", captured=now - 2000)
    host.keep("f", "g", "h", event_type="Wanted", captured=now - 200_000)
    loop = loop_to(receiver.url, compression="none", only=types.Only(types=("Wanted",)))
    assert loop.flush(120)
    assert host.totals() == (6, 2, 1)
    assert by_bound(loop) == {300.0: 2, 3600.0: 1, "beyond": 3}


def test_a_request_that_is_made_again_is_a_retry_and_a_success_is_none(host, receiver, loop_to, until):
    failing = [3]

    def fail(_):
        failing[0] -= 1
        return Reply(503) if failing[0] >= 0 else None

    receiver.intercept = fail
    host.keep("a")
    loop = loop_to(receiver.url)
    until(lambda: host.totals() == (1, 0, 0))
    assert loop._sender._totals.retries == 3
