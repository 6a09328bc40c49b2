"""Sematext: events to its event receiver, and what that takes from others; its "Events API"."""

from typing import TYPE_CHECKING

from agent.systems.finding import Finding
from agent.systems.sematext.settings import SematextSettings
from agent.systems.system import Surroundings, System

if TYPE_CHECKING:
    from agent.delivery.destination import Destination
    from agent.http.result import Answered
    from agent.intake.dialect import Dialect
    from agent.stand_in.verdict import Rules


def _destination(name: str, settings: SematextSettings, _: Surroundings) -> "Destination":
    from agent.systems.sematext.destination import Sematext

    return Sematext(name, settings)  # an event says its host itself


def _dialect() -> "Dialect":
    from agent.systems.sematext.dialect import SematextDialect

    return SematextDialect()


def _finding(check: str, where: str, _: "Answered") -> Finding:
    """Return what any answer means: there is no way to try a token without an event, so none is tried."""
    advice = "an event tells: sts-agent event send TryEvent --title try"
    return Finding(check, "ok", f"{where} answers; whether it knows the token, only an event tells", advice)


def _stand_in(credential: str | None, _: int) -> "Rules":
    from agent.systems.sematext.stand_in import EventReceiverRules

    return EventReceiverRules(credential)  # the server itself bounds what comes


SYSTEM = System(
    settings=SematextSettings,
    destination=_destination,
    dialect=_dialect,
    finding=_finding,
    stand_in=_stand_in,
)
