"""Sensu's three ports, each opened by itself, over one registry: the API, the client's socket, and its HTTP socket.

They show no token, so they are of the loopback alone and refuse whatever a browser could send.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

from agent.configuration.types import Intake, Loopback
from agent.intake.listeners import PortListener
from agent.intake.open_listeners import Listener, Wanted
from agent.systems.sensu.api import Api
from agent.systems.sensu.client_socket import ClientSocket
from agent.systems.sensu.http_socket import HttpSocket
from agent.systems.sensu.registry import Registry
from agent.systems.system import Lent
from collectors.collector import Remember
from collectors.event import Event


class SensuPorts:
    """The registry and what listens for it."""

    def __init__(self, lent: Lent) -> None:
        self._registry = Registry(lent)
        self._budget = lent.budget
        self._odd = lent.odd

    def wanted(self, intake: Intake) -> Sequence[Wanted]:
        """Return what is to listen, by the names that the configuration gives it."""
        sensu = intake.sensu
        if sensu is None:
            return []
        makers: tuple[tuple[str, Loopback | None, Callable[[str], Listener]], ...] = (
            ("api", sensu.api, self._api),
            ("client", sensu.client, partial(ClientSocket, take=self._registry.take, odd=self._odd)),
            ("http", sensu.http, self._http),
        )
        return [
            Wanted(f"sensu.{name}", address, partial(make, str(address)))
            for name, address, make in makers
            if address is not None
        ]

    def observing(self, events: Sequence[Event]) -> AbstractContextManager[Remember]:
        """Lend what is to be remembered of this host's own events."""
        return self._registry.observing(events)

    def _api(self, address: str) -> PortListener:
        api = Api(self._registry, self._odd)
        return PortListener(address, api.answer, refuse=api.refuse, budget=self._budget)

    def _http(self, address: str) -> PortListener:
        http = HttpSocket(self._registry.take, self._odd)
        return PortListener(address, http.answer, refuse=http.refuse, budget=self._budget)
