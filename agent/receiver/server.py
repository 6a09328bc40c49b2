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
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import msgspec

from agent.receiver.http import HttpServer, Reply, Request
from agent.receiver.report import Report
from agent.receiver.rules import Checked, Found, Problem, check

MAX_BODY_BYTES = 8 * 1024 * 1024
"""The framework's default in front of the real receiver."""

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
        self._http = HttpServer(self._respond, host=host, port=port, tls=tls, max_body_bytes=max_body_bytes)

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return self._http.port

    @property
    def url(self) -> str:
        """Return the address to configure."""
        host = f"[{self._http.host}]" if ":" in self._http.host else self._http.host
        return f"{self._scheme}://{host}:{self._http.port}/stsAgent"

    def start(self) -> Self:
        """Begin to answer."""
        if self._record_path is not None:
            self._record_file = self._record_path.open("ab")
        self._http.start()
        return self

    def close(self) -> None:
        """Stop answering and close every connection."""
        self._http.close()
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

    def _respond(self, request: Request) -> Reply:
        with self._arrival:
            self.report.requests += 1
            number = self.report.requests
        scripted = self.intercept(request) if self.intercept else None
        reply = scripted or self._answer(request, number)
        if reply.status >= 400 or reply.cut:  # noqa: PLR2004 - the first status that is a refusal
            self._refused("cut" if reply.cut else f"{reply.status} {reply.body.decode(errors='replace')}")
        return reply

    def _answer(self, request: Request, number: int) -> Reply:
        if request.path in _VALIDATES:
            return _text(200, "Valid") if self._has_key(request) else _text(403, "Invalid API key")
        if request.path not in _INTAKES:
            return _text(404, "The requested resource could not be found.")
        if request.method != "POST":
            return _text(405, "HTTP method not allowed, supported methods: POST", {"Allow": "POST"})
        if not self._has_key(request):
            return _text(403, "Invalid API key")
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            return _text(415, "The request's Content-Type is not supported. Expected: application/json")
        if request.body is None:
            return _too_large(self._max_body_bytes)
        return self._intake(request, request.body, number)

    def _intake(self, request: Request, encoded: bytes, number: int) -> Reply:
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        try:
            body = decode(encoded, encoding, self._max_body_bytes)
        except KeyError:
            return _text(415, "The request's Content-Encoding is not supported. Expected: deflate, gzip")
        except zlib.error as error:
            return _text(400, f"The request's encoding is corrupt: {error}")
        if body is None:
            return _too_large(self._max_body_bytes)
        checked = check(body)
        if request.headers.get("sts-time-format"):
            self._broken("sts-time-format changes the unit of collection_timestamp")
        for one in checked.events:
            for problem in one.problems:
                self._broken(f"{_title(one)}: {problem.where}: {problem.rule}")
        if checked.refusal is not None:
            return _text(400, checked.refusal)
        self._take(checked, number)
        return Reply()

    def _has_key(self, request: Request) -> bool:
        offered = [request.headers.get("sts-api-key"), request.query.get("api_key")]
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


def decode(body: bytes, encoding: str, limit: int) -> bytes | None:
    """Return the body without its encoding, or None when it would be larger than `limit` bytes.

    Raises `KeyError` for an unknown encoding and `zlib.error` for a corrupt or unfinished stream.
    """
    if encoding == "identity":
        return body if len(body) <= limit else None
    inflator = zlib.decompressobj({"deflate": 15, "gzip": 31}[encoding])
    decoded = inflator.decompress(body, limit + 1)
    if len(decoded) > limit:
        return None
    if not inflator.eof or inflator.unused_data:
        raise zlib.error("not one whole stream")
    return decoded


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


def _too_large(limit: int) -> Reply:
    return _text(413, f"EntityStreamSizeException: the request is larger than the limit of {limit} bytes")


def _text(status: int, text: str, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, text.encode(), "text/plain; charset=UTF-8", headers or {})
