"""What a destination's waits say of it, to whoever looks at `status`."""

from agent.delivery.backoff import Backoff
from agent.delivery.retry_timer import RetryTimer
from agent.delivery.state import Phase


def test_a_paused_destination_needs_somebody_also_while_it_is_tried_once_more():
    timer = RetryTimer("x", Backoff(1, 300))
    timer.enter(Phase.SENDING)
    assert not timer.state.needs_operator
    timer.pause("403 Forbidden")
    timer.enter(Phase.SENDING)
    assert timer.state.needs_operator
    assert timer.state.last_failure_reason == "403 Forbidden"
    timer.succeeded()
    assert not timer.state.needs_operator


def test_one_that_backs_off_by_itself_does_not():
    timer = RetryTimer("x", Backoff(1, 300))
    timer.pause("403 Forbidden")
    timer.back_off("Connection refused")
    assert not timer.state.needs_operator
