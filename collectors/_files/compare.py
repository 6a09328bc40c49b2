"""The compare: what was found at a path beside what is remembered of it. Pure.

What comes out says what to remember and, where there is something to tell, the difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import msgspec
from msgspec.structs import replace as replaced

from collectors._files.difference import Difference, Kind, decide
from collectors._files.fingerprint import (
    Content,
    Fingerprint,
    decode,
    directory_key,
    encode,
    file_key,
    mark_of,
    pack_stat,
    unpack_stat,
)
from collectors._files.looked import Failed, Looked
from collectors._files.occasion import SECOND, Occasion, changed_at
from collectors._files.reader import Busy, Gone, Seen, Unreadable
from collectors._files.selection import Choice
from collectors.event import Event


class Change(msgspec.Struct, frozen=True):
    """What became known of one path; all of it is kept together."""

    path: str
    remember: Mapping[str, bytes | None]
    text: bytes | None = None
    """The text to keep beside it, empty for none; None leaves what is kept."""
    difference: Difference | None = None
    events: Sequence[Event] = ()
    """What is told besides the difference."""
    texts: Mapping[str, bytes] = {}
    """Texts to keep beside several files, by their keys."""


def compare(looked: Looked, occasion: Occasion, now: float) -> Change | Failed | None:
    """Return what is new of a path that was looked at, or None; `now` in seconds since the epoch."""
    if isinstance(looked.found, Failed):
        return looked.found
    if looked.choice is None:
        return Change(looked.path, {file_key(looked.path): None}) if looked.remembered is not None else None
    if looked.is_learnt:
        return _learn(looked)
    comparison = _Comparison(looked, looked.choice, occasion, now)
    match looked.found:
        case Seen() as seen:
            return comparison.renamed(seen, *looked.source) if looked.source else comparison.seen(seen)
        case Unreadable() as unreadable:
            return comparison.unreadable(unreadable)
        case Gone():
            return comparison.gone()
        case Busy() | Failed():
            return None  # what is remembered holds until it can be looked at
    assert_never(looked.found)


def _learn(looked: Looked) -> Change | None:
    """Return what to remember of a file that is met for the first time and told of to nobody."""
    found = looked.found
    if isinstance(found, Seen):  # no `match`: of a large tree each file comes here
        value = encode(found.stat, found.content, look_again=found.is_racy)
        return Change(looked.path, {file_key(looked.path): value}, found.content.text or None)
    if isinstance(found, Unreadable) and found.status is not None:
        unread = Content(is_unreadable=True, is_hash_only=found.status.st_nlink > 1)
        value = encode(pack_stat(found.status), unread, look_again=True)
        return Change(looked.path, {file_key(looked.path): value})
    return None


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One path being compared, at one time."""

    looked: Looked
    choice: Choice
    occasion: Occasion
    now: float

    @property
    def old(self) -> Fingerprint | None:
        return decode(self.looked.remembered) if self.looked.remembered is not None else None

    def seen(self, seen: Seen) -> Change | None:
        """Return what became of a file that can be read."""
        looked, old = self.looked, self.old
        new = Fingerprint(unpack_stat(seen.stat), seen.content)
        kind = None if looked.is_first_sight else decide(old, new)
        if old is not None and old.content.is_unreadable and not old.content.sha256:
            kind = None  # it could never be read before: nothing to compare with
        difference = self._difference(kind, changed_at(seen), old, new) if kind is not None else None
        has_other_text = old is None or old.content.text != mark_of(seen.content.text)
        text = seen.content.text if has_other_text else None
        value = encode(seen.stat, seen.content, look_again=seen.is_racy)
        if difference is None and value == looked.remembered:
            return None
        return self._change(value, difference, text)

    def renamed(self, seen: Seen, source: str, remembered: bytes) -> Change:
        """Return that a file has another name."""
        new = Fingerprint(unpack_stat(seen.stat), seen.content)
        difference = self._difference("renamed", changed_at(seen), decode(remembered), new, source=source)
        value = encode(seen.stat, seen.content, look_again=seen.is_racy)
        change = self._change(value, difference, seen.content.text)
        gone = {file_key(source): None, _parent_key(source): b""}
        return replaced(change, remember={**gone, **change.remember})

    def unreadable(self, found: Unreadable) -> Change | None:
        """Return that a file cannot be read any more; what was known of it stays known."""
        old, status = self.old, found.status
        if not found.is_trouble or old is None or status is None:
            return None
        packed = pack_stat(status)
        is_hash_only = old.content.is_hash_only or status.st_nlink > 1
        blinded = replaced(old.content, is_unreadable=True, is_hash_only=is_hash_only)
        value = encode(packed, blinded, look_again=True, has_mark=True)
        if old.content.is_unreadable:
            return self._change(value, None) if value != self.looked.remembered else None
        new = Fingerprint(unpack_stat(packed), Content(is_hash_only=is_hash_only))
        difference = self._difference("unreadable", status.st_ctime_ns / SECOND, old, new)
        return self._change(value, replaced(difference, reason=found.reason))

    def gone(self) -> Change | None:
        """Return that a file is gone."""
        old = self.old
        if old is None:
            return None
        return self._change(None, self._difference("deleted", self.looked.listed_at, old))

    def _difference(
        self,
        kind: Kind,
        at: float | None,
        old: Fingerprint | None,
        new: Fingerprint | None = None,
        source: str | None = None,
    ) -> Difference:
        """Return a difference that happened `at` a time, as far as the file system knows."""
        path = self.looked.path
        return Difference(
            path,
            kind,
            self.choice,
            self.occasion.when(path, at, self.now),
            old,
            new,
            renamed_from=source,
            while_agent_down=self.occasion.while_agent_down,
        )

    def _change(
        self, value: bytes | None, difference: Difference | None, text: bytes | None = None
    ) -> Change:
        path = self.looked.path
        return Change(path, {file_key(path): value, _parent_key(path): b""}, text, difference)


def _parent_key(path: str) -> str:
    return directory_key(path.rpartition("/")[0])
