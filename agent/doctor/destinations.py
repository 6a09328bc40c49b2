"""Whether each destination can be reached and knows our credential."""

from collections.abc import Iterator, Mapping

from agent.configuration.types import DestinationSettings
from agent.systems.finding import Finding
from agent.systems.registry import system

TIMEOUT_SECONDS = 10.0


def look_at_all(
    destinations: Mapping[str, DestinationSettings], hostname: str | None = None
) -> Iterator[Finding]:
    """Yield the findings of each destination; `hostname` is what this host goes by."""
    if not destinations:
        advice = "add one under `destinations:`, or set STS_STS_URL and STS_API_KEY"
        yield Finding("destinations", "warn", "none is configured: events are only recorded", advice)
    for name, settings in destinations.items():
        from agent.systems.probing import probe  # what speaks HTTP, where there is somebody to ask

        yield probe(name, settings, min(settings.timeout, TIMEOUT_SECONDS))
        if remarks := system(settings.type).remarks:
            yield from remarks(name, settings, hostname)
