"""One time limit for a whole request, whatever the other side does with it.

A timeout of a socket is per read: a server that drips a byte a second holds it for ever. So a copy of
the connection's descriptor is shut down when the time is over, which ends whatever blocks on it:
header, body, TLS handshake, a peer that does not read. Looking a name up cannot be ended that way.
"""

import contextlib
import socket
import time
from collections.abc import Callable
from threading import Lock, Timer


class Deadline:
    """Armed for one request at a time; `shorten` may come from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._ends = 0.0
        self._timer: Timer | None = None
        self._armed = 0
        self._connection: socket.socket | None = None
        self.expired = False
        self.sending = False
        """Whether the connection stood and the request began to leave."""

    def start(self, seconds: float) -> None:
        """Begin the time of a new request."""
        with self._lock:
            self.expired = self.sending = False
            self._ends = self._clock() + seconds
            self._arm()

    def shorten(self, seconds: float) -> None:
        """Leave a request that is under way at most so many seconds more."""
        with self._lock:
            ends = self._clock() + seconds
            if self._timer is not None and ends < self._ends:
                self._ends = ends
                self._arm()

    def finish(self) -> None:
        """End the time of this request; its connection stays open."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._let_go()

    def adopt(self, connection: socket.socket) -> None:
        """Watch over this connection: new, or reused from an earlier request."""
        with self._lock:
            self._let_go()
            # TLS detaches the socket object; a descriptor of our own stays good.
            self._connection = socket.fromfd(connection.fileno(), connection.family, connection.type)
            if self.expired:
                self._shut_down()

    def remaining(self) -> float:
        """Return the seconds left; never 0, which would mean "do not block" to a socket."""
        return max(self._ends - self._clock(), 0.001)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed += 1
        self._timer = Timer(self.remaining(), self._expire, (self._armed,))
        self._timer.daemon = True
        self._timer.name = "deadline"
        self._timer.start()

    def _expire(self, armed: int) -> None:
        with self._lock:
            if self._timer is None or armed != self._armed:
                return  # finished, or armed anew, while this timer was waking up
            self.expired = True
            self._shut_down()

    def _shut_down(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):  # the other side was quicker
                self._connection.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
