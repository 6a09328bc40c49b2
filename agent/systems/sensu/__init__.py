"""Sensu Core: what local checks report, its API over the state of this host, and (as a destination) a Sensu server."""

from typing import TYPE_CHECKING, Any

from agent.systems.finding import Finding
from agent.systems.sensu.settings import SensuApiConfig, SensuSettings
from agent.systems.system import Lent, Ports, Surroundings, System
from collectors.collector import Registration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.delivery.destination import Destination
    from agent.stand_in.verdict import Rules
    from agent.systems.system import OwnPorts
    from collectors.collector import Collector, Scoped


def _destination(name: str, settings: SensuSettings, _: Surroundings) -> "Destination":
    from agent.systems.sensu.destination import Sensu

    return Sensu(name, settings)  # an event says its host itself


def _probe(name: str, settings: SensuSettings, timeout_seconds: float) -> Finding:
    from agent.systems.sensu.probe import probe

    return probe(name, settings, timeout_seconds)


def _source(entries: "Sequence[Scoped[Any]]") -> "Collector":
    from agent.systems.sensu.source import SensuApi

    return SensuApi(entries)


def _stand_in(credential: str | None, _: int) -> "Rules":
    from agent.systems.sensu.stand_in import ServerRules

    return ServerRules(credential)  # the server itself bounds what comes


def _are_asked(intake: Any) -> bool:
    sensu = intake.sensu
    return sensu is not None and bool(sensu.api or sensu.client or sensu.http)


def _ports(lent: Lent) -> "OwnPorts":
    from agent.systems.sensu.ports import SensuPorts

    return SensuPorts(lent)


SYSTEM = System(
    settings=SensuSettings,
    destination=_destination,
    source=Registration(SensuApiConfig, _source),
    probe=_probe,
    stand_in=_stand_in,
    ports=Ports(_are_asked, _ports),
)
