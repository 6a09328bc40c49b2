"""What came in as one system goes out to that system unchanged, and to every other with nothing of it dropped.

Everything is real but the daemon around it: the intake, the spool, the delivery loops, the strict stand-ins.
"""

import http.client
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from destination_example import Trial, examples
from harness.free_ports import free_port
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from round_trip_examples import NOW, WAYS

from agent.configuration.types import Intake, IntakeSensu
from agent.configuration.values import Loopback
from agent.delivery.loop import DeliveryLoop
from agent.events.capture import Capture
from agent.events.identity import Identity
from agent.events.plans import Plans
from agent.http.message import Request, Response
from agent.intake.control import Control
from agent.intake.keeping import Keeping
from agent.intake.quota import IntakeQuota
from agent.intake.rate import Rate
from agent.intake.router import Router
from agent.runtime.status import Document
from agent.runtime.system_ports import SystemPorts
from agent.systems.registry import dialects, make_destination
from agent.systems.system import Surroundings
from spool import Spool

SYSTEMS_OUT = examples()


def without_nulls(value: Any) -> Any:
    """Return JSON without what is null, at any depth."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def leaves(value: Any) -> Iterator[str]:
    """Yield what must be found again: texts, numbers, and the keys that a program chose."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from re.findall(r"k\d+y", key)
                yield from leaves(inner)
        case list():
            for inner in value:
                yield from leaves(inner)
        case str():
            yield from re.findall(r"m\d+k", value)
        case int() if value > 10**8 and value // 1000 != NOW and value != NOW:
            yield str(value)


class Agent:
    """An intake, a spool and a delivery loop to the stand-in of every system; nothing is configured away."""

    def __init__(self, directory):
        self.spool = Spool.open(directory / "spool")
        self.capture = Capture(self.spool, Identity("edge-01", ("env:prod",)))
        share, rate = IntakeQuota(lambda: 0, lambda: 10**9), Rate(10**6, 10**6)
        keeping = Keeping(self.capture, share, rate)
        control = Control(
            lambda: Document(running=True),
            list,
            lambda _: 0,
            lambda _: 0,
            lambda: 0,
            Response,
            Plans({}, dict),
        )
        self.router = Router(dialects(), keeping, control)
        ports = SystemPorts(keeping, self.spool.memory, lambda: self.capture.identity)
        self.sensu_port = free_port()
        intake = Intake(sensu=IntakeSensu(http=Loopback.parse(f"127.0.0.1:{self.sensu_port}")))
        [listener] = [one.make() for one in ports.wanted(intake)]
        listener.start()
        self._closing = [listener.stop]
        self.sides, self.loops, self.trials = {}, {}, {}
        self.count = 0
        for name in SYSTEMS_OUT:
            self._deliver_to(name, directory)

    def _deliver_to(self, name, directory):
        place = directory / name.replace(":", "-")
        place.mkdir()
        trial = Trial(name, place)
        side = trial.stand_in()
        origin = f"http://127.0.0.1:{side.port}"
        changes = {"attach": {"tags": ["edge"]}} if name.startswith("dynatrace") else {}
        destination = make_destination(
            name, trial.settings(origin, **changes), Surroundings(lambda: "edge-01")
        )
        self.spool.positions.attach(name, destination.identity, kinds=destination.kinds)
        loop = DeliveryLoop(
            destination,
            trial.settings(origin, **changes),
            self.spool,
            hostname=lambda: "edge-01",
            clocks=self.capture.clocks,
            look_seconds=0.01,
        )
        loop.start()
        self.sides[name], self.loops[name], self.trials[name] = side, loop, trial

    def post(self, way, message):
        """Take one message as its dialect does; it is on disk when this returns."""
        body = json.dumps(way.body(message)).encode()
        if way.out == "sensu":
            connection = http.client.HTTPConnection("127.0.0.1", self.sensu_port, timeout=60)
            connection.request("POST", way.path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            status, said = answer.status, answer.read()
            connection.close()
        else:
            response = self.router.answer_socket(Request("POST", way.path, way.path, "", (), body))
            status, said = response.status, bytes(response.body)
        assert status < 300, (status, said, message)

    def fresh(self, way):
        """Return what no message had before, where a system tells by it whether anything is new."""
        self.count += 1
        return dict.fromkeys(way.fresh, f"m{self.count}k")

    def arrived(self):
        """Wait until every destination has everything, and return what arrived at each since it was last asked."""
        for loop in self.loops.values():
            assert loop.flush(120)
        found = {}
        for name, side in self.sides.items():
            assert side.report.broken == {}, name
            found[name] = [*side.received]
            side.received.clear()
        return found

    def close(self):
        for loop in self.loops.values():
            assert loop.stop(0)
        for trial in self.trials.values():
            trial.close()
        for close in self._closing:
            close()
        self.spool.close()


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    one = Agent(tmp_path_factory.mktemp("round-trip"))
    yield one
    one.close()


def posted_and_arrived(agent, way, data):
    """Have a message come in; return it, and what arrived of it at each destination."""
    message = agent.fresh(way) | data.draw(way.messages)
    agent.post(way, message)
    return message, agent.arrived()


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_it_goes_back_unchanged_and_nothing_of_it_is_dropped_on_the_way_to_any_other(agent, name, data):
    way = WAYS[name]
    message, found = posted_and_arrived(agent, way, data)
    wanted = without_nulls(message)
    for system, events in found.items():
        assert len(events) == 1, (system, events)
        text = json.dumps([(one.event, one.hostname) for one in events])
        assert [leaf for leaf in leaves(wanted) if leaf not in text] == [], (system, text)
    assert what_came(without_nulls(found[way.out][0].event), wanted, way) == wanted


def what_came(sent, wanted, way):
    """Return what was sent without what the system may be told besides."""
    kept = {key: value for key, value in sent.items() if key in wanted or key not in way.may_add}
    return kept | {
        key: {inner: kept[key][inner] for inner in kept[key].keys() & wanted[key].keys()}
        for key in way.may_complete & kept.keys()
    }
