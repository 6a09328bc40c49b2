"""OTLP/HTTP logs: what the OpenTelemetry Collector and most backends of today take."""

from typing import TYPE_CHECKING

from agent.systems.finding import Finding
from agent.systems.otlp.settings import OtlpSettings
from agent.systems.system import Surroundings, System

if TYPE_CHECKING:
    from agent.delivery.destination import Destination
    from agent.stand_in.verdict import Rules


def _destination(name: str, settings: OtlpSettings, _: Surroundings) -> "Destination":
    from agent.systems.otlp.destination import Otlp

    return Otlp(name, settings)  # a request names the host that its events are of


def _probe(name: str, settings: OtlpSettings, timeout_seconds: float) -> Finding:
    from agent.systems.otlp.probe import probe

    return probe(name, settings, timeout_seconds)


def _stand_in(credential: str | None, max_body_bytes: int) -> "Rules":
    from agent.systems.otlp.stand_in import LogsRules

    return LogsRules(credential, max_body_bytes)


SYSTEM = System(settings=OtlpSettings, destination=_destination, probe=_probe, stand_in=_stand_in)
