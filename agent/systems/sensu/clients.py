"""Who has checks: this host, and every client that results name as their source."""

import time

from agent.systems.sensu import view
from agent.systems.sensu.check_state import CheckState
from agent.systems.sensu.registry import Registry


class Clients:
    """The clients of a registry, as its checks tell them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def show(self, name: str, state: CheckState) -> view.Shown:
        """Return a client, one of whose checks has this state."""
        if name == self._registry.host:
            return view.this_host(name, int(time.time()))
        return view.proxy(name, state.result["executed"])

    def all(self) -> dict[str, view.Shown]:
        """Return every client by its name, this host first."""
        host = self._registry.host
        found = {host: view.this_host(host, int(time.time()))}
        for name, state in self._registry.states():
            if name not in found or found[name]["timestamp"] < state.result["executed"]:
                found[name] = self.show(name, state)
        return found

    def one(self, name: str) -> view.Shown | None:
        """Return a client, or None for one that nobody has named."""
        if name == self._registry.host:
            return view.this_host(name, int(time.time()))
        last = max((state.result["executed"] for _, state in self._registry.states(name)), default=None)
        return None if last is None else view.proxy(name, last)
