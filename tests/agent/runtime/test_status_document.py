"""When action is needed, and what does not."""

import time

import pytest

from agent.delivery.outcome import NO_HOSTNAME
from agent.runtime.status import Collector, Destination, Document, Listener, SpoolSize
from agent.runtime.status_actions import action_needed, actions


def document(**more) -> Document:
    spool = SpoolSize(
        directory="/x", size_bytes=1, max_size_bytes=2, records=0, events=0, oldest=None, rejected=0
    )
    values = {
        "running": True,
        "hostname": "web-1",
        "spool": spool,
        "collectors": {"host": Collector(state="running"), "services": Collector(state="not applicable")},
        "destinations": {"a": Destination(state="idle"), "b": Destination(state="backing off", reason="503")},
    }
    return Document(**{**values, **more})


def test_an_agent_at_work_needs_nobody_though_a_receiver_is_down_for_now():
    assert action_needed(document()) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"running": False}, "the daemon is not running"),
        ({"hostname": None}, "no acceptable hostname"),
        (
            {"listens": {"socket": Listener(address="/s", problem="why")}},
            "socket does not listen at /s: why",
        ),
        ({"replaced": ["agent.yaml:1: x: unknown key"]}, "agent.yaml is wrong, the last right one goes on"),
        ({"refused_reload": ["agent.yaml:1: x: unknown key"]}, "a reload was refused: agent.yaml:1: x"),
        (
            {"collectors": {"files": Collector(state="stopped", detail="it was not started")}},
            "collector files does not run: it was not started",
        ),
        ({"set_aside": {"/etc/x.yaml": ["wrong"]}}, "/etc/x.yaml is wrong"),
        (
            {"collectors": {"files": Collector(state="restarting", detail="why")}},
            "collector files fails: why",
        ),
        ({"destinations": {"a": Destination(state="paused", reason="403")}}, "destination a is paused: 403"),
        (
            {"destinations": {"a": Destination(state="failed", reason="no CA")}},
            "destination a is failed: no CA",
        ),
        (
            {"destinations": {"a": Destination(state="idle", dropped={"full": 9}, dropped_lately=3)}},
            "3 events for a were dropped",
        ),
    ],
)
def test_what_a_person_has_to_look_at_is_named(more, said):
    (reason,) = action_needed(document(**more))
    assert said in reason


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("rejected", 2, "2 events"),
        ("volatile", "why", "lost"),
        ("free_bytes", 4096, "the disk of /x is full"),
    ],
)
def test_the_spool_may_need_somebody_as_well(field, value, said):
    found = document()
    setattr(found.spool, field, value)
    (reason,) = action_needed(found)
    assert said in reason


def waiting(**more):
    known = {"waiting_events": 1, "oldest_waiting": time.time() - 3600, "last_success": time.time() - 3600}
    return document(destinations={"a": Destination(state="backing off", **(known | more))}, alert_after=900.0)


def test_nothing_delivered_for_long_while_something_waits_is_told_whatever_the_reason():
    (reason,) = action_needed(waiting(last_failure_reason="no route to host"))
    assert reason == "destination a has delivered nothing for 60 min: no route to host"


@pytest.mark.parametrize(
    "more",
    [
        lambda: {"waiting_events": 0},
        lambda: {"last_success": time.time()},
        lambda: {"oldest_waiting": time.time()},
    ],
    ids=["a drain", "an idle host", "a first event"],
)
def test_neither_a_drain_nor_an_idle_host_nor_a_first_event_after_silence_needs_anybody(more):
    assert action_needed(waiting(**more())) == []


def test_what_happened_long_ago_and_was_recorded_now_has_waited_since_now():
    assert action_needed(waiting(waiting_since=time.time())) == []
    assert action_needed(waiting(waiting_since=time.time() - 3600))


def test_a_collector_that_is_asked_for_and_not_applicable_does_not_run():
    services = Collector(state="not applicable", detail="no systemd", is_asked_for=True)
    (reason,) = action_needed(document(collectors={"services": services}))
    assert reason == "collector services is configured and does not run: not applicable here, no systemd"


def test_memory_that_is_full_and_damage_need_somebody():
    found = document()
    found.spool.memory_full, found.spool.damage = True, ["its first page"]
    damaged, full = sorted(action_needed(found), reverse=True)
    assert "the spool was damaged: its first page" in damaged
    assert "further files are not watched" in full


def test_what_is_wrong_with_agent_yaml_is_corrected_before_a_start_where_none_runs():
    found = actions(document(running=False, replaced=["agent.yaml:1: x"]))
    assert [action.advice.rpartition("systemctl")[2] for action in found[1:]] == [" start sts-agent`"]


EVERYTHING = document(
    set_aside={"/etc/x.yaml": ["one", "two"]},
    replaced=["agent.yaml:1: x"],
    refused_reload=["agent.yaml:1: y"],
    collectors={"files": Collector(state="restarting", detail="why"), "host": Collector(state="stopped")},
    destinations={"a": Destination(state="paused", reason="403", dropped={"full": 1}, dropped_lately=1)},
)


def test_every_reason_says_what_to_do():
    found = actions(EVERYTHING)
    assert len(found) == 7
    assert all(action.advice for action in found)


@pytest.mark.parametrize(("reason", "is_of_the_disk"), [("full", False), ("disk_full", True)])
def test_what_a_full_disk_dropped_is_advised_to_be_made_room_for_there(reason, is_of_the_disk):
    one = Destination(state="idle", dropped={reason: 3}, dropped_lately=3)
    (action,) = actions(document(destinations={"a": one}))
    assert "then acknowledge it" in action.advice
    assert ("make room where its disk was" in action.advice) == is_of_the_disk


def test_a_host_without_a_name_is_one_reason_however_many_destinations_wait_for_it():
    waits = Destination(
        state="paused", reason=NO_HOSTNAME, waiting_events=1, oldest_waiting=time.time() - 3600
    )
    found = document(hostname=None, destinations={"a": waits, "b": waits}, alert_after=900.0)
    assert action_needed(found) == ["there is no acceptable hostname"]


def test_drops_that_are_acknowledged_or_older_than_a_day_need_nobody():
    assert action_needed(document(destinations={"a": Destination(state="idle", dropped={"full": 9})})) == []
