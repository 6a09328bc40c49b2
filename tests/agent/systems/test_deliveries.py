"""Through the delivery loop every system gets every event, in order, whatever its other side does meanwhile."""

import gzip
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest
from destination_example import CREDENTIAL, origin
from harness.free_ports import free_port

from agent.cli.daemon_client import ask
from agent.delivery.loop import DeliveryLoop
from agent.delivery.state import Phase
from agent.events.capture import Capture, Clocks
from agent.events.identity import Identity
from agent.stand_in import Reply
from collectors.event import Category, Event
from spool import Spool

PROGRAM = str(Path(sys.executable).with_name("sts-agent"))


@pytest.fixture
def until():
    """Wait until a condition holds, looking often; fail with what it was after a long time."""

    def wait(condition, seconds=120):
        ends = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < ends, f"it never came to {condition}"
            threading.Event().wait(0.01)
        return value

    return wait


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as one:
        yield one


class Host:
    """What this host captures, and its loop to one destination."""

    def __init__(self, spool, trial):
        self.spool = spool
        self.trial = trial
        self.capture = Capture(spool, Identity("h"))
        self.loops = []

    def keep(self, *titles):
        events = [
            Event(
                name="custom",
                event_type="TestedEvent",
                category=Category.ACTIVITIES,
                title=title,
                text="what happened",
                timestamp=int(time.time()),
            )
            for title in titles
        ]
        self.capture.keep(events, "test", {})

    def deliver_to(self, place, **changes):
        """Return a started loop."""
        settings = self.trial.settings(place, **changes)
        destination = self.trial.destination(place, **changes)
        self.spool.positions.attach("it", destination.identity, kinds=destination.kinds)
        loop = DeliveryLoop(
            destination, settings, self.spool, hostname=lambda: "h", clocks=Clocks(), look_seconds=0.02
        )
        self.loops.append(loop)
        loop.start()
        return loop

    def totals(self):
        """Return how many events were delivered, filtered out, rejected."""
        (one,) = self.spool.status().destinations
        return one.delivered_total, one.filtered_total, one.rejected_total


@pytest.fixture
def host(spool, trial):
    one = Host(spool, trial)
    yield one
    for loop in one.loops:
        assert loop.stop(0)


def body_of(request):
    match request.header("content-encoding"):
        case "deflate":
            return zlib.decompress(request.body)
        case "gzip":
            return gzip.decompress(request.body)
        case _:
            return request.body


def holding(title, reply):
    """Return an intercept that answers so when an event of this title is in a request."""
    return lambda request: reply if title.encode() in body_of(request) else None


def numbered(count):
    return [f"event-{at:03}." for at in range(count)]


def test_everything_arrives_once_in_order(host, trial):
    side, titles = trial.stand_in(), numbered(150)
    for at in range(0, 150, 50):
        host.keep(*titles[at : at + 50])
    assert host.deliver_to(origin(side)).flush(120)
    assert trial.titles(side) == titles
    assert host.totals() == (150, 0, 0)
    assert side.report.broken == {}


def test_what_comes_later_goes_without_being_asked_for(host, trial):
    side = trial.stand_in()
    host.deliver_to(origin(side))
    for at, title in enumerate(numbered(3)):
        host.keep(title)
        side.wait_for(at + 1)
    assert trial.titles(side) == numbered(3)


@pytest.mark.parametrize("poison", [0, 7, 19])
def test_a_poisoned_event_is_rejected_alone(host, trial, poison):
    side, titles = trial.stand_in(), numbered(20)
    side.intercept = holding(titles[poison], Reply(400, b"no"))
    host.keep(*titles)
    loop = host.deliver_to(origin(side))
    assert loop.flush(120)
    assert trial.titles(side) == [title for title in titles if title != titles[poison]]
    assert host.totals() == (19, 0, 1)
    assert side.report.requests <= 25
    (entry,) = host.spool.rejected.entries()
    assert titles[poison].encode() in entry.body
    assert entry.status == 400


