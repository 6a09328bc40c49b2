"""The Sensu destination against the strict stand-in: events as check results, and results as they came."""

import json

import pytest

from agent.configuration.values import Url
from agent.delivery.loop import DeliveryLoop
from agent.delivery.outcome import Delivered, Paused
from agent.delivery.outgoing import OutgoingEvent, some
from agent.events.capture import Clocks
from agent.systems import registry
from agent.systems.sensu.destination import Sensu
from agent.systems.sensu.probe import probe
from agent.systems.sensu.settings import SensuSettings
from collectors.event import Category, Event

PASSWORD = "p4ss/w0rd"


def outgoing(name="custom", **fields):
    event = {"event_type": "TriedEvent", "msg_title": "tried", "timestamp": 1_700_000_000, **fields}
    return some("edge-01", [OutgoingEvent(name, json.dumps(event).encode(), captured=5.5)])


def result(body):
    return some("edge-01", [OutgoingEvent("sensu", body, captured=5.5)], kind="sensu/result")


@pytest.fixture
def server():
    with registry.stand_in("sensu") as one:
        yield one


@pytest.fixture
def destination():
    made = []

    def make(url, **settings):
        made.append(Sensu("s", SensuSettings(url=Url(url), **settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def sent(server, destination, what):
    assert destination(server.url).deliver(what, 10) == Delivered()
    assert server.report.broken == {}
    return server.received[-1].event


def test_an_event_is_a_check_result_with_everything_it_holds(server, destination):
    context = {
        "category": "Alerts",
        "source": "sts-agent",
        "source_identifier": "id-1",
        "element_identifiers": ["urn:host:/edge-01"],
        "source_links": [{"title": "t", "url": "http://u"}],
        "data": {"path": "/etc/x", "changes": [{"key": "a", "old": 1, "new": None}]},
    }
    event = outgoing(
        msg_text="how", host="edge-02", tags=["env:prod"], source_type_name="custom", context=context
    )
    assert sent(server, destination, event) == {
        "name": "TriedEvent",
        "source": "edge-02",
        "executed": 1_700_000_000,
        "status": 2,
        "output": "tried\nhow",
        "tags": ["env:prod"],
        "data": context["data"],
        "source_identifier": "id-1",
        "element_identifiers": ["urn:host:/edge-01"],
        "source_links": [{"title": "t", "url": "http://u"}],
        "event_name": "custom",
        "event_type": "TriedEvent",
        "category": "Alerts",
        "event_source": "sts-agent",
        "source_type_name": "custom",
    }


def test_an_event_that_says_little_goes_with_what_the_agent_knows(server, destination):
    event = sent(server, destination, outgoing(timestamp=None))
    assert (event["source"], event["executed"], event["status"]) == ("edge-01", 5, 0)
    assert event["output"] == "tried"


@pytest.mark.parametrize("pasted", ["", "/", "/results", "/results/"])
def test_the_url_is_the_base_and_may_be_pasted_whole(server, destination, pasted):
    assert destination(server.url + pasted).deliver(outgoing(), 10) == Delivered()
    assert destination(server.url + pasted).identity == destination(server.url).identity


@pytest.mark.parametrize("category", ["Activities", "Anomalies", "Changes", "Deployments", "Others"])
def test_what_is_no_alert_has_status_0(server, destination, category):
    assert sent(server, destination, outgoing(context={"category": category}))["status"] == 0


@pytest.mark.parametrize(
    ("name", "fields", "check"),
    [
        ("service", {"context": {"data": {"unit": "getty@tty1.service"}}}, "getty-tty1.service"),
        ("process", {"context": {"data": {"name": "my worker"}}}, "process-my-worker"),
        ("custom", {"event_type": "Söme thing"}, "S-me-thing"),
        ("custom", {"event_type": None}, "custom"),
    ],
)
def test_a_check_has_a_name_that_sensu_takes(server, destination, name, fields, check):
    assert sent(server, destination, outgoing(name, **fields))["name"] == check


def test_a_service_that_runs_again_resolves_what_its_failure_opened(server, destination):
    def service(category):
        return outgoing("service", context={"category": category, "data": {"unit": "nginx.service"}})

    sent(server, destination, service("Alerts"))
    [event] = server.rules.events.all("edge-01")
    assert (event["check"]["name"], event["check"]["status"]) == ("nginx.service", 2)
    sent(server, destination, service("Activities"))
    assert server.rules.events.all() == []


RESULTS = {
    "everything": b'{"source":"web-1","executed":7,"name":"disk","output":"x","status":3,"custom":{"a":[1.50,null]}}',
    "in any order": b'{"status":1, "executed":7, "output":"\\u00e9", "name":"a.b_c-d", "source":"w"}',
}


@pytest.mark.parametrize("body", RESULTS.values(), ids=RESULTS)
def test_a_result_goes_out_as_it_came(server, destination, body):
    bodies = []
    server.intercept = lambda request: bodies.append(request.body)
    sent(server, destination, result(body))
    assert bodies == [body]


def test_a_result_without_source_and_time_gets_them_and_nothing_else(server, destination):
    event = sent(server, destination, result(b'{"name":"disk","output":"x","n":[1,{"a":1e2}]}'))
    assert event == {
        "source": "edge-01",
        "executed": 5,
        "name": "disk",
        "output": "x",
        "n": [1, {"a": 1e2}],
    }


def test_user_and_password_of_the_address_are_shown_and_come_out_nowhere(destination):
    with registry.stand_in("sensu", credential=PASSWORD) as server:
        assert sent(server, destination, outgoing())
        wrong = destination(server.url.replace("p4ss", "pass"))
        refused = wrong.deliver(outgoing(), 10)
        assert isinstance(refused, Paused)
        assert "401" in refused.reason
        nobody = destination(f"http://{server.url.rpartition('@')[2]}").deliver(outgoing(), 10)
        assert isinstance(nobody, Paused)
        right = destination(server.url)
        unreachable = destination("http://u:p4ss%2Fw0rd@127.0.0.1:1").deliver(outgoing(), 5)
        for text in (repr(refused), repr(right), right.identity, str(unreachable)):
            assert "p4ss" not in text
        assert right.identity == wrong.identity


def test_doctor_asks_whether_it_is_a_sensu_that_lets_us_in(server):
    def found(url):
        return probe("s", SensuSettings(url=Url(url)), 5)

    assert found(server.url).level == "ok"
    assert found("http://127.0.0.1:1").level == "fail"
    with registry.stand_in("sematext", credential="t") as other:
        assert found(f"http://127.0.0.1:{other.port}").level == "warn"
    with registry.stand_in("sensu", credential=PASSWORD) as locked:
        finding = found(locked.url.replace("p4ss", "pass"))
        assert finding.level == "fail"
        assert "pass" not in finding.text.replace("password", "")
    assert server.received == []


def test_checks_that_came_in_as_sensu_arrive_as_results_alone(server, sensu):
    """The transitions that other systems hear of would be the same thing twice."""
    settings = SensuSettings(url=Url(server.url))
    one = Sensu("s", settings)
    sensu.spool.positions.attach("s", one.identity, kinds=one.kinds)
    loop = DeliveryLoop(
        one, settings, sensu.spool, hostname=lambda: "web-1", clocks=Clocks(), look_seconds=0.02
    )
    loop.start()
    try:
        sensu.results(0, 1, 1, 0, executed=7)
        unit = {"unit": "a.service"}
        own = Event(
            name="service", event_type="ServiceFailedEvent", category=Category.ALERTS,
            title="a.service failed", text="", timestamp=9, data=unit,
        )  # fmt: skip
        sensu.capture.keep([own], "services", {})
        received = server.wait_for(5, 60)
        assert loop.flush(120)
    finally:
        assert loop.stop(0)
    came = [(one.event["name"], one.event.get("status", 0)) for one in received]
    assert came == [("disk", 0), ("disk", 1), ("disk", 1), ("disk", 0), ("a.service", 2)]
    [position] = sensu.spool.status().destinations
    assert (position.delivered_total, position.filtered_total, position.rejected_total) == (5, 2, 0)
    assert server.report.broken == {}
