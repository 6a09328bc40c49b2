"""What systemd is told: ready, reloading, stopping, alive. A datagram; silent where nobody listens."""

import os
import socket
import time
from collections.abc import Mapping

_MICROSECONDS = 1_000_000


class Notify:
    """The way to the service manager that started us, if one did (sd_notify(3))."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of an abstract address.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._said = ""
        for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "")
        self.watchdog_seconds: float | None = (
            int(microseconds) / _MICROSECONDS if for_us and microseconds.isdigit() else None
        )
        """Within how many seconds `alive` is expected, None where nobody waits for it."""

    def ready(self, status: str = "") -> None:
        """Say that start-up, or a reload, is done, and what we are doing."""
        self._said = status
        self._send("READY=1", f"STATUS={status}")

    def doing(self, status: str) -> None:
        """Say in one line what we are doing, where that is another thing than before."""
        if status != self._said:
            self._said = status
            self._send(f"STATUS={status}")

    def reloading(self) -> None:
        """Say that a reload begins; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(time.monotonic() * _MICROSECONDS)}")

    def stopping(self) -> None:
        """Say that the end begins."""
        self._send("STOPPING=1", "STATUS=ending: sending what waits")

    def alive(self) -> None:
        """Say that work gets done; never call it without having seen so."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
            try:
                way.sendto("\n".join(lines).encode(), socket.MSG_DONTWAIT, self._address)
            except OSError:
                return  # a service manager that does not listen must not stop us
