"""The UDP side of the client's socket: a datagram is a message, and nobody is answered.

Blocks until something comes or it is stopped. Datagrams that wait are taken one after the other; what the
kernel has no room for is lost, as UDP is.
"""

import logging
import os
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from agent.intake.dialect import Problem

log = logging.getLogger(__name__)

_LARGEST = 65535
_WAITING_BYTES = 4 * 1024 * 1024
"""What the kernel is asked to hold for us; it may give less."""


class Datagrams:
    """A thread that takes what comes."""

    def __init__(self, host: str, port: int, take: Callable[[bytes], None]) -> None:
        """Raise `OSError` when the port cannot be had."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WAITING_BYTES)
            self._socket.bind((host, port))
        except BaseException:
            self._socket.close()
            raise
        self._take = take
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="sensu-datagrams", daemon=True)

    def start(self) -> None:
        """Begin to take."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more; return when the last one is done with."""
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        self._socket.close()
        os.close(self._stop)

    def is_alive(self) -> bool:
        """Return whether it still takes something."""
        return self._thread.is_alive()

    def _run(self) -> None:
        ready = select.poll()
        ready.register(self._socket, select.POLLIN)
        ready.register(self._stop, select.POLLIN)
        while all(found != self._stop for found, _ in ready.poll()):
            try:
                self._one(self._socket.recv(_LARGEST))
            except OSError as error:
                log.debug("sensu: a datagram could not be read: %s", error)

    def _one(self, message: bytes) -> None:
        if message.strip() == b"ping":
            return
        try:
            with suppress(Problem):  # nobody is answered, and whoever takes it tells the log
                self._take(message)
        except Exception:
            log.exception("sensu: a datagram could not be taken")