def test_a_rejected_event_is_sent_again_when_asked_for(host, trial, until):
    side, titles = trial.stand_in(), numbered(3)
    side.intercept = holding(titles[1], Reply(400, b"no"))
    host.keep(*titles)
    loop = host.deliver_to(origin(side))
    assert loop.flush(120)
    side.intercept = None
    assert host.spool.rejected.retry(None) == 1
    loop.poke()
    until(lambda: host.totals() == (3, 0, 0))
    assert sorted(trial.titles(side)) == titles


def test_one_that_refuses_everything_empties_no_spool(host, trial, until):
    side, titles = trial.stand_in(), numbered(10)
    side.intercept = lambda _: Reply(400, b"broken proxy")
    host.keep(*titles)
    host.deliver_to(origin(side))
    until(lambda: side.report.requests > 60)
    assert host.totals() == (0, 0, 0)
    side.intercept = None
    until(lambda: host.totals() == (10, 0, 0))
    assert sorted(trial.titles(side)) == titles


def test_a_request_too_large_is_split_down_to_the_event_at_fault(host, trial):
    side, titles = trial.stand_in(), numbered(10)
    side.intercept = holding(titles[4], Reply(413, b"too large"))
    host.keep(*titles)
    assert host.deliver_to(origin(side)).flush(120)
    assert trial.titles(side) == [title for title in titles if title != titles[4]]
    assert host.totals() == (9, 0, 1)


@pytest.mark.parametrize(
    "reply",
    [Reply(503, b"busy"), Reply(429, b"slow down"), Reply(cut=True), Reply(502, b"<html>", "text/html")],
    ids=["503", "429", "cut", "502"],
)
def test_an_outage_amid_a_backlog_loses_and_repeats_nothing(host, trial, until, reply):
    side, titles, asked = trial.stand_in(), numbered(30), itertools.count(1)
    side.intercept = lambda _: reply if 1 <= next(asked) % 4 <= 2 else None
    host.keep(*titles)
    host.deliver_to(origin(side))
    until(lambda: host.totals() == (30, 0, 0))
    assert trial.titles(side) == titles
    assert side.report.repeated == 0


def test_one_that_is_down_gets_everything_when_it_is_back(host, trial, until):
    titles, port = numbered(12), free_port()
    first = trial.stand_in(port=port)
    place = origin(first)
    first.close()
    loop = host.deliver_to(place)
    host.keep(*titles)
    until(lambda: loop.state().phase is Phase.BACKING_OFF and loop.state().failures > 2)
    side = trial.stand_in(port=port)
    until(lambda: host.totals() == (12, 0, 0))
    assert trial.titles(side) == titles


