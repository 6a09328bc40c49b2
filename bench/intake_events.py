"""The events of `make bench-intake`: the examples of the systems' own documentation, and how each dialect takes them."""

import http.client
import json
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

TOKEN = "the-token-of-the-port"
NOW = 1_607_432_944


def stackstate(number: int) -> dict[str, Any]:
    """Return the example of the receiver's documentation, with a number in its text."""
    return {
        "context": {
            "category": "Changes",
            "data": {"data_key1": "data_value1", "data_key2": "data_value2"},
            "element_identifiers": ["element_identifier1", "element_identifier2"],
            "source": "source_system",
            "source_links": [{"title": "link_title", "url": "link_url"}],
        },
        "event_type": "event_typeEvent",
        "msg_title": "event_title",
        "msg_text": f"event_text <{number}>",
        "source_type_name": "source_event_type",
        "tags": ["tag_key1:tag_value1", "tag_key2:tag_value2"],
        "timestamp": NOW,
    }


def dynatrace(number: int) -> dict[str, Any]:
    """Return the example of the events API's documentation, likewise."""
    tag = {"context": "CONTEXTLESS", "key": "IG-test"}
    return {
        "eventType": "CUSTOM_ANNOTATION",
        "timeoutMinutes": 0,
        "attachRules": {"tagRule": [{"meTypes": ["CUSTOM_DEVICE"], "tags": [tag]}]},
        "source": "OpsControl",
        "annotationType": "defect",
        "annotationDescription": f"coffee machine is defective <{number}>",
    }


def sematext(number: int) -> dict[str, Any]:
    """Return what the recipe of the documentation for a unit posts, likewise."""
    return {"message": f"Starting Elasticsearch on node es-1 <{number}>", "type": "server_start"}


def sensu(number: int) -> dict[str, Any]:
    """Return the check result of the events API's documentation, likewise."""
    return {
        "status": 1,
        "output": f"CheckHttp WARNING: 301 <{number}>\n",
        "command": "check-http.rb -u :::website|http://sensuapp.org:::",
        "subscribers": ["production"],
        "interval": 60,
        "handler": "mail",
        "name": "sensu_website",
        "issued": NOW,
        "executed": NOW,
        "duration": 0.032,
    }


@dataclass(frozen=True)
class Ports:
    """Where the agent takes them."""

    http: int
    sensu_client: int
    sensu_http: int


Post = Callable[[Sequence[dict[str, Any]]], None]
"""Hands over some events and returns when the answer says that they are on disk; raises `SystemExit` when it does not."""


@dataclass(frozen=True)
class Dialect:
    """One way to post."""

    name: str
    event: Callable[[int], dict[str, Any]]
    connect: Callable[[Ports], Post]
    takes_several: bool = True


def _poster(port: int, path: str, headers: dict[str, str], body: Callable[[Any], Any]) -> Post:
    """Return what posts over one connection that stays open, as a client that has much to say does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    headers = {"Content-Type": "application/json", **headers}

    def post(events: Sequence[dict[str, Any]]) -> None:
        connection.request("POST", path, json.dumps(body(events)), headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status >= http.client.MULTIPLE_CHOICES:
            raise SystemExit(f"{path} was answered {answer.status}: {said[:300]!r}")

    return post


def _one_or_list(events: Sequence[dict[str, Any]]) -> Any:
    return events[0] if len(events) == 1 else list(events)


def _client_socket(ports: Ports) -> Post:
    def post(events: Sequence[dict[str, Any]]) -> None:
        with closing(socket.create_connection(("127.0.0.1", ports.sensu_client), timeout=60)) as connection:
            connection.sendall(json.dumps(_one_or_list(events)).encode())
            said = connection.recv(100)
        if said != b"ok":
            raise SystemExit(f"the client's socket answered {said!r}")

    return post


DIALECTS = (
    Dialect(
        "StackState",
        stackstate,
        lambda ports: _poster(
            ports.http,
            "/stsAgent/intake",
            {"sts-api-key": TOKEN},
            lambda events: {
                "collection_timestamp": NOW,
                "internalHostname": "local.test",
                "events": {"event.test": list(events)},
            },
        ),
    ),
    Dialect(
        "Dynatrace",
        dynatrace,
        lambda ports: _poster(
            ports.http, "/api/v1/events", {"Authorization": f"Api-Token {TOKEN}"}, lambda events: events[0]
        ),
        takes_several=False,
    ),
    Dialect("Sematext", sematext, lambda ports: _poster(ports.http, f"/{TOKEN}/event", {}, _one_or_list)),
    Dialect(
        "Sensu, HTTP socket", sensu, lambda ports: _poster(ports.sensu_http, "/results", {}, _one_or_list)
    ),
    Dialect("Sensu, client socket", sensu, _client_socket),
)
