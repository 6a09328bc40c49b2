"""The examples of every system's own documentation, each posted to one agent, arrive at every system at once.

As that system they arrive unchanged; and no system ever sees what opens another, or the agent itself.
"""

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from harness.free_ports import free_port

from agent.http.message import Request
from agent.stand_in.server import Received, StandIn
from agent.systems.registry import stand_in

NOW = int(time.time())
TOKEN = "T0KEN-0F-THE-P0RT"

STACKSTATE = {
    "context": {
        "category": "Changes",
        "data": {"data_key1": "data_value1", "data_key2": "data_value2"},
        "element_identifiers": ["element_identifier1", "element_identifier2"],
        "source": "source_system",
        "source_links": [{"title": "link_title", "url": "link_url"}],
    },
    "event_type": "event_typeEvent",
    "msg_title": "event_title",
    "msg_text": "event_text",
    "source_type_name": "source_event_type",
    "tags": ["tag_key1:tag_value1", "tag_key2:tag_value2"],
    "timestamp": NOW - 60,
}
DYNATRACE = {
    "eventType": "CUSTOM_ANNOTATION",
    "timeoutMinutes": 0,
    "attachRules": {
        "tagRule": [{"meTypes": ["CUSTOM_DEVICE"], "tags": [{"context": "CONTEXTLESS", "key": "IG-test"}]}]
    },
    "source": "OpsControl",
    "annotationType": "defect",
    "annotationDescription": "coffee machine is defective",
}
DYNATRACE_V2 = {
    "eventType": "CUSTOM_ALERT",
    "title": "coffee machine is cold",
    "entitySelector": 'type(HOST),tag("kitchen")',
    "properties": {"floor": "second"},
    "timeout": 20,
}
SEMATEXT = {"message": "Starting Elasticsearch on node es-1", "type": "server_start"}
SENSU = {
    "status": 1,
    "output": "CheckHttp WARNING: 301\n",
    "command": "check-http.rb -u :::website|http://sensuapp.org:::",
    "subscribers": ["production"],
    "interval": 60,
    "handler": "mail",
    "name": "sensu_website",
    "issued": NOW - 30,
    "executed": NOW - 30,
    "duration": 0.032,
}


