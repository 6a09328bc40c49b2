"""The stand-in receiver itself: routes, keys, encodings and sizes, and what has arrived.

It answers 200 only for what it has put on its list. `intercept` lets a test or the demo answer in
its place (an outage, a wrong key); what it answers is not on the list.
"""

import hmac
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import parse_qsl

import msgspec

from agent.http.limits import Limits
from agent.http.message import Refusal, Request, Response
from agent.http.server import Server, listen_on_port, serve
from agent.receiver.reply import Reply, decode, text, too_large
from agent.receiver.report import Report
from agent.receiver.rules import Checked, Found, Problem, check

MAX_BODY_BYTES = 8 * 1024 * 1024
"""The framework's default in front of the real receiver."""

_PATIENT = Limits(connections=10_000, idle_seconds=60, request_seconds=600, any_host=True, decode=False)
"""A whole fleet may connect, and lines may be slow."""
_LAST_ANSWERS_SECONDS = 1.0
_ADDRESSES = ("/stsAgent", "/receiver/stsAgent")
_INTAKES = frozenset(f"{address}/intake{slash}" for address in _ADDRESSES for slash in ("", "/"))
_VALIDATES = frozenset(f"{address}/api/v1/validate" for address in _ADDRESSES)


@dataclass(frozen=True, slots=True)
class Received:
    """One event that was accepted."""

    name: str
    event: dict[str, Any]
    hostname: str
    arrived: float
    """Wall clock, in seconds."""
    request: int
    """The number of the request it came in, from 1."""
    problems: tuple[Problem, ...] = ()
    """Rules it broke without being refused."""
    identifier: str = ""
    """Its source_identifier."""


