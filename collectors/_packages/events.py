"""How a change of a package is told: one event for each version that came, went or gave way. Pure."""

from collections.abc import Mapping

from collectors._packages.comparison import VersionChange
from collectors._packages.database import Moment
from collectors._redaction.passing import name_without_secrets
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
    name = _shown(change.key.rpartition(":")[0])
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
        "package": _shown(name),
        "old_version": _shown(change.old) or None,
        "new_version": _shown(change.new) or None,
        "action": change.action,
        "manager": manager,
        "architecture": _shown(architecture),
    }
    if moment is not None:
        data["time_from"] = moment.evidence
    if at_start:
        data["while_agent_down"] = True
    return data


def _shown(text: str) -> str:
    """Return a name or a version as an event can hold it: a database may say anything, at any length."""
    text = name_without_secrets(text)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}… (cut)"


def _title(name: str, change: VersionChange) -> str:
    match change.action:
        case "installed":
            return f"{name} {_shown(change.new)} installed"
        case "removed":
            return f"{name} {_shown(change.old)} removed"
        case action:
            return f"{name} {action} from {_shown(change.old)} to {_shown(change.new)}"
