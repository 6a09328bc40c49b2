"""One time limit for a whole request, whatever the other side does with it.

A timeout of a socket is per read: a server that drips a byte a second holds it for ever. So a copy of
the connection's descriptor is shut down when the time is over, which ends whatever blocks on it:
header, body, TLS handshake, a peer that does not read. Looking a name up cannot be ended that way.

The thread that does it is started by a request and ends by itself when none came for the time of one,
so a drain costs no thread a request, and an idle agent has none.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable
from threading import Condition, Thread


class Deadline:
    """Armed for one request at a time; `shorten` and `close` may come from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._change = Condition()
        self._ends: float | None = None
        self._looks_at = float("inf")
        """When the watcher looks next."""
        self._watcher: Thread | None = None
        self._descriptor: int | None = None
        self.expired = False
        self.sending = False
        """Whether the connection stood and the request began to leave."""

    def start(self, seconds: float) -> None:
        """Begin the time of a new request; raises RuntimeError where nothing can watch over it."""
        with self._change:
            self.expired = self.sending = False
            self._end_in(seconds)
            if self._watcher is None:
                watcher = Thread(target=self._watch, name="deadline", daemon=True)
                watcher.start()  # where there is no thread to be had, the next request asks for one again
                self._watcher = watcher

    def shorten(self, seconds: float) -> None:
        """Leave a request that is under way at most so many seconds more."""
        with self._change:
            if self._ends is not None and self._clock() + seconds < self._ends:
                self._end_in(seconds)

    def finish(self) -> None:
        """End the time of this request; its connection stays open."""
        with self._change:
            self._ends = None
            self._let_go()

    def close(self) -> None:
        """End a request that is under way, and the thread that watches."""
        with self._change:
            if self._ends is not None:
                self.expired = True
                self._shut_down()
            self._ends = None
            watcher = self._watcher
            self._change.notify_all()
        if watcher is not None:
            watcher.join()

    def adopt(self, connection: socket.socket) -> None:
        """Watch over this connection: new, or reused from an earlier request."""
        with self._change:
            self._let_go()
            # TLS detaches the socket object; a descriptor of our own stays good.
            self._descriptor = os.dup(connection.fileno())
            if self.expired:
                self._shut_down()

    def remaining(self) -> float:
        """Return the seconds left; never 0, which would mean "do not block" to a socket."""
        return max((self._ends or 0.0) - self._clock(), 0.001)

    def _end_in(self, seconds: float) -> None:
        self._ends = self._clock() + seconds
        if self._ends < self._looks_at:
            self._change.notify_all()

    def _watch(self) -> None:
        with self._change:
            while self._ends is not None:
                if self._ends <= self._clock():
                    self.expired = True
                    self._shut_down()
                    break
                # Requests that end in time do not wake us: we look, see a later end, and wait on.
                self._looks_at = self._ends
                self._change.wait(self._ends - self._clock())
            self._looks_at = float("inf")
            self._watcher = None

    def _shut_down(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # the other side was quicker
                connection = socket.socket(fileno=self._descriptor)
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                finally:
                    connection.detach()

    def _let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
