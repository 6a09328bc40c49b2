"""The common JSON object of StackState as it is posted to us, and what the poster hears.

Events keep every byte they came with; what is missing is filled. Metrics, topologies, health and service
checks are kept as they came, for StackState destinations alone.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import parse_qs

import msgspec

from agent.events.chunk import Captured, Items
from agent.events.completion import EventTooLarge, complete
from agent.events.identity import Identity
from agent.events.portable import NotPortable, check_portable
from agent.events.usual import fill
from agent.events.usual_event import CompleteEvent, Filled, HostlessEvent, Usual, UsualEvent, Whole
from agent.http.message import PLAIN_TEXT, Request, Response
from agent.intake.dialect import Parsed, Problem, Route, bad_request
from agent.systems.stackstate.body import SECTIONS
from agent.systems.stackstate.burst import LEAST_BYTES, read_burst
from agent.systems.stackstate.unknown_keys import check_keys
from collectors.event import EventError, check_name, check_timestamp

NAME = "stackstate"

BY_HAND = "event send"
"""The `origin` of events that our own command made: they get the agent's tags, as all of ours do."""

_PATH = r"(?:(?:/receiver)?/stsAgent)?"
_INTAKE = re.compile(rf"{_PATH}/intake/?")
_VALIDATE = re.compile(rf"{_PATH}/api/v1/validate/?")


class _Body(msgspec.Struct):
    """The top of the common JSON object; what lies in its lists stays unread."""

    events: dict[str, list[msgspec.Raw]] | None = None
    internalHostname: str | None = None  # noqa: N815 - the receiver's spelling
    collection_timestamp: int | float | None = None
    origin: str | None = None
    metrics: list[msgspec.Raw] | None = None
    service_checks: list[msgspec.Raw] | None = None
    topologies: list[msgspec.Raw] | None = None
    health: list[msgspec.Raw] | None = None


_Nothing = Annotated[list[msgspec.Raw], msgspec.Meta(max_length=0)] | None


_E = TypeVar("_E", CompleteEvent, HostlessEvent, UsualEvent)


class _UsualBody(msgspec.Struct, Generic[_E], forbid_unknown_fields=True):
    """The same again, of events alone, and these of the usual shape."""

    events: dict[Filled, list[_E]]
    internalHostname: str | None = None  # noqa: N815 - the receiver's spelling
    collection_timestamp: Whole | float | None = None
    origin: str | None = None
    metrics: _Nothing = None
    service_checks: _Nothing = None
    topologies: _Nothing = None
    health: _Nothing = None


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_complete = msgspec.json.Decoder(_UsualBody[CompleteEvent]).decode
_decode_hostless = msgspec.json.Decoder(_UsualBody[HostlessEvent]).decode
_decode_usual = msgspec.json.Decoder(_UsualBody[UsualEvent]).decode
_BURST_BYTES = 4 * 1024
"""From here on it is asked first whether nothing or little is missing: that is nearly always so, or no with the first event."""


class StackStateDialect:
    """See `agent.intake.dialect.Dialect`."""

    name = NAME

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.routes: Sequence[Route] = (
            Route("POST", _INTAKE),
            Route("GET", _VALIDATE, answer=_valid),
        )

    def token_of(self, request: Request) -> str | None:
        """Return the key, from the header or from the query."""
        query = parse_qs(request.query).get("api_key", [""])[-1]
        return request.header("sts-api-key") or query or None

    def parse(self, request: Request, identity: Identity) -> Parsed:
        """Return the events in their order, then what else the body holds."""
        body = request.body
        if len(body) >= LEAST_BYTES and (burst := read_burst(body, identity)) is not None:
            return Parsed(identity, burst)
        usual = _read_usual(body)
        try:
            if usual is None:
                check_portable(body)
            posted = _decode_body(body)
            collected = int(
                self._now() if posted.collection_timestamp is None else posted.collection_timestamp
            )
            check_timestamp(collected)
        except NotPortable as error:
            raise bad_request(error.message, error.place) from None
        except EventError as error:
            raise bad_request(str(error), "collection_timestamp") from None
        except (msgspec.MsgspecError, RecursionError) as error:
            raise bad_request(f"this is not the common JSON object: {error}") from None
        host = posted.internalHostname or identity.hostname
        about = (
            identity
            if host == identity.hostname
            else Identity(host, identity.tags, identity.element_identifiers)
        )
        events = self._events(posted, usual or {}, about, len(body))
        items = () if usual is not None else list(_items(posted, host, collected))
        if not events and not items:
            check_keys(body)
        return Parsed(identity, events, items)

    def kept(self, parsed: Parsed) -> Response:
        """Return how much was kept."""
        return Response(body=b'{"kept":%d}\n' % parsed.count)

    def refused(self, problem: Problem) -> Response:
        """Return the problem in a line of text, as a receiver does."""
        return Response(problem.status, str(problem).encode("utf-8", "replace") + b"\n", PLAIN_TEXT)

    def _events(
        self, posted: _Body, usual: Mapping[str, Sequence[Usual]], identity: Identity, posted_bytes: int
    ) -> list[Captured]:
        extra_tags = identity.tags if posted.origin == BY_HAND else ()
        captured: list[Captured] = []
        for name, bodies in (posted.events or {}).items():
            try:
                check_name(name)
            except EventError as error:
                raise bad_request(str(error), f"events.{name}") from None
            events = () if extra_tags else usual.get(name, ())
            filled = (
                fill(name, bodies, events, identity, self._now, posted_bytes=posted_bytes) if events else None
            )
            captured += self._each(name, bodies, identity, extra_tags) if filled is None else filled
        return captured

    def _each(
        self, name: str, bodies: Sequence[msgspec.Raw], identity: Identity, extra_tags: tuple[str, ...]
    ) -> Iterator[Captured]:
        for index, body in enumerate(bodies):
            try:
                yield complete(name, body, identity, extra_tags=extra_tags, now=self._now)
            except EventTooLarge as error:
                status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                raise Problem(status, str(error), f"events.{name}[{index}]") from None
            except (EventError, msgspec.MsgspecError) as error:
                raise bad_request(str(error), f"events.{name}[{index}]") from None


def _read_usual(body: bytes) -> Mapping[str, Sequence[Usual]] | None:
    """Return the events of a body that holds nothing else and nothing unusual; it is portable then."""
    ways: Sequence[Callable[[bytes], _UsualBody[Any]]] = (_decode_complete, _decode_hostless, _decode_usual)
    if len(body) < _BURST_BYTES:
        ways = (_decode_usual,)
    for decode in ways:
        try:
            return decode(body).events
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return None


def _items(posted: _Body, hostname: str, timestamp: int) -> Iterator[Items]:
    for section in SECTIONS:
        bodies = getattr(posted, section)
        if bodies:
            yield Items(f"{NAME}/{section}", section, hostname, timestamp, bodies)


def _valid(_: Request) -> Response:
    return Response(body=b'{"valid":true}\n')
