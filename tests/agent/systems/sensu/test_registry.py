"""What results come to: the one event that others hear, the record that Sensu gets, and what is remembered."""

import json

import pytest

from agent.configuration.types import Intake, IntakeSensu
from agent.configuration.values import Loopback
from agent.events.identity import Identity
from agent.intake.dialect import Problem
from agent.intake.quota import IntakeQuota
from agent.intake.rate import Rate
from agent.runtime.system_ports import SystemPorts
from agent.systems.sensu.room import Room
from collectors.event import Category, Event
from spool import SpoolError


def heard(sensu):
    return [(event["msg_title"], event["context"]["category"]) for event in sensu.records()]


def test_others_hear_when_a_check_opens_changes_and_is_resolved_and_nothing_of_repetitions(sensu):
    sensu.results(0, 1, 1, 2, 2, 2, 0, 0)
    assert heard(sensu) == [
        ("disk is WARNING", "Alerts"),
        ("disk is CRITICAL", "Alerts"),
        ("disk is resolved", "Activities"),
    ]


def test_what_others_hear_is_a_complete_event_of_this_host(sensu):
    sensu.results(2, executed=1_700_000_000, command="check-disk", custom={"a": [1]})
    event = sensu.records()[0]
    assert event["event_type"] == "SensuEvent"
    assert event["source_type_name"] == "sensu"
    assert event["host"] == "web-1"
    assert event["timestamp"] == 1_700_000_000
    assert event["msg_text"] == "it is 2"
    assert event["context"]["element_identifiers"] == ["urn:host:/web-1"]
    data = event["context"]["data"]
    assert data["client"] == "web-1"
    assert data["check"] == "disk"
    assert (data["status"], data["occurrences"], data["action"]) == (2, 1, "create")
    assert (data["command"], data["custom"]) == ("check-disk", {"a": [1]})


def test_the_result_of_another_source_is_of_that_host(sensu):
    sensu.results(2, source="db-7")
    event = sensu.records()[0]
    assert event["host"] == "db-7"
    assert event["context"]["element_identifiers"] == ["urn:host:/db-7"]
    assert event["msg_title"] == "disk on db-7 is CRITICAL"


def test_every_result_is_kept_as_it_came_with_source_and_time_and_without_nulls(sensu):
    posted = {"name": "disk", "output": "x", "extra": {"b": None, "c": 1.5}, "handler": None}
    sensu.results(1, 1, **{key: value for key, value in posted.items() if key not in {"name", "output"}})
    kept = sensu.records("sensu/result")
    assert len(kept) == 2
    executed = kept[0].pop("executed")
    assert kept[0] == {
        "name": "disk",
        "output": "it is 1",
        "status": 1,
        "extra": {"b": None, "c": 1.5},
        "source": "web-1",
    }
    assert isinstance(executed, int)


def test_a_result_without_a_status_gets_none_and_means_well(sensu):
    sensu.say(b'{"name": "disk", "output": "x", "executed": 5, "source": "db-7"}')
    assert sensu.records("sensu/result") == [{"name": "disk", "output": "x", "executed": 5, "source": "db-7"}]
    assert sensu.get("/results/db-7/disk")["check"]["status"] == 0


def test_what_was_remembered_is_there_after_a_restart(sensu):
    sensu.results(0, 2, 2)
    before = sensu.get("/events/web-1/disk")
    sensu.restart()
    after = sensu.get("/events/web-1/disk")
    assert [after[key] for key in ("id", "check", "occurrences")] == [
        before[key] for key in ("id", "check", "occurrences")
    ]
    sensu.results(2)
    assert sensu.get("/events")[0]["occurrences"] == 3


def test_of_what_is_not_kept_nothing_is_remembered(sensu):
    sensu.results(2)
    append, sensu.spool.records.append = sensu.spool.records.append, _fail
    with pytest.raises(Problem) as raised:
        sensu.registry.take([{"name": "disk", "output": "", "status": 2, "executed": 1}])
    sensu.spool.records.append = append
    assert raised.value.status == 503
    assert sensu.get("/events/web-1/disk")["occurrences"] == 1
    assert sensu.ask("GET", "/health")[0] == 412
    sensu.results(2)
    assert sensu.ask("GET", "/health")[0] == 204


def _fail(*_, **__):
    raise SpoolError("the disk is gone")


def test_this_host_keeps_its_checks_under_another_name(sensu):
    sensu.results(2)
    sensu.capture.rename("web-2")
    assert [event["client"]["name"] for event in sensu.get("/events")] == ["web-2"]
    assert sensu.get("/events/web-2/disk")["occurrences"] == 1


def test_a_host_without_a_name_keeps_results_and_shows_them(sensu):
    sensu.capture.identity = Identity("")
    sensu.results(2)
    assert sensu.get("/events/localhost/disk")["check"]["status"] == 2
    assert "source" not in sensu.records("sensu/result")[0]


def test_a_source_of_this_hosts_own_name_is_this_host(sensu):
    sensu.results(2, source="web-1")
    sensu.results(2)
    assert [event["occurrences"] for event in sensu.get("/events")] == [2]


# What this host itself is at


def service(event_type, unit="nginx.service", at=1_700_000_000):
    alert = event_type in {"ServiceFailedEvent", "ServiceFlappingEvent"}
    return Event(
        name="service",
        event_type=event_type,
        category=Category.ALERTS if alert else Category.ACTIVITIES,
        title=f"{unit}: {event_type}",
        text="",
        timestamp=at,
        data={"unit": unit},
    )


