"""What somebody has to do something about, given what `status` knows, and what that is. Pure but for the clock.

Each reason is said in a few words, as `GET /health` and `status --exit-code` give it; what to do is one sentence, with the
command where there is one.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

from agent.delivery.outcome import NO_HOSTNAME
from agent.runtime.status import Collector, Destination, Document, SpoolSize
from collectors._portable import were

_CHECK = "correct it (`sts-agent check` names every line), then `systemctl {} sts-agent`"
_FULL_BYTES = 1024 * 1024
"""A disk with less is full: a commit may need as much."""
_MINUTE_SECONDS = 60


class Action(NamedTuple):
    """Why action is needed, and what to do."""

    reason: str
    advice: str = ""


def action_needed(document: Document) -> list[str]:
    """Return why somebody has to look, each in a few words; empty when all is well."""
    return [action.reason for action in actions(document)]


def actions(document: Document) -> list[Action]:
    """Return the same with what to do."""
    found = [*_of_the_agent(document), *_of_the_configuration(document)]
    for name, collector in document.collectors.items():
        found += _of_a_collector(name, collector)
    for name, destination in document.destinations.items():
        found += _of_a_destination(name, destination, document)
    return [*found, *(_of_the_spool(document.spool) if document.spool else ())]


def configuration_problems(document: Document) -> Iterator[str]:
    """Yield what of the configuration is not in use, and why, each in a few words."""
    return (action.reason for action in _of_the_configuration(document))


def _of_the_agent(document: Document) -> Iterator[Action]:
    if document.running is False:
        yield Action(
            "the daemon is not running", "`systemctl start sts-agent`, then `journalctl -u sts-agent`"
        )
    elif document.no_answer:
        yield Action(f"the daemon was not heard: {document.no_answer}")
    elif not document.hostname:
        yield Action("there is no acceptable hostname", "write `hostname: NAME` into agent.yaml")
    for name, listener in document.listens.items():
        if listener.problem:
            text = f"{name} does not listen at {listener.address}: {listener.problem}"
            yield Action(text, "free the address, or give another in agent.yaml; it is tried again")


def _of_the_configuration(document: Document) -> Iterator[Action]:
    check = _CHECK.format("start" if document.running is False else "reload")
    for path, problems in document.set_aside.items():
        first = f": {problems[0]}" if problems else ""
        yield Action(f"{path} is wrong and was set aside{first}", check)
    if document.replaced:
        goes_on = ", the last right one goes on" if document.running else ""
        yield Action(f"agent.yaml is wrong{goes_on}: {document.replaced[0]}", check)
    if document.refused_reload:
        yield Action(f"a reload was refused: {document.refused_reload[0]}", check)


def _of_a_collector(name: str, collector: Collector) -> Iterator[Action]:
    why = collector.detail
    if collector.state == "restarting":
        yield Action(
            f"collector {name} fails: {why}",
            "look at `journalctl -u sts-agent`; it is started again by itself",
        )
    elif collector.state == "stopped":
        yield Action(f"collector {name} does not run: {why or 'it ended'}", "`systemctl restart sts-agent`")
    elif collector.state == "not applicable" and collector.is_asked_for:
        text = f"collector {name} is configured and does not run: not applicable here, {why}"
        yield Action(text, f"take `{name}` out of conf.d on this host, or give it what it lacks")


def _of_a_destination(name: str, found: Destination, document: Document) -> Iterator[Action]:
    if found.reason == NO_HOSTNAME:
        pass  # that is told of the agent itself
    elif found.state in {"paused", "failed"}:
        advice = "`sts-agent doctor` tries it and says what to do; it goes on by itself once that is done"
        yield Action(f"destination {name} is {found.state}: {found.reason}", advice)
    elif found.waiting_events and (for_seconds := _undelivered_for(found, document)) > document.alert_after:
        text = f"destination {name} has delivered nothing for {for_seconds / _MINUTE_SECONDS:.0f} min"
        why = found.last_failure_reason or found.reason
        yield Action(f"{text}: {why}" if why else text, "`sts-agent doctor` tries it and says what to do")
    if found.dropped_lately:
        text = (
            f"{were(found.dropped_lately, 'event', f'for {name}')} dropped (`sts-agent status --acknowledge`)"
        )
        disk = ", make room where its disk was" if "disk_full" in found.dropped else ""
        yield Action(text, f"raise spool.max_size where it was full{disk}, then acknowledge it")


def _undelivered_for(found: Destination, document: Document) -> float:
    """Return for how many seconds something has waited and nothing was delivered, whatever the reason."""
    now = time.time()
    waiting_since = found.waiting_since or document.started or found.oldest_waiting or now
    return now - max(found.last_success or 0.0, waiting_since)


def _of_the_spool(kept: SpoolSize) -> Iterator[Action]:
    if kept.volatile:
        advice = "let the service's user write in spool.directory, then `systemctl restart sts-agent`"
        yield Action(f"events are lost at the next stop: {kept.volatile}", advice)
    if kept.free_bytes is not None and kept.free_bytes < _FULL_BYTES:
        yield Action(f"the disk of {kept.directory} is full: what happens now may be lost", "make room on it")
    for reason in kept.damage:
        yield Action(
            f"the spool was damaged: {reason}", "look at the disk: `dmesg`, `smartctl -a`; it is repaired"
        )
    if kept.memory_full:
        yield Action(
            "no room to remember more: further files are not watched, raise spool.max_size",
            "raise spool.max_size, or watch fewer files",
        )
    if kept.rejected:
        text = f"{were(kept.rejected, 'event')} rejected, see `sts-agent rejected list`"
        yield Action(text, "`sts-agent rejected list`, then `retry ID…` or `discard ID…`")
