"""The source `sensu_api` under the supervisor, on a real spool, beside a strict Sensu or the agent's own API."""

import json
import logging
import threading
import time

import pytest

from agent.configuration.values import Url
from agent.events.capture import Capture
from agent.events.chunk import entries
from agent.events.identity import Identity
from agent.runtime.supervisor import CollectorServices, Supervisor
from agent.stand_in import Reply
from agent.systems import registry
from agent.systems.sensu.settings import SensuApiConfig
from agent.systems.sources import WithSources
from collectors.collector import Duration, Scoped
from collectors.registry import COLLECTORS
from spool import Spool, SpoolFull, SpoolReader

PATIENCE_SECONDS = 120
PASSWORD = "p4ss/w0rd"


class Polling:
    """What an agent is to its source: a spool, and the supervisor that runs it."""

    def __init__(self, directory):
        self.directory = directory
        self.is_full = False
        self.supervisor = None

    def start(self, *urls, tags=()):
        self.spool = Spool.open(self.directory)
        self.capture = Capture(self.spool, Identity("poller"))
        services = CollectorServices(memory=self.spool.memory, keep=self._keep, flush=lambda _: None)
        self.supervisor = Supervisor(WithSources(COLLECTORS), services)
        configs = [SensuApiConfig(url=Url(url), interval=Duration(0.1)) for url in urls]
        self.supervisor.reconfigure({"sensu_api": tuple(Scoped(config, tags) for config in configs)})

    def _keep(self, *arguments):
        if self.is_full:
            raise SpoolFull("no room")
        return self.capture.keep(*arguments)

    def stop(self):
        if self.supervisor is not None:
            self.supervisor.stop()
            state = self.supervisor.states()["sensu_api"]
            self.spool.close()
            self.supervisor = None
            return state
        return None

    @property
    def detail(self):
        return self.supervisor.states()["sensu_api"].detail

    def events(self):
        with SpoolReader.open(self.directory) as reader:
            return [json.loads(body) for stored in reader.records() for body in entries(stored.record)]

    def told(self):
        return [(event["msg_title"], event["context"]["category"]) for event in self.events()]


@pytest.fixture
def polling(tmp_path):
    one = Polling(tmp_path / "polled")
    yield one
    one.stop()


@pytest.fixture
def server():
    with registry.stand_in("sensu") as one:
        yield one


def until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came to pass"
        threading.Event().wait(0.01)


def polled_again(server, requests=3):
    """Wait until a pass began and ended since now."""
    wanted = server.report.requests + requests
    until(lambda: server.report.requests >= wanted)


def report(server, status, name="disk", source="web-1", **more):
    server.rules.events.take({"name": name, "source": source, "status": status, "output": "so", **more})


def test_opened_changed_and_resolved_are_told_once_each(server, polling):
    polling.start(server.url)
    for status in (1, 1, 2, 2, 0):
        report(server, status)
        polled_again(server)
    assert polling.told() == [
        ("disk on web-1 is WARNING", "Alerts"),
        ("disk on web-1 is CRITICAL", "Alerts"),
        ("disk on web-1 is resolved", "Activities"),
    ]


def test_what_is_told_is_of_the_client_with_everything_that_the_check_says(server, polling):
    report(server, 2, executed=1_700_000_000, handlers=["mail"], interval=60, team={"on": "call"})
    polling.start(server.url, tags=("from:sensu",))
    until(polling.events)
    [event] = polling.events()
    assert (event["event_type"], event["source_type_name"], event["host"]) == ("SensuEvent", "sensu", "web-1")
    assert event["timestamp"] == 1_700_000_000
    assert event["msg_text"] == "so"
    assert event["tags"] == ["from:sensu"]
    assert event["context"]["element_identifiers"] == ["urn:host:/poller", "urn:host:/web-1"]
    data = event["context"]["data"]
    assert (data["client"], data["check"], data["status"], data["occurrences"]) == ("web-1", "disk", 2, 1)
    assert (data["interval"], data["handlers"], data["team"]) == (60, '["mail"]', '{"on":"call"}')


def test_a_restart_tells_nothing_twice_and_what_happened_meanwhile(server, polling):
    for name in ("disk", "load", "swap"):
        report(server, 1, name)
    polling.start(server.url)
    until(lambda: len(polling.events()) == 3)
    polling.stop()
    report(server, 0, "disk")
    report(server, 2, "load")
    polling.start(server.url)
    polled_again(server)
    assert polling.told()[3:] == [
        ("load on web-1 is CRITICAL", "Alerts"),
        ("disk on web-1 is resolved", "Activities"),
    ]


def test_a_check_that_was_resolved_and_opened_between_two_looks_is_both(server, polling):
    report(server, 1)
    polling.start(server.url)
    until(polling.events)
    polling.stop()
    report(server, 0)
    report(server, 1)
    polling.start(server.url)
    polled_again(server)
    assert [title for title, _ in polling.told()[1:]] == [
        "disk on web-1 is resolved",
        "disk on web-1 is WARNING",
    ]


ANSWERS = {
    "503": Reply(503, b"busy"),
    "cut": Reply(cut=True),
    "a web page": Reply(200, b"<html>log in</html>", "text/html"),
    "no JSON": Reply(200, b"[{"),
    "no list": Reply(200, b"{}"),
    "404": Reply(404, b""),
}