def process(what, created, name="worker"):
    return Event(
        name="process",
        event_type=f"Process{what}Event",
        category=Category.ACTIVITIES,
        title=f"{name} {what}",
        text="",
        timestamp=1_700_000_000,
        data={"name": name, "create_time": created},
    )


def test_a_failed_unit_is_an_event_until_it_runs_again_also_across_a_restart(sensu):
    sensu.capture.keep([service("ServiceFailedEvent")], "services", {"mine": b"1"})
    sensu.restart()
    event = sensu.get("/events/web-1/nginx.service")
    assert (event["check"]["status"], event["check"]["unit"]) == (2, "nginx.service")
    sensu.capture.keep([service("ServiceStartedEvent")], "services", {"mine": b"2"})
    assert sensu.get("/events") == []
    assert sensu.spool.memory("services").get("mine") == b"2"


def test_others_hear_of_a_failed_unit_once_by_its_own_event(sensu):
    sensu.capture.keep([service("ServiceFailedEvent")], "services", {})
    assert [event["source_type_name"] for event in sensu.records()] == ["service"]
    assert sensu.records("sensu/result") == []


def test_units_that_were_always_well_are_not_remembered(sensu):
    sensu.capture.keep([service("ServiceStartedEvent", f"u{n}.service") for n in range(9)], "services", {})
    assert sensu.get("/results") == []


def test_a_watched_process_that_ended_is_an_event_until_it_runs_again(sensu):
    sensu.capture.keep([process("Stopped", 1)], "processes", {})
    assert sensu.get("/events/web-1/process-worker")["check"]["status"] == 2
    sensu.capture.keep([process("Started", 2)], "processes", {})
    assert sensu.get("/events") == []


def test_the_end_of_a_process_that_was_replaced_already_is_none(sensu):
    sensu.capture.keep([process("Started", 2), process("Stopped", 1)], "processes", {})
    assert sensu.get("/events") == []


def test_a_failure_that_is_not_kept_is_not_remembered(sensu):
    append, sensu.spool.records.append = sensu.spool.records.append, _fail
    with pytest.raises(SpoolError):
        sensu.capture.keep([service("ServiceFailedEvent")], "services", {})
    sensu.spool.records.append = append
    assert sensu.get("/events") == []


def test_what_a_collector_saw_is_kept_also_where_its_state_cannot_be_read(sensu, caplog):
    sensu.registry._memory = _Unreadable()
    sensu.capture.keep([service("ServiceFailedEvent")], "services", {})
    assert [event["event_type"] for event in sensu.records()] == ["ServiceFailedEvent"]
    assert "the disk is gone" in caplog.text


class _Unreadable:
    get = staticmethod(_fail)


def test_ports_that_cannot_be_made_hinder_nothing_and_are_tried_again(sensu, caplog):
    def unreadable(_):
        raise SpoolError("the disk is gone")

    ports = SystemPorts(None, unreadable, lambda: sensu.identity)
    asked = Intake(sensu=IntakeSensu(api=Loopback.parse("127.0.0.1:4567")))
    assert ports.wanted(asked) == []
    assert ports.observers == {}
    assert "the disk is gone" in caplog.text
    ports._memory = sensu.spool.memory
    assert [one.name for one in ports.wanted(asked)] == ["sensu.api"]


# How much there may be


def test_a_flood_is_refused_and_nothing_of_it_is_kept(sensu):
    sensu.stop()
    sensu.rate = Rate(0.001, 2)
    sensu.start()
    sensu.results(0, 0)
    status, headers, _ = sensu.ask("POST", "/results", {"name": "disk", "output": ""})
    assert status == 429
    assert int(headers["Retry-After"]) >= 1
    assert len(sensu.records("sensu/result")) == 2


def test_a_share_that_is_full_takes_nothing(sensu):
    sensu.stop()
    sensu.share = IntakeQuota(lambda: 0, lambda: 10)
    sensu.start()
    assert sensu.say(b'{"name": "disk", "output": "", "status": 2}') == b"invalid"
    assert sensu.get("/events") == []


def room(**bounds):
    return Room(lambda _: True, **bounds)


def state(executed, *, well=True):
    event = None if well else {"id": "i", "action": "create", "occurrences": 1, "timestamp": 1}
    return json.dumps({"history": [0], "result": {"executed": executed}, "event": event}).encode()


def test_the_check_that_was_well_longest_ago_makes_room(caplog):
    one = room(most_checks=3)
    for number, well in enumerate((False, True, True)):
        one.changed({f"check//{number}": state(number, well=well)})
    assert one.make({"check//new": state(9)}) == {"check//1": None}
    assert "no more have room" in caplog.text


def test_checks_that_are_not_well_never_make_room():
    one = room(most_checks=2)
    one.changed({f"check//{number}": state(number, well=False) for number in range(2)})
    with pytest.raises(Problem) as raised:
        one.make({"check//new": state(9)})
    assert raised.value.status == 507
    assert one.make({"check//1": state(9)}) == {}


def test_large_results_make_room_too():
    one = room(most_bytes=1000)
    one.changed({"check//old": state(1) + b" " * 800})
    assert one.make({"check//new": state(2) + b" " * 800}) == {"check//old": None}
