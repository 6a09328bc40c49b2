"""What the agent tells of itself."""

from pathlib import Path

from agent.runtime import self_events
from collectors.event import AlertType, Category
from spool import Drop, Recovery, Refused

NOW = 1_700_000_000


def test_a_start_names_the_version_and_who_sees_this_host_for_the_first_time():
    event = self_events.started("1.2", "abc", ["files", "host"], NOW)
    assert (event.event_type, event.category) == ("AgentStartedEvent", Category.ACTIVITIES)
    assert event.data == {"version": "1.2", "configuration_hash": "abc", "baseline": "files, host"}
    assert "files, host" in event.text


def test_a_later_start_has_no_baseline():
    assert self_events.started("1.2", "abc", [], NOW).data["baseline"] == ""


def test_a_reload_names_what_counts_now_what_did_before_and_what_is_new():
    event = self_events.reloaded("1.2", "abc", "def", ["collector files", "tags"], NOW)
    assert (event.event_type, event.category) == ("AgentConfigurationReloadedEvent", Category.ACTIVITIES)
    assert event.data == {
        "version": "1.2",
        "configuration_hash": "abc",
        "old_configuration_hash": "def",
        "changed": "collector files, tags",
    }


def test_a_drop_tells_how_many_why_and_from_when_to_when():
    event = self_events.dropped(Drop("receiver", "full", 12, 100.0, 200.0), NOW)
    assert (event.event_type, event.category) == ("EventsDroppedEvent", Category.ALERTS)
    assert event.data == {
        "destination": "receiver", "reason": "full", "count": 12, "first_timestamp": 100, "last_timestamp": 200
    }  # fmt: skip


def test_a_recovery_tells_what_was_saved_and_what_was_not():
    recovery = Recovery("page 1 is damaged", 50.0, copy="/x", memory_lost=("files",), events_salvaged=5)
    event = self_events.recovered(recovery, NOW)
    assert event.alert_type is AlertType.ERROR
    assert event.data["events_lost"] is None
    assert "5 events were saved, an unknown number of events were lost" in event.text
    assert "learn anew what is here: files" in event.text


def test_a_wrong_configuration_is_told_with_its_problems_however_many():
    problems = tuple(f"/etc/x.yaml:{line}: key: wrong" for line in range(5000))
    event = self_events.files_set_aside({Path("/etc/x.yaml"): problems}, NOW)
    assert event.event_type == "AgentConfigurationRejectedEvent"
    assert event.data["problems"] == 5000
    assert problems[0] in event.text
    assert "without x.yaml" in event.text


def test_a_file_in_incoming_is_named_without_what_announces_a_secret():
    event = self_events.refused_files(Refused("01981f5e.json", "no JSON"), 1, NOW)
    assert event.data["path"] == "incoming/01981f5e.json"
    event = self_events.refused_files(Refused("password=hunter2xQ9", "no JSON"), 1, NOW)
    assert "hunter2xQ9" not in f"{event.title} {event.text} {event.data}"