@pytest.mark.parametrize("reply", ANSWERS.values(), ids=ANSWERS)
def test_a_server_that_cannot_be_asked_resolves_nothing_and_is_shown(server, polling, reply, caplog):
    report(server, 1)
    polling.start(server.url)
    until(polling.events)
    server.intercept = lambda _: reply
    until(lambda: "cannot be looked at" in polling.detail)
    polled_again(server)
    assert len(polling.told()) == 1
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
    server.intercept = None
    until(lambda: polling.detail.startswith("1 events at http://127.0.0.1"))
    assert len(polling.told()) == 1


def test_what_is_no_event_in_a_list_is_passed_over(server, polling):
    report(server, 1)
    event = server.rules.events.all()[0]
    odd = [None, {}, {"client": {"name": "a/b"}, "check": {"name": "x"}}, {"client": 1, "check": []}, event]
    server.intercept = lambda _: Reply(200, json.dumps(odd).encode())
    polling.start(server.url)
    polled_again(server)
    assert polling.told() == [("disk on web-1 is WARNING", "Alerts")]


def test_every_page_is_looked_at(server, polling):
    for at in range(250):
        report(server, 1, f"check-{at:03}")
    polling.start(server.url)
    until(lambda: len(polling.events()) == 250)
    report(server, 0, "check-007")
    until(lambda: len(polling.events()) > 250)
    polled_again(server, 8)
    assert [title for title, _ in polling.told()[250:]] == ["check-007 on web-1 is resolved"]


def test_an_event_that_slips_between_two_pages_is_not_resolved(server, polling):
    for at in range(250):
        report(server, 1, f"check-{at:03}")
    polling.start(server.url)
    until(lambda: len(polling.events()) == 250)
    slipped = threading.Event()

    def slip(request):
        if "offset=100" in request.query and not slipped.is_set():
            report(server, 0, "check-000")  # check-100 is now on the page that was read before
            slipped.set()

    server.intercept = slip
    until(slipped.is_set)
    polled_again(server, 8)
    assert [title for title, _ in polling.told()[250:]] == ["check-000 on web-1 is resolved"]


def test_a_pass_that_breaks_off_resolves_nothing(server, polling):
    for at in range(150):
        report(server, 1, f"check-{at:03}")
    polling.start(server.url)
    until(lambda: len(polling.events()) == 150)
    server.intercept = lambda request: Reply(503, b"") if "offset=100" in request.query else None
    report(server, 0, "check-000")
    polled_again(server, 6)
    assert len(polling.told()) == 150
    server.intercept = None
    until(lambda: len(polling.told()) == 151)


def test_what_the_spool_does_not_take_is_told_when_it_does(server, polling):
    polling.is_full = True
    report(server, 1)
    polling.start(server.url)
    until(lambda: "no room" in polling.detail)
    polling.is_full = False
    until(polling.events)
    polled_again(server)
    assert len(polling.events()) == 1


def test_it_ends_while_a_server_does_not_answer(server, polling):
    asked, over = threading.Event(), threading.Event()
    server.intercept = lambda _: (asked.set(), over.wait(60), None)[-1]
    polling.start(server.url)
    assert asked.wait(PATIENCE_SECONDS)
    state = polling.stop()
    over.set()
    assert state.phase == "stopped"


def test_the_password_is_used_and_comes_out_nowhere(polling, caplog):
    caplog.set_level(logging.DEBUG)
    with registry.stand_in("sensu", credential=PASSWORD) as server:
        report(server, 1)
        polling.start(server.url)
        until(polling.events)
        server.intercept = lambda request: Reply(500, f"{PASSWORD} {request.headers} {server.url}".encode())
        until(lambda: "500" in polling.detail)
        assert "***" in polling.detail
        for text in (polling.detail, caplog.text, json.dumps(polling.events())):
            assert PASSWORD not in text
            assert "p4ss%2Fw0rd" not in text
        server.intercept = None
        polling.stop()
        polling.start(server.url.replace("p4ss", "pass"))
        until(lambda: "401" in polling.detail)
        assert len(polling.events()) == 1


def test_a_server_that_is_named_no_more_is_forgotten(server, polling):
    report(server, 1)
    polling.start(server.url)
    until(polling.events)
    polling.stop()
    with registry.stand_in("sensu") as other:
        polling.start(other.url)
        polled_again(other)
        assert len(polling.told()) == 1
        assert not [*polling.spool.memory("sensu_api").items()]


def test_two_files_that_name_one_server_poll_it_once(server, polling):
    report(server, 1)
    polling.start(server.url, f"{server.url}/")
    until(polling.events)
    polled_again(server)
    assert len(polling.events()) == 1


def test_another_agent_is_a_server_like_any_other(sensu, polling):
    polling.start(f"http://127.0.0.1:{sensu.ports['api']}")
    sensu.results(2)
    until(lambda: len(polling.events()) == 1)
    sensu.results(2, 2)
    sensu.results(0)
    until(lambda: len(polling.events()) == 2)
    assert polling.told() == [
        ("disk on web-1 is CRITICAL", "Alerts"),
        ("disk on web-1 is resolved", "Activities"),
    ]
