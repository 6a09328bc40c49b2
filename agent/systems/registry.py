"""The table of remote systems: a new one is a folder beside this file and one line here.

The table holds names alone; a system is imported when something asks for it, so nothing of one that
is not configured, and to which nobody posts, is loaded. The first is the type of a destination that does not name its own.
"""

import re
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # `event send` reads the table, and is to be quick
    from agent.configuration.types import DestinationSettings
    from agent.delivery.destination import Destination
    from agent.events.stored_event import StoredEvent
    from agent.intake.dialect import Dialect
    from agent.intake.late_dialect import LateDialect
    from agent.stand_in.server import StandIn
    from agent.systems.system import Surroundings, System


class Row(NamedTuple):
    """What has to be known of a system before it is loaded."""

    variables: tuple[str, ...] = ()
    """Variables of the environment that make a destination of it."""
    paths: str = ""
    """A pattern of the paths that local programs post to in its dialect; empty for a system without one."""
    ports: str = ""
    """The key of `intake` in agent.yaml that asks for ports of its own; empty for a system without any."""
    event_types: str = ""
    """A pattern of the event types of its own, of which it knows what they require (`System.lacks`)."""
    source: str = ""
    """The key in conf.d of its source, where it has one."""


SYSTEMS: dict[str, Row] = {
    "stackstate": Row(
        variables=("STS_STS_URL", "STS_URL", "STS_API_KEY"),
        paths=r"(?:(?:/receiver)?/stsAgent)?/(?:intake|api/v1/validate)/?",
    ),
    "dynatrace": Row(
        paths=r"(?:/e/[^/]+)?/api/(?:v1/events|v2/events/ingest)/?",
        event_types=r"[A-Z]+(?:_[A-Z]+)+",
    ),
    "sematext": Row(paths=r"/[^/]+/[^/]+/?"),
    "otlp": Row(),
    "sensu": Row(ports="sensu", source="sensu_api"),
}
"""By the `type` of the configuration, which is the name of its folder."""

DEFAULT_TYPE = next(iter(SYSTEMS))


def system(name: str) -> "System":
    """Return a system of the table, which is loaded now if it was not before."""
    found: System = import_module(f"agent.systems.{name}").SYSTEM
    return found


def make_destination(
    name: str, settings: "DestinationSettings", surroundings: "Surroundings"
) -> "Destination":
    """Return the destination of these settings; raises `DestinationError` for what cannot be used."""
    make = system(settings.type).destination
    if make is None:
        from agent.delivery.destination import DestinationError

        raise DestinationError(f"{settings.type} takes no events", "remove the destination")
    return make(name, settings, surroundings)


def dialects() -> "list[LateDialect]":
    """Return every system's way of posting to us, in the order of the table: of two for one path the first has it.

    None is loaded before somebody posts to a path of its own.
    """
    from agent.intake.late_dialect import LateDialect

    return [
        LateDialect(name, re.compile(row.paths), partial(_dialect, name))
        for name, row in SYSTEMS.items()
        if row.paths
    ]


def _dialect(name: str) -> "Dialect":
    make = system(name).dialect
    assert make is not None  # noqa: S101 - the table has paths for it
    return make()


def is_of_a_system(event_type: str) -> bool:
    """Return whether a type of event is a system's own, which may require more than others do."""
    return any(_has(row, event_type) for row in SYSTEMS.values())


def _has(row: Row, event_type: str) -> bool:
    return bool(row.event_types and re.fullmatch(row.event_types, event_type))


def lacks(event: "StoredEvent") -> list[str]:
    """Return what the type of an event requires and the event does not bring, where the type is a system's own."""
    found: list[str] = []
    for name, row in SYSTEMS.items():
        if _has(row, event.event_type or ""):
            check = system(name).lacks
            found += check(event) if check is not None else ()
    return found


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
    rules = make(credential, max_body_bytes)
    return StandIn(rules, host, port, max_body_bytes=max_body_bytes, **options)
