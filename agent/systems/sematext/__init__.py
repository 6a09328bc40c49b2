"""Sematext: events to its event receiver, and what that takes from others; its "Events API"."""

from typing import TYPE_CHECKING

from agent.systems.finding import Finding
from agent.systems.sematext.settings import SematextSettings
from agent.systems.system import Surroundings, System

if TYPE_CHECKING:
    from agent.delivery.destination import Destination
    from agent.intake.dialect import Dialect
    from agent.stand_in.verdict import Rules


def _destination(name: str, settings: SematextSettings, surroundings: Surroundings) -> "Destination":
    from agent.systems.sematext.destination import Sematext

    del surroundings  # an event says its host itself
    return Sematext(name, settings)


def _dialect() -> "Dialect":
    from agent.systems.sematext.dialect import SematextDialect

    return SematextDialect()


def _probe(name: str, settings: SematextSettings, timeout_seconds: float) -> Finding:
    from agent.systems.sematext.probe import probe

    return probe(name, settings, timeout_seconds)


def _stand_in(*, credential: str | None, max_body_bytes: int) -> "Rules":
    from agent.systems.sematext.stand_in import EventReceiverRules

    del max_body_bytes  # the server holds it
    return EventReceiverRules(credential)


SYSTEM = System(
    settings=SematextSettings,
    destination=_destination,
    dialect=_dialect,
    probe=_probe,
    stand_in=_stand_in,
)
