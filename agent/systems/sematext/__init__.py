"""Sematext: events to its event receiver, and what that takes from others; its "Events API"."""

from typing import TYPE_CHECKING

from agent.systems.finding import Finding
from agent.systems.sematext.settings import SematextSettings
from agent.systems.system import Surroundings, System

if TYPE_CHECKING:
    from agent.delivery.destination import Destination
    from agent.intake.dialect import Dialect
    from agent.stand_in.verdict import Rules


def _destination(name: str, settings: SematextSettings, _: Surroundings) -> "Destination":
    from agent.systems.sematext.destination import Sematext

    return Sematext(name, settings)  # an event says its host itself


def _dialect() -> "Dialect":
    from agent.systems.sematext.dialect import SematextDialect

    return SematextDialect()


def _probe(name: str, settings: SematextSettings, timeout_seconds: float) -> Finding:
    from agent.systems.sematext.probe import probe

    return probe(name, settings, timeout_seconds)


def _stand_in(credential: str | None, _: int) -> "Rules":
    from agent.systems.sematext.stand_in import EventReceiverRules

    return EventReceiverRules(credential)  # the server itself bounds what comes


SYSTEM = System(
    settings=SematextSettings,
    destination=_destination,
    dialect=_dialect,
    probe=_probe,
    stand_in=_stand_in,
)
