"""Every event of this host becomes a message that the events API takes, and nothing of it is lost on the way."""

import pytest

from agent.events.stored_event import StoredContext, StoredEvent
from agent.systems.dynatrace.check import violations
from agent.systems.dynatrace.rules import V1, V2
from agent.systems.dynatrace.strict import strict
from agent.systems.dynatrace.to_desk import Terms, lacks, message_of
from collectors.event import Category

HAPPENED = 1_795_700_000
RULES = {"entityIds": ["HOST-1"]}


def event(event_type, category="Others", text="", **data):
    return StoredEvent(
        event_type=event_type,
        title="what happened",
        text=text,
        source_type="service",
        host="edge-01",
        tags=("env:prod", "app:shop"),
        timestamp=HAPPENED,
        context=StoredContext(category, "sts-agent", "id-1", ("urn:host:/edge-01",), (), data),
    )


def sent(one, name="service", version=V1, **more):
    message = message_of(one, name, HAPPENED * 1000 + 700, Terms(version, RULES, **more), {})
    assert [*violations(message, version), *strict(message, version)] == []
    return message


def test_an_alert_opens_a_problem_that_stays_open_as_long_as_it_is_configured():
    message = sent(event("ServiceFailedEvent", "Alerts", unit="a.service"), timeout_seconds=600)
    assert message["eventType"] == "ERROR_EVENT"
    assert (message["title"], message["description"]) == ("what happened", "what happened")
    assert message["timeoutMinutes"] == 10
    assert message["start"] == HAPPENED * 1000
    assert "end" not in message
    assert message["attachRules"] == RULES
    assert message["customProperties"] == {
        "unit": "a.service",
        "source_identifier": "id-1",
        "event_type": "ServiceFailedEvent",
        "name": "service",
        "host": "edge-01",
        "category": "Alerts",
        "tags": "env:prod, app:shop",
        "element_identifiers": "urn:host:/edge-01",
    }


def test_a_problem_keeps_the_type_it_came_with():
    message = sent(event("PERFORMANCE_EVENT", "Alerts", text="slow", timeoutMinutes=5, disk="sda"))
    assert (message["eventType"], message["description"]) == ("PERFORMANCE_EVENT", "slow")
    assert message["timeoutMinutes"] == 5
    assert message["customProperties"]["disk"] == "sda"
    assert sent(event("X", "Alerts", eventType="AVAILABILITY_EVENT"))["eventType"] == "AVAILABILITY_EVENT"


def test_a_change_is_a_configuration_of_its_path():
    changes = [{"key": "workers", "old": 4, "new": 16}]
    data = {"path": "/etc/a", "changes": changes, "size": 3}
    message = sent(event("ConfigurationChangedEvent", "Changes", text="by hand", **data))
    assert (message["eventType"], message["configuration"]) == ("CUSTOM_CONFIGURATION", "/etc/a")
    assert message["customProperties"]["changes"] == '[{"key":"workers","old":4,"new":16}]'
    assert message["customProperties"]["size"] == "3"
    assert message["customProperties"]["title"] == "what happened"
    assert message["start"] == message["end"] == HAPPENED * 1000


def test_a_version_that_changed_is_a_deployment_of_the_package():
    message = sent(event("VersionChangedEvent", "Deployments", package="nginx", new_version="1.26"))
    assert message["eventType"] == "CUSTOM_DEPLOYMENT"
    assert (message["deploymentName"], message["deploymentVersion"]) == ("nginx", "1.26")
    removed = sent(event("VersionChangedEvent", package="nginx", action="removed", new_version=None))
    assert removed["deploymentVersion"] == "removed"


def test_all_else_is_an_information():
    message = sent(event("HostBootedEvent", "Activities", text="after 3 s", boot_id="b"))
    assert (message["eventType"], message["title"], message["description"]) == (
        "CUSTOM_INFO",
        "what happened",
        "after 3 s",
    )
    assert message["customProperties"]["event_type"] == "HostBootedEvent"


