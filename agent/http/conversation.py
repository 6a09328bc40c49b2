"""What happens on one connection: request after request is read, given its share of memory, and answered."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

import msgspec

from agent.http.budget import UNCOUNTED_BYTES, Budget
from agent.http.connections import Connections, Place
from agent.http.decoding import DecodingError, decoded, most_decoded
from agent.http.head import Whole
from agent.http.known_heads import KnownHeads
from agent.http.limits import Limits
from agent.http.message import Refusal, Request, Response
from agent.http.wire import MakeRoom, Wire

log = logging.getLogger(__name__)

Answer = Callable[[Request], Response | None]
"""What a server is made for; called by many threads. None ends the connection without an answer."""

_STALLED_SECONDS = 0.5
"""A large body that did not come whole for so long gives way to another that waits to come."""
_RETRY = (("Retry-After", "1"),)


class Conversation(msgspec.Struct, frozen=True):
    """One server's manner of talking; `hold` lasts as long as one connection does."""

    answer: Answer
    refuse: Callable[[Refusal], Response]
    limits: Limits
    budget: Budget | None
    connections: Connections
    stopping: threading.Event
    name: str
    heads: KnownHeads = msgspec.field(default_factory=KnownHeads)

    def hold(self, place: Place) -> None:
        """Answer what comes; raises `OSError` when the client goes away."""
        wire = Wire(place.connection, self.limits, place.peer, self.heads)
        make_room = partial(self._make_room, place)
        try:
            while self._exchange(place, wire, make_room):
                pass
        finally:
            wire.close()

    def _exchange(self, place: Place, wire: Wire, make_room: MakeRoom) -> bool:
        """Read and answer one request; return whether another may follow."""
        self.connections.waiting(place)
        read = wire.read(make_room)
        if read is None or not self.connections.answering(place):
            return False
        if isinstance(read, Refusal):
            self._turn_away(place, wire, read)
            return False
        outcome = self._work(place, wire, read)
        if isinstance(outcome, Refusal):
            self._turn_away(place, wire, outcome, read)
            return False
        return outcome

    def _work(self, place: Place, wire: Wire, read: Whole) -> bool | Refusal:
        """Answer a request within its share of memory; return whether another may follow, or why it is not answered."""
        size = self._most_bytes(read) if read.encoding else len(read.request.body)
        if self.budget is None or size <= UNCOUNTED_BYTES:
            return self._reply(wire, read)
        share = self.budget.work(size, self.limits.share_seconds)
        place.release()
        if share is None:
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "busy, come again", read.request)
        try:
            return self._reply(wire, read)
        finally:
            share.release()

    def _make_room(self, place: Place, size: int) -> bool:
        """Return whether a large body may come in; one that has stalled gives way to it."""
        if self.budget is None:
            return True
        arriving, deadline = self.budget.arriving, time.monotonic() + self.limits.share_seconds
        while time.monotonic() < deadline and not place.is_over:
            place.arriving = arriving.take(size, _STALLED_SECONDS, lambda: place.is_over)
            if place.arriving is not None:
                return True
            if self.connections.give_way(lambda other: other.arriving is not None):
                arriving.wake()
        return False

    def _most_bytes(self, read: Whole) -> int:
        """Return how large an encoded body may be when it is worked on."""
        size = len(read.request.body)
        return most_decoded(size, read.encoding, self.limits.body_bytes) if self.limits.decode else size

    def _reply(self, wire: Wire, read: Whole) -> bool | Refusal:
        try:
            response = self.answer(self._decoded(read) if read.encoding else read.request)
        except DecodingError as error:
            return msgspec.structs.replace(error.refusal, request=read.request)
        except Exception:
            log.exception("%s: a request could not be answered", self.name)
            response = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "that failed; the log says why").plain()
        if response is None:
            return False
        keep_alive = read.keep_alive and not self.stopping.is_set()
        wire.write(response, read, keep_alive=keep_alive)
        return keep_alive

    def _decoded(self, read: Whole) -> Request:
        if not self.limits.decode:
            return read.request
        return msgspec.structs.replace(
            read.request, body=decoded(read.request.body, read.encoding, self.limits.body_bytes)
        )

    def _turn_away(self, place: Place, wire: Wire, refusal: Refusal, read: Whole | None = None) -> None:
        """Say no, and read on for a while; who is only read on from gives way like one that says nothing."""
        response = self.refuse(refusal)
        if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
            response = msgspec.structs.replace(response, headers=(*response.headers, *_RETRY))
        wire.write(response, read)
        self.connections.waiting(place)
        wire.drain()
