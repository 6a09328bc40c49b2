"""The table of remote systems: a new one is a folder beside this file and one line here.

The table holds names alone; a system is imported when something asks for it, so nothing of one that
is not configured is loaded. The first is the type of a destination that does not name its own.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from agent.configuration.types import DestinationSettings
from agent.systems.system import Surroundings, System

if TYPE_CHECKING:
    from agent.delivery.destination import Destination
    from agent.intake.dialect import Dialect
    from agent.stand_in.server import StandIn


@dataclass(frozen=True, slots=True)
class Row:
    """Where a system's `SYSTEM` is, and which variables of the environment make a destination of it."""

    package: str
    variables: tuple[str, ...] = ()


SYSTEMS: dict[str, Row] = {
    "stackstate": Row("agent.systems.stackstate", ("STS_STS_URL", "STS_URL", "STS_API_KEY")),
    "sematext": Row("agent.systems.sematext"),
    "otlp": Row("agent.systems.otlp"),
}
"""By the `type` of the configuration."""

DEFAULT_TYPE = next(iter(SYSTEMS))


def system(name: str) -> System:
    """Return a system of the table; raises `KeyError` for a name that is not in it."""
    found: System = import_module(SYSTEMS[name].package).SYSTEM
    return found


def make_destination(name: str, settings: DestinationSettings, surroundings: Surroundings) -> "Destination":
    """Return the destination of these settings; raises `DestinationError` for what cannot be used."""
    make = system(settings.type).destination
    if make is None:
        from agent.delivery.destination import DestinationError

        raise DestinationError(f"{settings.type} takes no events", "remove the destination")
    return make(name, settings, surroundings)


def dialects(surroundings: Surroundings) -> "list[Dialect]":
    """Return every system's way of posting to us, in the order of the table: of two for one path the first has it."""
    makers = [system(name).dialect for name in SYSTEMS]
    return [make(surroundings) for make in makers if make is not None]


def stand_in(
    name: str,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    credential: str | None = None,
    max_body_bytes: int = 8 * 1024 * 1024,
    **options: Any,
) -> "StandIn":
    """Return a strict stand-in of a system on a port (0: any free one), not started; raises `OSError` for the address.

    `options` are those of `agent.stand_in.StandIn`; raises `KeyError` for a system that has none.
    """
    from agent.stand_in.server import StandIn

    make = system(name).stand_in
    if make is None:
        raise KeyError(name)
    rules = make(credential=credential, max_body_bytes=max_body_bytes)
    return StandIn(rules, host, port, max_body_bytes=max_body_bytes, **options)
