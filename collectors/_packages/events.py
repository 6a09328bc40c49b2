"""How a change of a package is told: one event for each version that came, went or gave way. Pure."""

from collections.abc import Mapping

from collectors._packages.comparison import VersionChange
from collectors._packages.database import Moment
from collectors.event import Category, Event, Value

_MOST_CHARACTERS = 500


def version_changed(
    change: VersionChange,
    seconds: int,
    data: Mapping[str, Value],
    *,
    tags: tuple[str, ...],
    element_identifiers: tuple[str, ...],
) -> Event:
    """Return the event of a change that happened at `seconds` since the epoch."""
    name = _cut(change.key.rpartition(":")[0])
    title = _title(name, change)
    return Event(
        name="package",
        event_type="VersionChangedEvent",
        category=Category.DEPLOYMENTS,
        title=title,
        text=f"{title}, by {data['manager']} ({data['architecture']}).",
        timestamp=seconds,
        data=data,
        tags=tuple(dict.fromkeys([f"package:{name}", *tags])),
        element_identifiers=element_identifiers,
    )


def data_of(
    change: VersionChange, manager: str, moment: Moment | None, *, at_start: bool
) -> dict[str, Value]:
    """Return the data of the event; `moment` is what says when it happened, where anything does."""
    name, _, architecture = change.key.rpartition(":")
    data: dict[str, Value] = {
        "package": _cut(name),
        "old_version": _cut(change.old) or None,
        "new_version": _cut(change.new) or None,
        "action": change.action,
        "manager": manager,
        "architecture": _cut(architecture),
    }
    if moment is not None:
        data["time_from"] = moment.evidence
    if at_start:
        data["while_agent_down"] = True
    return data


def _cut(text: str) -> str:
    """Return a name or a version as long as an event can hold: a database may say anything."""
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}… (cut)"


def _title(name: str, change: VersionChange) -> str:
    match change.action:
        case "installed":
            return f"{name} {_cut(change.new)} installed"
        case "removed":
            return f"{name} {_cut(change.old)} removed"
        case action:
            return f"{name} {action} from {_cut(change.old)} to {_cut(change.new)}"
