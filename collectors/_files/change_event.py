"""The event that tells what became of a file. Pure, but for names of users and groups."""

import stat
from collections.abc import Mapping
from pathlib import Path

from collectors._files.budget import Budget, Budgets, OverBudget
from collectors._files.diff import decompress, unified, was_strict
from collectors._files.difference import Difference, Kind
from collectors._files.fingerprint import Fingerprint, Stat
from collectors._files.selection import Choice
from collectors._files.structure import changes
from collectors._portable import escaped
from collectors._redaction.passing import without_secrets
from collectors._regular import pass_on_lack
from collectors.event import Category, Event, EventError, Value

_SAYS: Mapping[Kind, str] = {
    "created": "was created",
    "modified": "was modified",
    "deleted": "was deleted",
    "renamed": "was renamed",
    "attributes": "got other attributes",
    "unreadable": "cannot be read any more",
}


class Names:
    """Names of users and groups from /etc alone: asking a directory service could block for minutes."""

    def __init__(self, etc: Path = Path("/etc")) -> None:
        self._passwd = etc / "passwd"
        self._group = etc / "group"

    def owner(self, status: Stat) -> str:
        """Return `user:group`, in numbers where a name is not known."""
        return f"{_name(self._passwd, status.uid)}:{_name(self._group, status.gid)}"


def _name(table: Path, number: int) -> str:
    wanted = str(number)
    try:
        with table.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                fields = line.split(":")
                if len(fields) > 2 and fields[2].strip() == wanted:  # noqa: PLR2004 - name:x:number
                    return fields[0]
    except OSError as error:
        pass_on_lack(error)
    return wanted


def event_of(difference: Difference, names: Names, budgets: Budgets = Budget) -> Event:
    """Return the event that tells a difference; without its diff where that is too much, or makes trouble."""
    left_out = _left_out(difference)
    if not left_out:
        try:
            return _event(difference, names, _text_facts(difference, budgets()))
        except EventError:
            left_out = "too large for an event"
        except OverBudget as error:
            left_out = str(error)
        except Exception as error:  # noqa: BLE001 - whatever a text makes Python do: the change itself is told
            left_out = f"it cannot be compared: {type(error).__name__}"
    return _event(difference, names, {"diff_left_out": left_out})


def _left_out(difference: Difference) -> str:
    """Return why a text that might be there is not, on either side."""
    if difference.kind in {"unreadable", "attributes"}:
        return ""
    sides = (difference.new, difference.old)
    return next((side.content.left_out for side in sides if side and side.content.left_out), "")


def _event(difference: Difference, names: Names, text_facts: Mapping[str, Value]) -> Event:
    old, new = difference.old, difference.new
    path = _shown(difference.path)
    data: dict[str, Value] = {"path": path, "change": difference.kind}
    for prefix, fingerprint in (("old", old), ("new", new)):
        data |= {f"{prefix}_{key}": value for key, value in facts_of(fingerprint, names).items()}
    if difference.renamed_from is not None:
        data["renamed_from"] = _shown(difference.renamed_from)
    if difference.reason:
        data["reason"] = without_secrets(difference.reason)
    if old and new:
        changed = _attributes(old, new)
        if changed:
            data["attributes"] = ", ".join(changed)
    data |= text_facts
    if difference.while_agent_down:
        data["while_agent_down"] = True
    data |= difference.more
    return Event(
        name="config",
        event_type="ConfigurationChangedEvent",
        category=Category.CHANGES,
        title=f"{path} {_SAYS[difference.kind]}",
        text=_sentence(difference, data),
        timestamp=difference.timestamp,
        data=data,
        tags=difference.choice.tags,
        element_identifiers=difference.choice.element_identifiers,
    )


def _shown(path: str) -> str:
    """Return a path as it is told: as text of whole characters, and without a secret that somebody put into a name."""
    return without_secrets(escaped(path))


def facts_of(fingerprint: Fingerprint | None, names: Names) -> dict[str, Value]:
    """Return what an event says of a file's hash and stat; of what may be a private file of another place the hash alone."""
    if fingerprint is None:
        return {"sha256": None, "size": None, "mode": None, "owner": None}
    status = fingerprint.effective
    facts: dict[str, Value] = {"sha256": fingerprint.content.sha256.hex() or None}
    if fingerprint.content.is_hash_only:
        facts |= {"size": None, "mode": None, "owner": None}
    else:
        mode = f"{stat.S_IMODE(status.mode):04o}"
        facts |= {"size": status.size, "mode": mode, "owner": names.owner(status)}
    if fingerprint.content.link is not None:
        facts["target"] = _shown(fingerprint.content.link)
    return facts


def _attributes(old: Fingerprint, new: Fingerprint) -> list[str]:
    before, after = old.effective, new.effective
    changed = [
        name
        for name, one, other in (
            ("mode", stat.S_IMODE(before.mode), stat.S_IMODE(after.mode)),
            ("owner", before.uid, after.uid),
            ("group", before.gid, after.gid),
        )
        if one != other
    ]
    extended = sorted(
        name
        for name in {*old.content.extended, *new.content.extended}
        if old.content.extended.get(name) != new.content.extended.get(name)
    )
    named = [_ATTRIBUTES.get(name, name) for name in extended[:_MAX_NAMED]]
    more = [f"{len(extended) - _MAX_NAMED} more"] if len(extended) > _MAX_NAMED else []
    return changed + named + more


_MAX_NAMED = 10


_ATTRIBUTES = {
    "system.posix_acl_access": "acl",
    "system.posix_acl_default": "default acl",
    "security.capability": "capabilities",
    "security.selinux": "selinux label",
}


def _text_facts(difference: Difference, budget: Budget) -> dict[str, Value]:
    texts = [file.content.text for file in (difference.old, difference.new) if file]
    if not all(_may_show(text, difference.choice) for text in texts) or len(set(map(was_strict, texts))) > 1:
        return {}
    old = decompress(difference.old.content.text) if difference.old else None
    new = decompress(difference.new.content.text) if difference.new else None
    if difference.kind in {"unreadable", "attributes"} or old == new:
        return {}
    if (difference.old and old is None) or (difference.new and new is None):
        return {}
    facts: dict[str, Value] = {"diff": unified(_shown(difference.path), old, new, budget)}
    if old is not None and new is not None and (keys := changes(difference.path, old, new)):
        budget.check()
        facts["changes"] = keys
    return facts


def _may_show(text: bytes, choice: Choice) -> bool:
    """Return whether the configuration, which may have become more careful since, still lets a remembered text be told."""
    return choice.diff != "never" and (choice.diff != "strict" or was_strict(text))


def _sentence(difference: Difference, data: Mapping[str, Value]) -> str:
    text = f"{data['path']} {_SAYS[difference.kind]}"
    if difference.renamed_from is not None:
        text += f", from {data['renamed_from']}"
    if "attributes" in data and difference.kind == "attributes":
        text += f": {data['attributes']}"
    if difference.reason:
        text += f": {data['reason']}"
    if difference.while_agent_down:
        text += " while the agent was not running"
    return text + "."
