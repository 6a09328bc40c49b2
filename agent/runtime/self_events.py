"""What the agent tells of itself, as events like any others. Pure: values in, events out."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from collectors._portable import counted, escaped, were
from collectors._redaction.passing import name_without_secrets
from collectors.event import AlertType, Category, Event
from spool import Drop, Recovery, Refused

OWNER = "agent"
"""The owner of the agent's own memory, and the origin of its own events."""

_MAX_TEXT = 16_000
_MAX_DATA = 1_000


def started(
    version: str, configuration_hash: str, baseline: Iterable[str], now: int, *, was_cloned: bool = False
) -> Event:
    """Return that the agent runs, which collectors see this host for the first time, and if it is a clone."""
    first = ", ".join(baseline)
    text = f"sts-agent {version} watches this host."
    if was_cloned:
        text += (
            " Its spool came from another machine: what it remembered is forgotten, what waited is not sent."
        )
    if first:
        text += f" What was here before is taken as it is by: {first}."
    data: dict[str, str | int | None] = {
        "version": version,
        "configuration_hash": configuration_hash,
        "baseline": first,
    }
    if was_cloned:
        data["cloned"] = True
    return _event("AgentStartedEvent", "sts-agent started", text, now, data=data)


def stopped(version: str, now: int) -> Event:
    """Return that the agent was asked to end: from here on nobody watches."""
    return _event(
        "AgentStoppedEvent",
        "sts-agent stopped",
        "From here on changes are seen when it starts again.",
        now,
        data={"version": version},
    )


def reloaded(version: str, configuration_hash: str, before: str, changed: Sequence[str], now: int) -> Event:
    """Return that another configuration counts from here on, which one, and what of it is new."""
    what = ", ".join(changed)
    return _event(
        "AgentConfigurationReloadedEvent",
        "sts-agent took a new configuration",
        f"Changed: {what}."[:_MAX_TEXT] if what else "It is the one that counted before.",
        now,
        data={
            "version": version,
            "configuration_hash": configuration_hash,
            "old_configuration_hash": before,
            "changed": what[:_MAX_DATA],
        },
    )


def configuration_rejected(problems: Iterable[str], kept: str, now: int) -> Event:
    """Return that a configuration, or files of it, is wrong and what goes on instead."""
    lines = [str(problem) for problem in problems]
    return _event(
        "AgentConfigurationRejectedEvent",
        "sts-agent rejected its configuration",
        f"{kept}\n" + "\n".join(lines)[:_MAX_TEXT],
        now,
        data={"problems": len(lines), "first_problem": lines[0] if lines else "", "effect": kept},
        alert=AlertType.WARNING,
    )


def replaced(problems: Iterable[str], now: int) -> Event:
    """Return that agent.yaml was wrong at a start, and an earlier one took its place."""
    return configuration_rejected(problems, "The last agent.yaml that was right goes on.", now)


def files_set_aside(set_aside: Mapping[Path, tuple[str, ...]], now: int) -> Event:
    """Return that the agent started without some files of conf.d."""
    problems = [problem for lines in set_aside.values() for problem in lines]
    names = ", ".join(path.name for path in set_aside)
    return configuration_rejected(problems, f"The agent started without {names}.", now)


def dropped(drop: Drop, now: int) -> Event:
    """Return that a destination will never get some events, and why."""
    return _event(
        "EventsDroppedEvent",
        f"{were(drop.count, 'event', f'for {drop.destination}')} dropped: {drop.reason}",
        f"The spool dropped {counted(drop.count, 'event')} before {drop.destination} took {'it' if drop.count == 1 else 'them'} ({drop.reason}).",
        now,
        data={
            "destination": drop.destination,
            "reason": drop.reason,
            "count": drop.count,
            "first_timestamp": int(drop.first_time),
            "last_timestamp": int(drop.last_time),
        },
        alert=AlertType.ERROR,
    )


def texts_given_up(count: int, now: int) -> Event:
    """Return that changes of some files will be told without a diff, for want of room to remember their text."""
    reason = "remembered text has filled its quarter of the spool"
    return _event(
        "WatchDegradedEvent",
        "Some changes will be told without a diff",
        f"{reason.capitalize()}: the text changed least recently was given up. Raise spool.max_size.",
        now,
        data={"reason": reason, "texts": count},
        alert=AlertType.WARNING,
    )


def refused_files(first: Refused, count: int, now: int) -> Event:
    """Return that files in `incoming/` could not be taken in: one by name, and how many there were."""
    name, reason = name_without_secrets(escaped(first.name)[:200]), escaped(first.reason)[:1000]
    known = {"sha256": first.sha256 or None, "size": first.size_bytes, "owner": first.owner}
    return _event(
        "WatchDegradedEvent",
        f"incoming/{name} could not be taken in",
        f"incoming/{name} is set aside in incoming-refused: {reason}.",
        now,
        data={"path": f"incoming/{name}", "reason": reason, "files": count, **known},
        alert=AlertType.WARNING,
    )


def recovered(recovery: Recovery, now: int) -> Event:
    """Return that the spool was damaged, what was saved and what was lost."""
    lost = recovery.events_lost
    losing = "an unknown number of events were" if lost is None else were(lost, "event")
    text = f"{recovery.reason}. {were(recovery.events_salvaged, 'event')} saved, {losing} lost."
    if recovery.memory_lost:
        text += f" These learn anew what is here: {', '.join(recovery.memory_lost)}."
    if recovery.copy:
        text += f" The damaged files are kept in {recovery.copy}."
    return _event(
        "SpoolRecoveredEvent",
        "The spool was damaged and recovered",
        text,
        now,
        data={
            "reason": recovery.reason,
            "events_salvaged": recovery.events_salvaged,
            "events_lost": recovery.events_lost,
            "positions_kept": recovery.positions_kept,
            "memory_lost": ", ".join(recovery.memory_lost),
            "copy": recovery.copy,
            "found_at": int(recovery.time),
        },
        alert=AlertType.ERROR,
    )


def _event(
    event_type: str,
    title: str,
    text: str,
    now: int,
    *,
    data: Mapping[str, str | int | None],
    alert: AlertType | None = None,
) -> Event:
    return Event(
        name=OWNER,
        event_type=event_type,
        category=Category.ACTIVITIES if alert is None else Category.ALERTS,
        title=title,
        text=text,
        timestamp=now,
        data=data,
        alert_type=alert,
    )