HOSTILE = {
    "garbage": b"\x00\xff\x00 no HTTP at all\r\n\r\n",
    "a status that is none": b"HTTP/1.1 banana\r\n\r\n",
    "an endless header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
    "half a header": b"HTTP/1.1 200",
    "a page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_receiver_gets_nothing_acknowledged(host, wire, until, answer):
    def play(connection, side):
        side.read_request(connection)
        connection.sendall(answer)

    side = wire(play)
    host.keep(*numbered(3))
    loop = host.deliver_to(f"http://127.0.0.1:{side.port}", timeout="2s")
    until(lambda: loop.state().last_failure)
    assert host.totals() == (0, 0, 0)
    assert CREDENTIAL not in repr(loop.state())


def test_an_end_that_leaves_time_for_it_takes_the_answer_of_what_is_under_way(host, trial):
    has_come, may_answer = threading.Event(), threading.Event()

    def hold(request):
        if b"one" in body_of(request):
            has_come.set()
            assert may_answer.wait(120)

    side = trial.stand_in(intercept=hold)
    host.keep("one")
    loop = host.deliver_to(origin(side))
    assert has_come.wait(120)
    loop.begin_stop(0, answer_seconds=120)
    may_answer.set()
    assert loop.join(120)
    assert host.totals() == (1, 0, 0)


def test_one_that_drips_an_answer_is_left_in_time(host, wire, until):
    def play(connection, side):
        side.read_request(connection)
        side.drip(connection, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000)

    host.keep("one")
    loop = host.deliver_to(f"http://127.0.0.1:{wire(play).port}", timeout="300ms")
    until(lambda: loop.state().last_failure)
    assert loop.state().last_failure_reason == "no whole answer within 0.3 s"
    assert host.totals() == (0, 0, 0)


def test_a_wrong_credential_keeps_everything_until_the_file_is_right(
    spool, trial_with_credential, tmp_path, until
):
    trial = trial_with_credential
    host, side, file = Host(spool, trial), trial.stand_in(), tmp_path / "credential"
    file.write_text("wrong")
    key = trial.example.credential_key
    host.keep(*numbered(5))
    slow = {"backoff": {"initial": "10ms", "max": "10m"}}
    loop = host.deliver_to(origin(side), **{key: None, f"{key}_file": str(file)}, **slow)
    until(lambda: loop.state().phase is Phase.PAUSED)
    assert host.totals() == (0, 0, 0)
    file.write_text(CREDENTIAL)
    until(lambda: host.totals() == (5, 0, 0))
    assert trial.titles(side) == numbered(5)
    assert loop.stop(0)


def test_a_stop_sends_what_waits(host, trial):
    side = trial.stand_in()
    loop = host.deliver_to(origin(side))
    host.keep(*numbered(4))
    assert loop.stop(20)
    assert trial.titles(side) == numbered(4)


class Daemon:
    """The installed program with one destination of a system."""

    def __init__(self, trial, directory, place):
        self.directory = directory
        self.socket = directory / "i.sock"
        settings = {
            "hostname": "h",
            "host": False,
            "services": False,
            "packages": False,
            "destinations": {"it": trial.entry(place)},
            "spool": {"directory": str(directory / "spool")},
            "intake": {"socket": str(self.socket)},
        }
        (directory / "agent.yaml").write_text(json.dumps(settings))
        self.process = None

    def start(self, until):
        log = (self.directory / "log").open("ab")
        words = [PROGRAM, "run", "--config", str(self.directory / "agent.yaml")]
        environ = {**os.environ, "STATE_DIRECTORY": str(self.directory / "state")}
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ)
        log.close()
        until(self._answers)

    def post(self, *titles):
        body = json.dumps({"events": {"custom": [{"msg_title": title} for title in titles]}}).encode()
        assert ask(self.socket, "POST", "/stsAgent/intake", body, timeout_seconds=60).is_ok

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(60)
            self.process = None

    def _answers(self):
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            return ask(self.socket, "GET", "/status", timeout_seconds=60).is_ok
        except Exception:  # noqa: BLE001 - not yet
            return False


@pytest.fixture
def daemon_to(trial, tmp_path_factory):
    """Make a daemon with the destination at a place; it is killed at the end."""
    made = []

    def make(place):
        made.append(Daemon(trial, tmp_path_factory.mktemp("d"), place))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def test_what_was_posted_survives_an_outage_and_a_kill(trial, until, daemon_to):
    side, titles = trial.stand_in(), numbered(12)
    is_down = threading.Event()
    is_down.set()
    side.intercept = lambda _: Reply(503, b"down") if is_down.is_set() else None
    daemon = daemon_to(origin(side))
    daemon.start(until)
    daemon.post(*titles[:6])
    until(lambda: side.report.requests)
    daemon.kill()
    daemon.start(until)
    daemon.post(*titles[6:])
    is_down.clear()

    def own():
        return [title for title in trial.titles(side) if title.startswith("event-")]

    until(lambda: len(own()) >= 12)
    assert list(dict.fromkeys(own())) == titles
    assert not side.report.broken
