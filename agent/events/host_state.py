"""How this host is now: what a system may read that tells states beside events. Values; nothing here looks at the host.

It is made of what collectors remember and of what the agent says of itself, so it is as true as they are, and no truer.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from collectors.collector import Condition, Memory
from collectors.registry import COLLECTORS


class HostState(msgspec.Struct, frozen=True):
    """One moment of the host and of its agent."""

    services: tuple[Condition, ...] = ()
    """Each by the name of its unit, in the order of these names."""
    processes: tuple[Condition, ...] = ()
    """Each kind that is watched by its name in conf.d, likewise."""
    configuration: tuple[str, ...] = ()
    """What of the configuration is not in use, and why."""
    agent: tuple[str, ...] = ()
    """What else somebody has to do something about."""
    tags: tuple[str, ...] = ()
    """The agent's own, as `env:prod`."""


class _NoMemory:
    """A memory that holds nothing, for those whom nobody lends one."""

    def get(self, key: str) -> None:
        """Return nothing."""

    def items(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:  # noqa: ARG002 - the protocol's
        """Yield nothing."""
        return iter(())

    def text(self, key: str) -> None:
        """Return nothing."""

    def has_room(self, more_bytes: int) -> bool:  # noqa: ARG002 - the protocol's
        """Return that nothing can be remembered."""
        return False


NO_MEMORY: Memory = _NoMemory()


def read_conditions(
    collector: str, memory: Callable[[str], Memory], configured: Iterable[str]
) -> tuple[Condition, ...]:
    """Return how each thing is that a collector watches; none where it is not configured."""
    read = COLLECTORS[collector].read_conditions
    if read is None or collector not in configured:
        return ()
    return tuple(read(memory(collector)))