@dataclass(frozen=True)
class Example:
    """What a program posts, how, and as what it has to be found again."""

    message: Mapping[str, Any]
    path: str
    words: tuple[str, ...]
    """Texts of it that must be in whatever any system is told."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict


def _common(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"collection_timestamp": NOW, "internalHostname": "local.test", "events": {"event.test": [event]}}


_API_TOKEN = {"Authorization": f"Api-token {TOKEN}"}
EXAMPLES: Mapping[str, Example] = {
    "stackstate": Example(
        STACKSTATE,
        f"/stsAgent/intake/?api_key={TOKEN}",
        (
            *("data_key1", "data_value2", "element_identifier2", "source_system", "link_title", "link_url"),
            *(
                "event_typeEvent",
                "event_title",
                "event_text",
                "source_event_type",
                "tag_value1",
                "event.test",
            ),
        ),
        body=_common,
    ),
    "dynatrace": Example(
        DYNATRACE,
        "/e/my-environment/api/v1/events",
        (
            *("CUSTOM_ANNOTATION", "IG-test", "CUSTOM_DEVICE", "OpsControl"),
            *("defect", "coffee machine is defective"),
        ),
        _API_TOKEN,
    ),
    "dynatrace_v2": Example(
        DYNATRACE_V2,
        "/api/v2/events/ingest",
        ("CUSTOM_ALERT", "coffee machine is cold", "kitchen", "floor", "second"),
        _API_TOKEN,
    ),
    "sematext": Example(
        SEMATEXT,
        f"/{TOKEN}/event",
        ("server_start", "Starting Elasticsearch on node es-1"),
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "sensu": Example(
        SENSU,
        "/results",
        ("CheckHttp WARNING: 301", "check-http.rb -u", "production", "sensu_website", "0.032", "mail"),
        {"Content-Type": "application/json"},
    ),
}
SYSTEMS = ("stackstate", "dynatrace", "dynatrace_v2", "sematext", "sensu", "otlp")
SECRETS = {name: f"s3cret-{name}-s3cret" for name in SYSTEMS}


class Everything:
    """One agent that takes from every system and delivers to every system; what each was sent, whole."""

    def __init__(self, agent: Any, sides: Mapping[str, StandIn]) -> None:
        self.agent = agent
        self.sides = sides
        self.requests: dict[str, list[bytes]] = {name: [] for name in sides}
        self.port, self.sensu_port = free_port(), free_port()
        for name, side in sides.items():
            side.intercept = lambda request, name=name: self._note(name, request)

    def _note(self, name: str, request: Request) -> None:
        headers = "".join(f"{key}: {value}\n" for key, value in request.headers)
        self.requests[name].append(f"{request.target}\n{headers}\n".encode() + decoded(request))

    def start(self) -> None:
        """Configure it and start it."""
        directory = self.agent.directory
        (directory / "token").write_text(TOKEN)
        self.agent.settings["destinations"] = {
            name: {**side.destination, "backoff": {"initial": "50ms", "max": "200ms"}, **_more(name)}
            for name, side in self.sides.items()
        }
        self.agent.settings["intake"] |= {
            "http": {"listen": f"127.0.0.1:{self.port}", "token_file": str(directory / "token")},
            "sensu": {"http": f"127.0.0.1:{self.sensu_port}"},
        }
        self.agent.configure()
        self.agent.start()

    def post(self, name: str) -> None:
        """Post an example as a program of that system does."""
        example = EXAMPLES[name]
        port = self.sensu_port if name == "sensu" else self.port
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            body = json.dumps(example.body(example.message))
            connection.request("POST", example.path, body, dict(example.headers))
            answer = connection.getresponse()
            assert answer.status < 300, answer.read()

    def told(self, system: str, name: str) -> Received:
        """Return the one event that a system was told of an example."""
        word = EXAMPLES[name].words[-2]
        [one] = [one for one in self.sides[system].received if word in json.dumps(one.event)]
        return one


def decoded(request: Request) -> bytes:
    import zlib

    if request.header("content-encoding") in {"deflate", "gzip"}:
        return zlib.decompress(request.body, zlib.MAX_WBITS | 32)
    return request.body


def _more(name: str) -> Mapping[str, Any]:
    match name:
        case "dynatrace":
            return {"attach": {"tags": ["edge"]}}
        case "dynatrace_v2":
            return {"attach": {"tags": ["edge"]}, "api": "v2"}
        case _:
            return {}


@pytest.fixture(scope="module")
def everything(shared_agent: Any) -> Iterator[Everything]:
    """Start it and post every example once; all has arrived when the first test begins."""
    with ExitStack() as stack:
        sides = {
            name: stack.enter_context(stand_in(name.removesuffix("_v2"), credential=SECRETS[name]))
            for name in SYSTEMS
        }
        one = Everything(shared_agent, sides)
        one.start()
        for name in EXAMPLES:
            one.post(name)
        for side in sides.values():
            side.wait_for(lambda all_: len(all_) >= len(EXAMPLES) + 1, 60)  # and that the agent started
        yield one


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_came_in_as_a_system_goes_out_to_it_unchanged(everything, name):
    came, told = EXAMPLES[name].message, everything.told(name, name).event
    assert {key: value for key, value in told.items() if key in came} == (
        came | {"context": told["context"]} if name == "stackstate" else came
    )
    if name == "stackstate":
        assert {key: told["context"][key] for key in came["context"]} == came["context"]
        assert told.keys() - came.keys() == {"host"}
        assert told["context"].keys() - came["context"].keys() == {"source_identifier"}
    else:
        assert told.keys() - came.keys() <= {"start", "end", "startTime", "endTime", "timestamp", "source"}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_word_of_it_is_in_what_any_system_is_told(everything, name, system):
    told = everything.told(system, name)
    text = json.dumps([told.name, told.event])
    assert [word for word in EXAMPLES[name].words if word not in text] == []


def test_no_rule_of_any_system_is_broken(everything):
    assert {name: dict(side.report.broken) for name, side in everything.sides.items()} == {
        name: {} for name in SYSTEMS
    }


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_opens_one_system_or_the_agent_never_goes_to_another(everything, system):
    others = {secret for name, secret in SECRETS.items() if name != system} | {TOKEN}
    sent = b"\n".join(everything.requests[system]).decode()
    assert [secret for secret in others if secret in sent] == []


def test_what_opens_them_is_in_no_log_no_status_and_nothing_that_is_kept(everything):
    agent = everything.agent
    shown = agent.log() + agent.command("status", "--json").stdout + agent.command("log", "--json").stdout
    shown += agent.command("check", "--show").stdout
    kept = b"".join(path.read_bytes() for path in agent.spool.rglob("*") if path.is_file())
    for secret in {*SECRETS.values(), TOKEN}:
        assert secret not in shown
        assert secret.encode() not in kept
