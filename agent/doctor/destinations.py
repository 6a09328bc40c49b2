"""Whether each destination can be reached and knows our credential; its system knows how to ask."""

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
        yield look_at(name, settings)
        if remarks := system(settings.type).remarks:
            yield from remarks(name, settings, hostname)


def look_at(name: str, settings: DestinationSettings) -> Finding:
    """Ask one destination whether it knows the credential."""
    probe = system(settings.type).probe
    if probe is None:
        advice = "look at `sts-agent status` once the daemon runs"
        return Finding(
            f"destination {name}", "warn", f"{settings.type} offers no way to ask: cannot tell", advice
        )
    return probe(name, settings, min(settings.timeout, TIMEOUT_SECONDS))
