"""How the start and the end of a process are told. Command lines are left out: they may hold secrets."""

from collections.abc import Sequence

from collectors._processes.match import Known, Wanted
from collectors._processes.proc import Ending
from collectors._redaction.passing import without_secrets
from collectors.collector import united
from collectors.event import Category, Event, Value

_LATE = "It happened while the agent was not running."


def tell_started(known: Known, entries: Sequence[Wanted], *, late: bool) -> Event:
    """Return the event of a process that runs since `known.created`."""
    return _event(known, "started", known.created, f"{known.label} started", entries, late=late)


def tell_ended(known: Known, ending: Ending, entries: Sequence[Wanted], *, late: bool) -> Event:
    """Return the event of a process that ended."""
    how = ""
    data: dict[str, Value] = {}
    if ending.signal is not None:
        how, data = f"It was killed by {ending.signal}.", {"signal": ending.signal}
    elif ending.exit_code is not None:
        how, data = f"It exited with status {ending.exit_code}.", {"exit_code": ending.exit_code}
    title = f"{known.label} stopped"
    return _event(known, "stopped", ending.at, title, entries, late=late, how=how, data=data)


def tell_missing(known: Known, now: float, entries: Sequence[Wanted]) -> Event:
    """Return the event of what ran before this boot and does not any more."""
    title = f"{known.label} did not come back after the boot"
    return _event(known, "stopped", now, title, entries, data={"after_boot": True})


def _event(
    known: Known,
    what: str,
    at: float,
    title: str,
    entries: Sequence[Wanted],
    *,
    late: bool = False,
    how: str = "",
    data: dict[str, Value] | None = None,
) -> Event:
    exe = without_secrets(known.exe) if known.exe else known.exe
    title = title.replace(known.label, label := without_secrets(known.label), 1)
    said = f"Process {known.pid}{f' of {exe}' if exe else ''}."
    values: dict[str, Value] = {
        "name": label,
        "pid": known.pid,
        "exe": exe,
        "user": known.user,
        "create_time": int(known.created * 1000),
    }
    values |= data or {}
    if late:
        values["while_agent_down"] = True
    return Event(
        name="process",
        event_type="ProcessStartedEvent" if what == "started" else "ProcessStoppedEvent",
        category=Category.ACTIVITIES,
        title=title,
        text=" ".join(filter(None, (said, how, _LATE if late else ""))),
        timestamp=int(at),
        data=values,
        tags=united(entry.tags for entry in entries),
        element_identifiers=united(entry.element_identifiers for entry in entries),
        source_identifier=f"{known.mark}:{known.key}:{what}",
    )
