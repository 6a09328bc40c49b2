"""Sensu's three ports, open on a real spool; what is restarted finds what was kept."""

import http.client
import json
import socket
from contextlib import closing

import pytest
from harness.free_ports import free_port

from agent.configuration.types import Intake, IntakeSensu
from agent.configuration.values import Loopback
from agent.events.capture import Capture
from agent.events.chunk import entries
from agent.events.identity import Identity
from agent.intake.keeping import Keeping
from agent.intake.quota import IntakeQuota
from agent.intake.rate import Rate
from agent.runtime.system_ports import SystemPorts
from spool import Spool, SpoolReader

HOST = "web-1"


def free_ports() -> dict[str, int]:
    """Return a number for each of the three."""
    return {name: free_port() for name in ("api", "client", "http")}


class Sensu:
    """An agent's Sensu side without the rest of the agent."""

    def __init__(self, directory):
        self.directory = directory
        self.ports = free_ports()
        self.rate = Rate(100_000, 100_000)
        self.share = IntakeQuota(lambda: 0, lambda: 100_000_000)
        self.identity = Identity(HOST)
        self.start()

    def start(self):
        self.spool = Spool.open(self.directory)
        self.capture = Capture(self.spool, self.identity)
        ports = SystemPorts(
            Keeping(self.capture, self.share, self.rate), self.spool.memory, lambda: self.capture.identity
        )
        addresses = {name: Loopback.parse(f"127.0.0.1:{port}") for name, port in self.ports.items()}
        wanted = ports.wanted(Intake(sensu=IntakeSensu(**addresses)))
        self.capture.observers = ports.observers
        self.registry = ports._made["sensu"]._registry
        self.listeners = {one.name: one.make() for one in wanted}
        for listener in self.listeners.values():
            listener.start()

    def stop(self):
        for listener in self.listeners.values():
            listener.stop()
        self.spool.close()

    def restart(self):
        self.stop()
        self.start()

    def ask(self, method, path, body=b"", *, port="api", **headers):
        """Return status, headers and body of an answer."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=60)
        with closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def get(self, path):
        """Return the JSON behind a path."""
        status, _, body = self.ask("GET", path)
        assert status == 200, (status, body)
        return json.loads(body)

    def results(self, *statuses, name="disk", **more):
        """Take results of one check, one after the other, as the HTTP socket does."""
        for status in statuses:
            result = {"name": name, "output": f"it is {status}", "status": status, **more}
            answer = self.ask("POST", "/results", result, port="http", **{"Content-Type": "application/json"})
            assert answer[0] == 202, answer

    def say(self, *pieces, end=False):
        """Send pieces to the client's socket and return what is answered until it closes."""
        with socket.create_connection(("127.0.0.1", self.ports["client"]), timeout=60) as connection:
            for piece in pieces:
                connection.sendall(piece)
            if end:
                connection.shutdown(socket.SHUT_WR)
            said = b""
            while more := connection.recv(100):
                said += more
            return said

    def records(self, kind="event"):
        """Return what was kept, oldest first."""
        with SpoolReader.open(self.directory) as reader:
            return [
                json.loads(body) for stored in reader.records(kind=kind) for body in entries(stored.record)
            ]


@pytest.fixture
def sensu(tmp_path):
    one = Sensu(tmp_path / "spool")
    yield one
    one.stop()
