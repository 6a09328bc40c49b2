"""The port for a Prometheus, where one is configured: it answers `/metrics` and nothing else.

On the loopback it takes the requests of programs on this host alone. At another address, which somebody has written
down, a request names this host or an address, so that no web page can read it under a name of its own.
"""

import os
from collections.abc import Callable, Iterator
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from agent.configuration.types import Metrics
from agent.http.budget import Budget
from agent.http.limits import Limits
from agent.http.message import Request, Response
from agent.intake.control import refuse
from agent.intake.listeners import PortListener
from agent.intake.open_listeners import Wanted

_CONNECTIONS = 16


def wanted_metrics(
    settings: Metrics | None, answer: Callable[[], Response], hostname: Callable[[], str], budget: Budget
) -> list[Wanted]:
    """Return the port that the configuration asks for; `hostname` is under which name this host's events are filed."""
    if settings is None:
        return []
    listen = settings.listen

    def on_port() -> PortListener:
        limits = Limits(connections=_CONNECTIONS, body_bytes=1024, any_host=not listen.is_loopback)
        checked = _Port(answer, None if listen.is_loopback else hostname)
        return PortListener(str(listen), checked, budget=budget, limits=limits)

    return [Wanted("metrics", settings, on_port)]


class _Port:
    """What answers there; with a `hostname` it looks at the Host itself, else the server did."""

    def __init__(self, answer: Callable[[], Response], hostname: Callable[[], str] | None) -> None:
        self._answer = answer
        self._hostname = hostname

    def __call__(self, request: Request) -> Response:
        """Return the answer."""
        if self._hostname is not None and not self._is_meant_for_us(request, self._hostname()):
            return refuse(
                HTTPStatus.FORBIDDEN, "ask for this host by its name or its address, and from no web page"
            )
        if request.path != "/metrics":
            return refuse(HTTPStatus.NOT_FOUND, "the metrics are at /metrics")
        if request.method != "GET":
            return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "use GET", ("Allow", "GET"))
        return self._answer()

    @staticmethod
    def _is_meant_for_us(request: Request, hostname: str) -> bool:
        if request.header("origin"):
            return False
        try:
            host = urlsplit(f"//{request.header('host')}").hostname or ""
        except ValueError:
            return False
        return host.rstrip(".") in {*_names(hostname)} or _is_address(host)


def _names(hostname: str) -> Iterator[str]:
    """Yield the names of this host, whole and up to the first dot."""
    for name in (hostname, os.uname().nodename, "localhost"):
        yield name.lower()
        yield name.lower().partition(".")[0]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
