"""StackState: events in the common JSON object to a receiver, and what a receiver takes from others."""

from typing import TYPE_CHECKING

from agent.systems.finding import Finding
from agent.systems.stackstate import environment
from agent.systems.stackstate.settings import StackStateSettings
from agent.systems.system import FromEnvironment, Surroundings, System

if TYPE_CHECKING:
    from agent.delivery.destination import Destination
    from agent.intake.dialect import Dialect
    from agent.stand_in.verdict import Rules


def _destination(name: str, settings: StackStateSettings, surroundings: Surroundings) -> "Destination":
    from agent.systems.stackstate.destination import StackState

    return StackState(name, settings, surroundings)


def _dialect() -> "Dialect":
    from agent.systems.stackstate.dialect import StackStateDialect

    return StackStateDialect()


def _probe(name: str, settings: StackStateSettings, timeout_seconds: float) -> Finding:
    from agent.systems.stackstate.probe import probe

    return probe(name, settings, timeout_seconds)


def _remarks(name: str, settings: StackStateSettings, hostname: str | None) -> list[Finding]:
    from agent.systems.stackstate.probe import remarks

    return remarks(name, settings, hostname)


def _stand_in(credential: str | None, max_body_bytes: int) -> "Rules":
    from agent.systems.stackstate.stand_in import ReceiverRules

    return ReceiverRules(credential, max_body_bytes)


SYSTEM = System(
    settings=StackStateSettings,
    destination=_destination,
    dialect=_dialect,
    probe=_probe,
    remarks=_remarks,
    stand_in=_stand_in,
    from_environment=FromEnvironment(environment.make, environment.complete),
)
