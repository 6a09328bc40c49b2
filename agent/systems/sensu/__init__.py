"""Sensu Core: what local checks report, its API over the state of this host, and (as a destination) a Sensu server."""

from typing import TYPE_CHECKING, Any

from agent.systems.sensu.settings import SensuSettings
from agent.systems.system import Lent, Ports, System

if TYPE_CHECKING:
    from agent.systems.system import OwnPorts


def _are_asked(intake: Any) -> bool:
    sensu = intake.sensu
    return sensu is not None and bool(sensu.api or sensu.client or sensu.http)


def _ports(lent: Lent) -> "OwnPorts":
    from agent.systems.sensu.ports import SensuPorts

    return SensuPorts(lent)


SYSTEM = System(
    settings=SensuSettings,
    ports=Ports(_are_asked, _ports),
)
