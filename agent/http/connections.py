"""Who is connected, and who gives way when all places are taken.

Of the user (or address) with most connections, the one whose request has been incomplete or absent longest
gives way; one that is being answered never does. So whoever opens many and says nothing hinders himself.
One that has only just come, or has sent what we have not read yet, is given a moment: in a burst of those
who mean it, nobody is turned out for our own slowness.
"""

import contextlib
import fcntl
import socket
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable

import msgspec

from agent.http.budget import Share
from agent.http.message import Peer

_MOMENT_SECONDS, _LONG_SECONDS = 0.05, 1.0
"""Before the first nobody gives way; after the second, whoever has still not sent a whole request."""


class Place(msgspec.Struct, eq=False):
    """One connection's place, from its acceptance to its end."""

    connection: socket.socket
    peer: Peer
    waiting_since: float | None
    """When its request began to be absent or incomplete; None while it is answered."""
    is_over: bool = False
    """It has given way: nothing of it is answered any more."""
    arriving: Share | None = None
    """What it holds of the budget while a large body comes in."""
    thread: threading.Thread | None = None

    def release(self) -> None:
        """Give back what the arriving body held."""
        share, self.arriving = self.arriving, None
        if share is not None:
            share.release()


class Connections:
    """All places of one server; for any thread."""

    def __init__(self, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._places: set[Place] = set()
        self._is_closed = False

    def enter(self, connection: socket.socket, peer: Peer) -> Place | None:
        """Return a place, as soon as one is free or gives way; None after `close`."""
        place = Place(connection, peer, self._monotonic())
        with self._lock:
            while not self._is_closed:
                if len(self._places) < self._most:
                    self._places.add(place)
                    return place
                if not self._give_way(lambda _: True):
                    some_wait = any(other.waiting_since is not None for other in self._places)
                    self._changed.wait(_MOMENT_SECONDS if some_wait else None)
        return None

    def leave(self, place: Place) -> None:
        """End a place; its connection must not be closed before this returns."""
        with self._lock:
            self._places.discard(place)
            place.is_over = True
            self._changed.notify_all()

    def answering(self, place: Place) -> bool:
        """Have the place stay until it is answered; False when it has given way already."""
        with self._lock:
            place.waiting_since = None
            return not place.is_over

    def waiting(self, place: Place) -> None:
        """Have the place wait for its next request, and give way if it must."""
        place.waiting_since = self._monotonic()
        if len(self._places) >= self._most:  # else nobody waits to enter
            with self._lock:
                self._changed.notify_all()

    def secure(self, place: Place, connection: socket.socket) -> None:
        """Put the connection that was made of the place's own in its stead."""
        with self._lock:
            place.connection = connection

    def give_way(self, among: Callable[[Place], bool] = lambda _: True) -> bool:
        """End the one that gives way first of those meant; False when there is none."""
        with self._lock:
            return self._give_way(among)

    def close(self) -> list[Place]:
        """Let nobody in any more, and return who is still there."""
        with self._lock:
            self._is_closed = True
            self._changed.notify_all()
            return list(self._places)

    def shut(self, place: Place, how: int) -> None:
        """Shut a connection in one or both directions, if it is still open."""
        with self._lock:
            if place in self._places:
                _shut(place.connection, how)

    def _give_way(self, among: Callable[[Place], bool]) -> bool:
        now = self._monotonic()
        crowds = Counter(place.peer.crowd for place in self._places)
        # The size of the crowd decides, then the time: the negative time makes the longest the largest.
        first = max(
            (place for place in self._places if _may_give_way(place, now) and among(place)),
            key=lambda place: (crowds[place.peer.crowd], -(place.waiting_since or 0)),
            default=None,
        )
        if first is None:
            return False
        first.is_over = True
        self._places.discard(first)
        _shut(first.connection, socket.SHUT_RDWR)
        self._changed.notify_all()
        return True


def _may_give_way(place: Place, now: float) -> bool:
    if place.waiting_since is None:
        return False
    waited = now - place.waiting_since
    return waited >= _LONG_SECONDS or (waited >= _MOMENT_SECONDS and not _has_unread(place.connection))


def _has_unread(connection: socket.socket) -> bool:
    try:
        return any(fcntl.ioctl(connection.fileno(), termios.FIONREAD, bytes(4)))
    except OSError:
        return False  # it is gone already


def _shut(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):  # the other side was quicker
        # A TLS socket's own method would touch the state that its thread is using.
        socket.socket.shutdown(connection, how)
