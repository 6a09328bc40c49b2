"""A problem is refreshed before it would expire, for as long as its service is not well, also across restarts."""

import pytest

from agent.events.host_state import HostState
from agent.events.stored_event import StoredContext, StoredEvent
from agent.systems.dynatrace.lasting import LastingProblems, as_problem, failing
from agent.systems.dynatrace.rules import MINUTE_MS, V1
from collectors.collector import Condition, RunState

TIMEOUT = 900.0
NOW_MS = 1_795_700_000_000
FAILED = StoredEvent(event_type="ServiceFailedEvent", context=StoredContext(data={"unit": "a.service"}))


class Host:
    """A memory on disk, a clock, and the services that are not well."""

    def __init__(self):
        self.kept = {}
        self.now = 1000.0
        self.failing = {"a.service", "b.service"}

    def items(self):
        yield from sorted(self.kept.items())

    def remember(self, keys):
        self.kept = {key: value for key, value in (self.kept | dict(keys)).items() if value is not None}

    def lasting(self):
        return LastingProblems(
            V1,
            TIMEOUT,
            memory=self,
            remember=self.remember,
            failing=lambda: self.failing,
            clock=lambda: self.now,
        )


@pytest.fixture
def host():
    return Host()


def message(start=NOW_MS, kind="ERROR_EVENT"):
    return {"eventType": kind, "title": "a failed", "start": start}


def test_while_nothing_was_sent_nothing_is_due(host):
    assert host.lasting().due_seconds() is None


def test_the_same_message_is_due_before_it_expires_and_again_after_each_refresh(host):
    lasting = host.lasting()
    lasting.note(FAILED, "service", message(), is_late=False)
    for _ in range(5):
        due = lasting.due_seconds()
        assert 0 < due < TIMEOUT
        assert lasting.next(NOW_MS) is None
        host.now += due
        assert lasting.next(NOW_MS) == ("a.service", message())
        lasting.refreshed("a.service", has_arrived=True)


def test_a_refresh_that_failed_is_tried_again_before_the_problem_expires(host):
    lasting = host.lasting()
    lasting.note(FAILED, "service", message(), is_late=False)
    began = host.now
    host.now += lasting.due_seconds()
    lasting.refreshed("a.service", has_arrived=False)
    assert host.now + lasting.due_seconds() < began + TIMEOUT


def test_it_survives_a_restart_and_is_due_before_it_can_have_expired(host):
    host.lasting().note(FAILED, "service", message(), is_late=False)
    host.now += TIMEOUT / 2 - 1  # the agent stops just before it would have refreshed
    again = host.lasting()
    assert again.due_seconds() < TIMEOUT / 2
    host.now += again.due_seconds()
    assert again.next(NOW_MS) == ("a.service", message())


def test_it_stops_when_the_service_is_well_again_and_is_forgotten(host):
    lasting = host.lasting()
    lasting.note(FAILED, "service", message(), is_late=False)
    host.now += lasting.due_seconds()
    host.failing = {"b.service"}
    assert lasting.next(NOW_MS) is None
    assert lasting.due_seconds() is None
    assert host.kept == {}
    assert host.lasting().due_seconds() is None


def test_a_start_that_has_become_too_old_for_a_problem_is_left_out(host):
    lasting = host.lasting()
    lasting.note(FAILED, "service", message(), is_late=False)
    host.now += lasting.due_seconds()
    _, sent = lasting.next(NOW_MS + 61 * MINUTE_MS)
    assert sent == {"eventType": "ERROR_EVENT", "title": "a failed"}


def test_a_problem_that_was_too_late_to_be_one_and_lasts_is_opened_at_once(host):
    lasting = host.lasting()
    lasting.note(FAILED, "service", message(NOW_MS - 120 * MINUTE_MS), is_late=True)
    assert lasting.due_seconds() == 0
    assert lasting.next(NOW_MS) == ("a.service", {"eventType": "ERROR_EVENT", "title": "a failed"})


ENDED = StoredEvent(
    event_type="ProcessStoppedEvent", context=StoredContext(category="Activities", data={"name": "worker"})
)


def test_that_a_process_ended_is_a_problem_when_nothing_of_it_came_back_after_a_while(host):
    host.failing = {"process/worker"}
    lasting = host.lasting()
    lasting.note(ENDED, "process", message(), is_late=False)
    assert 0 < lasting.due_seconds() <= 10
    assert lasting.next(NOW_MS) is None
    host.now += lasting.due_seconds()
    assert lasting.next(NOW_MS) == ("process/worker", message())
    lasting.refreshed("process/worker", has_arrived=True)
    host.now += lasting.due_seconds()
    assert lasting.next(NOW_MS) == ("process/worker", message())


def test_a_process_that_was_restarted_meanwhile_is_no_problem(host):
    lasting = host.lasting()
    lasting.note(ENDED, "process", message(), is_late=False)
    host.now += lasting.due_seconds()
    assert lasting.next(NOW_MS) is None
    assert host.kept == {}


def test_the_end_of_a_process_alone_is_taken_for_an_alert_beside_the_information_that_it_is():
    assert as_problem(ENDED, "process").context.category == "Alerts"
    assert as_problem(ENDED, "custom") is None
    assert as_problem(FAILED, "process") is None


def test_what_is_not_well_are_failed_and_flapping_services_and_processes_of_which_none_runs():
    services = [Condition("a.service", RunState.FAILED), Condition("b.service", RunState.DOWN)]
    processes = [Condition("worker", RunState.DOWN), Condition("pool", RunState.UP)]
    state = HostState(services=tuple(services), processes=tuple(processes))
    assert failing(state) == {"a.service", "process/worker"}


@pytest.mark.parametrize(
    ("event", "name", "kind"),
    [
        (FAILED, "custom", "ERROR_EVENT"),
        (FAILED, "service", "CUSTOM_INFO"),
        (StoredEvent(), "service", "ERROR_EVENT"),
    ],
)
def test_what_is_no_problem_of_a_service_is_not_refreshed(host, event, name, kind):
    lasting = host.lasting()
    lasting.note(event, name, message(kind=kind), is_late=False)
    assert lasting.due_seconds() is None


def test_a_disk_that_keeps_nothing_stops_no_refresh(host):
    def full(_):
        raise OSError("no space")

    host.remember = full
    lasting = host.lasting()
    lasting.note(FAILED, "service", message(), is_late=False)
    host.now += lasting.due_seconds()
    assert lasting.next(NOW_MS) is not None
