"""Dynatrace: events to its events API, version 1 or 2, and what that takes from others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.systems.dynatrace.settings import DynatraceSettings
from agent.systems.finding import Finding
from agent.systems.system import Surroundings, System

if TYPE_CHECKING:
    from agent.delivery.destination import Destination
    from agent.events.stored_event import StoredEvent
    from agent.intake.dialect import Dialect
    from agent.stand_in.verdict import Rules


def _destination(name: str, settings: DynatraceSettings, surroundings: Surroundings) -> "Destination":
    from agent.systems.dynatrace.destination import Dynatrace

    return Dynatrace(name, settings, surroundings)


def _dialect() -> "Dialect":
    from agent.systems.dynatrace.dialect import DynatraceDialect

    return DynatraceDialect()


def _probe(name: str, settings: DynatraceSettings, timeout_seconds: float) -> Finding:
    from agent.systems.dynatrace.probe import probe

    return probe(name, settings, timeout_seconds)


def _stand_in(credential: str | None, _: int) -> "Rules":
    from agent.systems.dynatrace.stand_in import EnvironmentRules

    return EnvironmentRules(credential)  # the server itself bounds what comes


def _lacks(event: "StoredEvent") -> Sequence[str]:
    from agent.systems.dynatrace.to_desk import lacks

    return lacks(event)


SYSTEM = System(
    settings=DynatraceSettings,
    destination=_destination,
    dialect=_dialect,
    probe=_probe,
    stand_in=_stand_in,
    lacks=_lacks,
)
