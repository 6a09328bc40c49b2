"""How a file differs from what was remembered of it, and what that is called. Pure."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from collectors._files.fingerprint import Fingerprint
from collectors._files.selection import Choice
from collectors.event import Value

Kind = Literal["created", "modified", "deleted", "renamed", "attributes", "unreadable"]


def decide(old: Fingerprint | None, new: Fingerprint) -> Kind | None:
    """Say how a file that can be read differs from what was remembered of it."""
    if old is None:
        return "created"
    if _content_differs(old, new):
        return "modified"
    before, after = old.effective, new.effective
    same = (before.mode, before.uid, before.gid) == (after.mode, after.uid, after.gid)
    if not same or dict(old.content.extended) != dict(new.content.extended):
        return "attributes"
    return None


def _content_differs(old: Fingerprint, new: Fingerprint) -> bool:
    before, after = old.content, new.content
    if before.link != after.link:
        return True
    if before.sha256 and after.sha256:
        return before.sha256 != after.sha256
    one, other = old.effective, new.effective
    return (one.size, one.mtime_ns) != (other.size, other.mtime_ns)


class Difference(msgspec.Struct, frozen=True):
    """One change of one path; `old` and `new` are what was and what is, None where there was or is nothing."""

    path: str
    kind: Kind
    choice: Choice
    timestamp: int
    old: Fingerprint | None = None
    new: Fingerprint | None = None
    renamed_from: str | None = None
    reason: str = ""
    while_agent_down: bool = False
    more: Mapping[str, Value] = {}