def test_an_event_of_one_of_their_types_has_its_fields_in_its_data():
    data = {"deploymentName": "shop", "deploymentVersion": "2.4", "ciBackLink": "http://ci/7", "branch": "x"}
    message = sent(event("CUSTOM_DEPLOYMENT", **data))
    assert {key: message[key] for key in data if key != "branch"} == {
        key: data[key] for key in data if key != "branch"
    }
    assert message["source"] == "sts-agent"
    assert message["customProperties"]["branch"] == "x"
    assert "deploymentName" not in message["customProperties"]


def test_an_event_whose_data_are_not_what_its_type_requires_goes_as_an_information_with_all_of_them():
    message = sent(event("CUSTOM_DEPLOYMENT", deploymentName=5, start="now", attachRules="none"))
    assert message["eventType"] == "CUSTOM_INFO"
    assert message["start"] == HAPPENED * 1000
    assert (
        message["customProperties"] | {"deploymentName": "5", "start": "now", "attachRules": "none"}
        == (message["customProperties"])
    )
    assert message["customProperties"]["event_type"] == "CUSTOM_DEPLOYMENT"


def test_data_that_happen_to_be_called_like_their_fields_stay_properties_in_events_of_others():
    message = sent(event("HostBootedEvent", start="10:00", source="bios", title="none"))
    assert message["start"] == HAPPENED * 1000
    assert message["customProperties"]["start"] == "10:00"
    assert message["customProperties"]["source"] == "bios"


@pytest.mark.parametrize(
    ("one", "missing"),
    [
        (event("CUSTOM_DEPLOYMENT", deploymentName="shop"), ["deploymentVersion"]),
        (event("CUSTOM_DEPLOYMENT"), ["deploymentName", "deploymentVersion"]),
        (event("CUSTOM_CONFIGURATION"), ["configuration"]),
        (event("CUSTOM_ANNOTATION", annotationType="defect"), ["annotationDescription"]),
        (event("CUSTOM_INFO"), []),
        (event("ERROR_EVENT", timeoutMinutes=500), ["timeoutMinutes"]),
        (event("DeploymentEvent"), []),
        (event("NO_SUCH_EVENT"), []),
    ],
)
def test_what_an_event_of_their_types_lacks_is_named(one, missing):
    assert [text.partition(":")[0] for text in lacks(one)] == missing


def test_version_2_says_the_same_with_a_title_and_within_its_limits():
    data = {f"key{number}": "x" * 5000 for number in range(150)}
    message = sent(event("ConfigurationChangedEvent", "Changes", path="/etc/a", **data), version=V2)
    assert (message["eventType"], message["title"]) == ("CUSTOM_CONFIGURATION", "what happened")
    assert (message["startTime"], message["endTime"]) == (HAPPENED * 1000, HAPPENED * 1000)
    assert message["entitySelector"] == 'entityId("HOST-1")'
    assert message["properties"]["configuration"] == "/etc/a"
    assert message["properties"]["source_identifier"] == "id-1"
    assert "key149" in message["properties"]["more"] or "…" in message["properties"]["more"]
    assert message["properties"]["key1"].endswith("x…")
    alert = sent(event("ServiceFailedEvent", "Alerts", unit="a.service"), version=V2, timeout_seconds=61)
    assert (alert["timeout"], "endTime" in alert) == (2, False)


def test_the_same_event_is_the_same_message_each_time():
    one = event("ServiceFailedEvent", "Alerts", unit="a.service")
    assert sent(one) == sent(one)


@pytest.mark.parametrize("blank", ["", " ", "\r\n"])
@pytest.mark.parametrize("category", Category)
def test_what_says_nothing_but_blanks_is_taken_by_the_api_all_the_same(blank, category):
    context = StoredContext(category=category, source=blank)
    sent(StoredEvent(event_type=blank, title=blank, text=blank, timestamp=HAPPENED, context=context))
