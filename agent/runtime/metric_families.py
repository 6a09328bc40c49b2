"""The metrics of one moment, each with its name, its help and its labels: the table that a new metric is added to.

What stands in a label comes from the configuration or from our own words, never from an event, so that nobody who
posts one can make more series. The library is imported when a family is made. Holds no secret.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, get_args

import msgspec

from agent.delivery.state import Phase
from agent.delivery.totals import LATENCY_BOUNDS_SECONDS, DeliveryTotals
from agent.runtime.status import Destination, Document, SpoolSize
from agent.runtime.status_actions import action_needed, configuration_problems
from agent.runtime.supervisor import Phase as CollectorPhase
from spool import DROP_REASONS

if TYPE_CHECKING:
    from agent.runtime.plain_prometheus import Metric

_DESTINATION_STATES = (*map(str, Phase), "failed")
_BUCKETS = (*map(str, LATENCY_BOUNDS_SECONDS), "+Inf")
_Rows: TypeAlias = Mapping[tuple[str], float] | Mapping[tuple[str, str], float] | Mapping[tuple[()], float]


class Readings(msgspec.Struct, frozen=True):
    """One moment of the agent."""

    document: Document
    captured: Mapping[str, int]
    """Events since the start, by the collector that saw them; `intake` for what was handed in."""
    deliveries: Mapping[str, DeliveryTotals]
    """Since the start, by destination."""
    now: float
    """Seconds since the epoch."""


_ABOUT_A_DESTINATION: tuple[tuple[str, str, Callable[[Destination, float], float]], ...] = (
    (
        "sts_agent_events_delivered_total",
        "Events that a destination has accepted.",
        lambda found, _: found.delivered,
    ),
    (
        "sts_agent_events_rejected_total",
        "Events that a destination refused for good.",
        lambda found, _: found.rejected,
    ),
    (
        "sts_agent_events_filtered_total",
        "Events that a destination is not to get.",
        lambda found, _: found.filtered,
    ),
    ("sts_agent_waiting_events", "Events that wait for delivery.", lambda found, _: found.waiting_events),
    (
        "sts_agent_waiting_bytes",
        "The JSON of events that wait, before compression.",
        lambda found, _: found.waiting_bytes,
    ),
    (
        "sts_agent_oldest_waiting_seconds",
        "The age of the oldest event that waits, 0 where none does.",
        lambda found, now: max(0.0, now - found.oldest_waiting) if found.oldest_waiting else 0.0,
    ),
    (
        "sts_agent_last_delivery_timestamp_seconds",
        "When a destination last accepted something, 0 where it never did.",
        lambda found, _: found.last_success or 0.0,
    ),
)

_ABOUT_THE_SPOOL: tuple[tuple[str, str, Callable[[SpoolSize], float]], ...] = (
    ("sts_agent_spool_size_bytes", "What the spool's directory takes.", lambda kept: kept.size_bytes),
    ("sts_agent_spool_max_size_bytes", "What it may take.", lambda kept: kept.max_size_bytes),
    ("sts_agent_spool_events", "Events that are kept, delivered or not.", lambda kept: kept.events),
    (
        "sts_agent_spool_rejected_events",
        "Rejected events that are kept for a person.",
        lambda kept: kept.rejected,
    ),
    (
        "sts_agent_spool_volatile",
        "1 where events are lost at the next stop.",
        lambda kept: bool(kept.volatile),
    ),
)


def families(found: Readings) -> Iterator["Metric"]:
    """Yield every family of one moment."""
    yield from _of_the_agent(found.document)
    yield from _of_collectors(found)
    for name, text, read in _ABOUT_A_DESTINATION:
        rows = {
            (destination,): read(one, found.now) for destination, one in found.document.destinations.items()
        }
        yield _family(name, text, ("destination",), rows)
    yield from _of_destinations(found)
    if kept := found.document.spool:
        for name, text, of in _ABOUT_THE_SPOOL:
            yield _family(name, text, (), {(): of(kept)})


def _of_the_agent(document: Document) -> Iterator["Metric"]:
    yield _family("sts_agent_build_info", "The version that runs.", ("version",), {(document.version,): 1})
    yield _family(
        "sts_agent_configuration_info",
        "The configuration in use, without its secrets.",
        ("hash",),
        {(document.configuration_hash,): 1},
    )
    problems = len([*configuration_problems(document)])
    needed = len(action_needed(document))
    for name, text, value in (
        ("sts_agent_start_time_seconds", "When the agent was started.", document.started or 0.0),
        ("sts_agent_configuration_problems", "What of the configuration is not in use.", problems),
        (
            "sts_agent_action_needed",
            "Reasons for somebody to look: those of `sts-agent status --exit-code`.",
            needed,
        ),
        (
            "sts_agent_clock_trusted",
            "1 where the clock was set by somebody who knows the time.",
            bool(document.clock_trusted),
        ),
    ):
        yield _family(name, text, (), {(): value})
    listening = {(name,): not one.problem for name, one in document.listens.items()}
    yield _family(
        "sts_agent_listener_up", "1 where the agent listens as configured.", ("listener",), listening
    )


def _of_collectors(found: Readings) -> Iterator["Metric"]:
    collectors = found.document.collectors
    captured = dict.fromkeys((*collectors, "agent", "intake"), 0) | dict(found.captured)
    yield _family(
        "sts_agent_events_captured_total",
        "Events that a collector saw or that were handed in, since the start.",
        ("collector",),
        {(name,): count for name, count in captured.items()},
    )
    yield _family(
        "sts_agent_collector_restarts_total",
        "How often a collector failed and was started again, since the start.",
        ("collector",),
        {(name,): one.restarts for name, one in collectors.items()},
    )
    states = {name: one.state for name, one in collectors.items()}
    yield _states("sts_agent_collector_state", "collector", get_args(CollectorPhase), states)


def _of_destinations(found: Readings) -> Iterator["Metric"]:
    destinations = found.document.destinations
    dropped = {
        (name, reason): one.dropped.get(reason, 0)
        for name, one in destinations.items()
        for reason in dict.fromkeys((*DROP_REASONS, *one.dropped))
    }
    text = "Events that a destination will never get, by reason."
    yield _family("sts_agent_events_dropped_total", text, ("destination", "reason"), dropped)
    totals = {name: found.deliveries.get(name) or DeliveryTotals() for name in destinations}
    yield _family(
        "sts_agent_delivery_retries_total",
        "Requests that failed and are made again, since the start.",
        ("destination",),
        {(name,): one.retries for name, one in totals.items()},
    )
    yield _latency(totals)
    states = {name: one.state for name, one in destinations.items()}
    yield _states("sts_agent_destination_state", "destination", _DESTINATION_STATES, states)


def _latency(totals: Mapping[str, DeliveryTotals]) -> "Metric":
    from agent.runtime.plain_prometheus import HistogramMetricFamily

    family = HistogramMetricFamily(
        "sts_agent_delivery_latency_seconds",
        "From the capture of an event to its acceptance by a destination, since the start.",
        labels=["destination"],
    )
    for name, one in totals.items():
        counts, upto = [*one.latency_counts], 0
        buckets = []
        for bound, count in zip(_BUCKETS, counts, strict=True):
            upto += count
            buckets.append((bound, upto))
        family.add_metric([name], buckets, one.latency_sum_seconds)
    return family


def _states(name: str, label: str, possible: Sequence[str], states: Mapping[str, str]) -> "Metric":
    rows = {
        (one, state): state == current
        for one, current in states.items()
        for state in dict.fromkeys((*possible, current))
    }
    return _family(name, f"1 for the state that each {label} is in.", (label, "state"), rows)


def _family(name: str, text: str, labels: Sequence[str], rows: _Rows) -> "Metric":
    """Return a family: a counter where the name says so, else a gauge."""
    from agent.runtime.plain_prometheus import CounterMetricFamily, GaugeMetricFamily

    made = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    family = made(name, text, labels=labels)
    for values, number in rows.items():
        family.add_metric(values, float(number))
    return family
