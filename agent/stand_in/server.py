"""The stand-in itself: a port, what has arrived, who broke which rule; a system's `Rules` say what is answered.

It answers with success only for what it has put on its list. `intercept` lets a test or the demo answer in
its place (an outage, a wrong key); what it answers is not on the list.
"""

import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import IO, Self

import msgspec

from agent.http.limits import Limits
from agent.http.message import Refusal, Request, Response
from agent.http.server import Server, listen_on_port, serve
from agent.stand_in.reply import Reply
from agent.stand_in.report import Report
from agent.stand_in.verdict import Found, Rules

MAX_BODY_BYTES = 8 * 1024 * 1024

_PATIENT = Limits(connections=10_000, idle_seconds=60, request_seconds=600, any_host=True, decode=False)
"""A whole fleet may connect, and lines may be slow."""
_LAST_ANSWERS_SECONDS = 1.0
_FIRST_REFUSAL = 400


class Received(Found, frozen=True, kw_only=True):
    """One event that was accepted; its problems are rules that it broke without being refused."""

    arrived: float
    """Wall clock, in seconds."""
    request: int
    """The number of the request it came in, from 1."""


class StandIn:
    """A stand-in on a port of its own (0: any free one), from `start` to `close`; a context manager."""

    def __init__(
        self,
        rules: Rules,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
        record: Path | None = None,
        tls: ssl.SSLContext | None = None,
        intercept: Callable[[Request], Reply | None] | None = None,
        on_event: Callable[[Received], None] | None = None,
        on_refusal: Callable[[str], None] | None = None,
    ) -> None:
        """Listen at once, so that the port is known; raises `OSError` when the address cannot be had."""
        self.rules = rules
        self._max_body_bytes = max_body_bytes
        self._record_path = record
        self._record_file: IO[bytes] | None = None
        self._on_event = on_event
        self._on_refusal = on_refusal
        self._arrival = threading.Condition()
        self._seen: set[str] = set()
        self.intercept = intercept
        self.received: list[Received] = []
        self.report = Report()
        self._tls = tls
        self._server: Server | None = None
        self._listener = listen_on_port(host, port)
        self._port: int = self._listener.getsockname()[1]
        host = f"[{host}]" if ":" in host else host
        self._origin = f"http{'s' if tls else ''}://{host}:{self._port}"

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return self._port

    @property
    def destination(self) -> Mapping[str, str]:
        """Return the entry of agent.yaml for a destination that reaches it."""
        return self.rules.destination(self._origin)

    @property
    def url(self) -> str:
        """Return the address to configure."""
        return self.destination["url"]

    def start(self) -> Self:
        """Begin to answer."""
        if self._record_path is not None:
            self._record_file = self._record_path.open("ab")
        limits = msgspec.structs.replace(_PATIENT, body_bytes=self._max_body_bytes)
        self._server = serve(
            self._listener, self._answer, limits, refuse=self._turn_away, tls=self._tls, name="stand-in"
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
        self, enough: int | Callable[[list[Received]], bool], timeout_seconds: float = 60
    ) -> list[Received]:
        """Block until so many events have arrived, or until `enough` says so; return them all.

        Raises `TimeoutError`, which says what did arrive.
        """

        def is_enough() -> bool:
            return len(self.received) >= enough if isinstance(enough, int) else enough(self.received)

        with self._arrival:
            if not self._arrival.wait_for(is_enough, timeout_seconds):
                names = [(one.name, one.title) for one in self.received[-20:]]
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
        reply = scripted or self._judged(request, number, is_too_large=is_too_large)
        if reply.status >= _FIRST_REFUSAL or reply.cut:
            self._refused("cut" if reply.cut else f"{reply.status} {reply.body.decode(errors='replace')}")
        return reply

    def _judged(self, request: Request, number: int, *, is_too_large: bool) -> Reply:
        verdict = self.rules.judge(request, is_too_large=is_too_large)
        for text in verdict.broken:
            self._broken(text)
        for one in verdict.events:
            for problem in one.problems:
                self._broken(f"{one}: {problem.where}: {problem.rule}")
        if verdict.reply.status < _FIRST_REFUSAL:
            self._take(verdict.events, number)
        return verdict.reply

    def _take(self, events: Sequence[Found], number: int) -> None:
        arrived = time.time()
        taken = [
            Received(**msgspec.structs.asdict(found), arrived=arrived, request=number) for found in events
        ]
        with self._arrival:
            for found in events:
                self._count(found)
            if self._record_file is not None:
                self._record_file.writelines(map(_record_line, taken))
                self._record_file.flush()
            self.received.extend(taken)
            self._arrival.notify_all()
        if self._on_event is not None:
            for one in taken:
                self._on_event(one)

    def _count(self, one: Found) -> None:
        self.report.accepted += 1
        self.report.by_name[": ".join(filter(None, (one.name, one.event_type)))] += 1
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


def _record_line(one: Received) -> bytes:
    line = {
        "arrived": one.arrived,
        "request": one.request,
        "hostname": one.hostname,
        "name": one.name,
        "event": one.event,
    }
    return msgspec.json.encode(line) + b"\n"
