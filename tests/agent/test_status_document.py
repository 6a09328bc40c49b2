"""When action is needed, and what does not."""

import pytest

from agent.status import Collector, Destination, Document, Listener, SpoolSize, action_needed


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
            {"destinations": {"a": Destination(state="idle", dropped={"full": 3})}},
            "3 events for a were dropped",
        ),
    ],
)
def test_what_a_person_has_to_look_at_is_named(more, said):
    (reason,) = action_needed(document(**more))
    assert said in reason


@pytest.mark.parametrize(
    ("field", "value", "said"), [("rejected", 2, "2 events"), ("volatile", "why", "lost")]
)
def test_the_spool_may_need_somebody_as_well(field, value, said):
    found = document()
    setattr(found.spool, field, value)
    (reason,) = action_needed(found)
    assert said in reason