class Receiver:
    """A receiver on a port of its own (0: any free one), from `start` to `close`; a context manager."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        api_key: str | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        record: Path | None = None,
        tls: ssl.SSLContext | None = None,
        intercept: Callable[[Request], Reply | None] | None = None,
        on_event: Callable[[Received], None] | None = None,
        on_refusal: Callable[[str], None] | None = None,
    ) -> None:
        """Listen at once, so that the port is known; without an `api_key` any key is right, but not none."""
        self._api_key = api_key
        self._max_body_bytes = max_body_bytes
        self._record_path = record
        self._record_file: IO[bytes] | None = None
        self._scheme = "https" if tls else "http"
        self._on_event = on_event
        self._on_refusal = on_refusal
        self._arrival = threading.Condition()
        self._seen: set[str] = set()
        self.intercept = intercept
        self.received: list[Received] = []
        self.report = Report()
        self._tls = tls
        self._server: Server | None = None
        self._host = f"[{host}]" if ":" in host else host
        self._listener = listen_on_port(host, port)
        self._port: int = self._listener.getsockname()[1]

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return self._port

    @property
    def url(self) -> str:
        """Return the address to configure."""
        return f"{self._scheme}://{self._host}:{self._port}/stsAgent"

    def start(self) -> Self:
        """Begin to answer."""
        if self._record_path is not None:
            self._record_file = self._record_path.open("ab")
        limits = replace(_PATIENT, body_bytes=self._max_body_bytes)
        self._server = serve(
            self._listener, self._answer, limits, refuse=self._turn_away, tls=self._tls, name="receiver"
        )
        return self

    def close(self) -> None:
        """Stop answering and close every connection."""
        if self._server is not None:
            self._server.stop(_LAST_ANSWERS_SECONDS)
        self._listener.close()
        if self._record_file is not None:
            self._record_file.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_for(
        self, enough: int | Callable[[list[Received]], bool], timeout_seconds: float = 10
    ) -> list[Received]:
        """Block until so many events have arrived, or until `enough` says so; return them all.

        Raises `TimeoutError`, which says what did arrive.
        """

        def is_enough() -> bool:
            return len(self.received) >= enough if isinstance(enough, int) else enough(self.received)

        with self._arrival:
            if not self._arrival.wait_for(is_enough, timeout_seconds):
                names = [(one.name, one.event.get("msg_title")) for one in self.received[-20:]]
                raise TimeoutError(
                    f"after {timeout_seconds} s only {len(self.received)} events came: {names}; "
                    f"{'; '.join(self.report.lines())}"
                )
            return list(self.received)

    def _answer(self, request: Request) -> Response | None:
        return self._respond(request).response()

    def _turn_away(self, refusal: Refusal) -> Response:
        if refusal.request is None or refusal.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return refusal.plain()
        return self._respond(refusal.request, is_too_large=True).response() or refusal.plain()

    def _respond(self, request: Request, *, is_too_large: bool = False) -> Reply:
        with self._arrival:
            self.report.requests += 1
            number = self.report.requests
        scripted = self.intercept(request) if self.intercept else None
        reply = scripted or self._reply(request, number, is_too_large=is_too_large)
        if reply.status >= 400 or reply.cut:  # noqa: PLR2004 - the first status that is a refusal
            self._refused("cut" if reply.cut else f"{reply.status} {reply.body.decode(errors='replace')}")
        return reply

    def _reply(self, request: Request, number: int, *, is_too_large: bool) -> Reply:
        if request.path in _VALIDATES:
            return text(200, "Valid") if self._has_key(request) else text(403, "Invalid API key")
        if request.path not in _INTAKES:
            return text(404, "The requested resource could not be found.")
        if request.method != "POST":
            return text(405, "HTTP method not allowed, supported methods: POST", {"Allow": "POST"})
        if not self._has_key(request):
            return text(403, "Invalid API key")
        content_type = request.header("content-type").partition(";")[0].strip().lower()
        if content_type != "application/json":
            return text(415, "The request's Content-Type is not supported. Expected: application/json")
        if is_too_large:
            return too_large(self._max_body_bytes)
        return self._intake(request, number)

    def _intake(self, request: Request, number: int) -> Reply:
        encoding = request.header("content-encoding", "identity").strip().lower()
        try:
            body = decode(request.body, encoding, self._max_body_bytes)
        except KeyError:
            return text(415, "The request's Content-Encoding is not supported. Expected: deflate, gzip")
        except zlib.error as error:
            return text(400, f"The request's encoding is corrupt: {error}")
        if body is None:
            return too_large(self._max_body_bytes)
        checked = check(body)
        if request.header("sts-time-format"):
            self._broken("sts-time-format changes the unit of collection_timestamp")
        for one in checked.events:
            for problem in one.problems:
                self._broken(f"{_title(one)}: {problem.where}: {problem.rule}")
        if checked.refusal is not None:
            return text(400, checked.refusal)
        self._take(checked, number)
        return Reply()

    def _has_key(self, request: Request) -> bool:
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        offered = [request.header("sts-api-key"), query.get("api_key")]
        keys = [key for key in offered if key]
        if self._api_key is None:
            return bool(keys)
        wanted = self._api_key.encode()
        return bool(keys) and all(hmac.compare_digest(key.encode(), wanted) for key in keys)

    def _take(self, checked: Checked, number: int) -> None:
        arrived = time.time()
        taken = [
            Received(one.name, one.event, checked.hostname, arrived, number, one.problems, one.identifier)
            for one in checked.events
        ]
        with self._arrival:
            for one in taken:
                self._count(one)
            if self._record_file is not None:
                self._record_file.writelines(map(_record_line, taken))
                self._record_file.flush()
            self.received.extend(taken)
            self._arrival.notify_all()
        if self._on_event is not None:
            for one in taken:
                self._on_event(one)

    def _count(self, one: Received) -> None:
        self.report.accepted += 1
        self.report.by_name[f"{one.name}: {one.event.get('event_type', 'no event_type')}"] += 1
        if one.identifier and one.identifier in self._seen:
            self.report.repeated += 1
        self._seen.add(one.identifier)

    def _broken(self, text: str) -> None:
        with self._arrival:
            self.report.broke(text)

    def _refused(self, text: str) -> None:
        with self._arrival:
            self.report.refuse(text)
        if self._on_refusal is not None:
            self._on_refusal(text)


def _title(one: Found) -> str:
    return f"{one.event.get('event_type', one.name)} '{one.event.get('msg_title', '')}' {one.identifier}".rstrip()


def _record_line(one: Received) -> bytes:
    line = {
        "arrived": one.arrived,
        "request": one.request,
        "hostname": one.hostname,
        "name": one.name,
        "event": one.event,
    }
    return msgspec.json.encode(line) + b"\n"
