"""Compare-and-emit: the one way by which a change becomes known, whoever hinted at it.

Each path is looked at, compared with what is remembered of it, and the event and the new memory are
kept together. What the spool does not take now is remembered by nobody, and is compared again.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from collectors._files.fingerprint import (
    Content,
    Fingerprint,
    Stat,
    decode,
    directory_key,
    encode,
    escape,
    file_key,
    files_prefix,
    pack_stat,
    unpack_stat,
)
from collectors._files.flood import Floods
from collectors._files.look import Busy, Found, Gone, Looker, Seen, Unreadable
from collectors._files.opening import Directory
from collectors._files.origin import Origins
from collectors._files.reach import Reach
from collectors._files.selection import Choice, Selection
from collectors._files.tell import Difference, Names, decide, event_of
from collectors.collector import Runtime
from collectors.event import Event

LAST_LOOK = "=look"
TEXT_BYTES = "=text"
MAX_TEXT_BYTES = 32 * 1024 * 1024
"""How much masked text is remembered for diffs; past that, files are remembered by hash alone."""
_EVENTS_AT_ONCE = 200
_FEW = 200
"""So few paths are looked at to the end even when the stop comes."""
_KEYS_AT_ONCE = 4000
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why paths are looked at: what is known of when their changes happened."""

    earliest: float
    """Nothing found now happened before this (seconds since the epoch)."""
    while_agent_down: bool = False
    hinted: Mapping[str, float] = field(default_factory=dict)
    """When paths were first hinted at, for those that were."""


@dataclass(slots=True)
class _Draft:
    """Events and memory on their way to one commit."""

    events: list[Event] = field(default_factory=list)
    remember: dict[str, bytes | None] = field(default_factory=dict)


class Truth:
    """Compares paths with memory and tells what differs."""

    def __init__(
        self,
        runtime: Runtime,
        selection: Selection,
        looker: Looker,
        floods: Floods,
        reach: Reach,
        *,
        names: Names,
        origins: Origins,
        on_seen: Callable[[str, Seen], None],
        on_told: Callable[[str], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._runtime = runtime
        self._selection = selection
        self._looker = looker
        self._floods = floods
        self._reach = reach
        self.names = names
        self._origins = origins
        self._on_seen = on_seen
        self._on_told = on_told
        self._wall = wall
        self._draft = _Draft()
        self._text_bytes = int(runtime.memory.get(TEXT_BYTES) or 0)
        self.complete: frozenset[str] = frozenset()

    def learn(self, directory: Directory, name: str, path: str, choice: Choice) -> Found:
        """Look at a file for the first time and remember it without a word."""
        found = self._looker.look_in(directory, name, path, choice)
        match found:
            case Seen():
                self._account(b"", found.content.text)
                key = files_prefix(directory.path) + escape(name)
                self.remember({key: encode(found.stat, found.content, look_again=found.is_racy)})
            case Unreadable(status=status) if status is not None:
                blind = encode(pack_stat(status), Content(is_unreadable=True), look_again=True)
                self.remember({file_key(path): blind})
        return found

    def remember(self, remember: Mapping[str, bytes | None], events: Sequence[Event] = ()) -> None:
        """Have something kept with the next commit, which may be now."""
        self._draft.events.extend(events)
        self._draft.remember.update(remember)
        if len(self._draft.events) >= _EVENTS_AT_ONCE or len(self._draft.remember) >= _KEYS_AT_ONCE:
            self.commit()

    def commit(self) -> None:
        """Keep what waits, together with the time of this look."""
        draft, self._draft = self._draft, _Draft()
        if draft.events or draft.remember:
            draft.remember[LAST_LOOK] = b"%d" % int(self._wall())
            draft.remember[TEXT_BYTES] = b"%d" % self._text_bytes
            self._runtime.emit(draft.events, draft.remember)

    def discard(self) -> None:
        """Forget what waits: the spool did not take what came before it."""
        self._draft = _Draft()
        self._text_bytes = int(self._runtime.memory.get(TEXT_BYTES) or 0)
        self._floods.recover(self._runtime.memory)

    def _account(self, old: bytes, new: bytes) -> None:
        """Keep count of the text that is remembered, and remember no more than fits."""
        if old == new:
            return
        self._text_bytes += len(new) - len(old)
        self._looker.keeps_text = self._text_bytes < MAX_TEXT_BYTES

    def settle(self, paths: Iterable[str], occasion: Occasion) -> list[str]:
        """Look at each path and tell what changed; return those that were busy, to be looked at again."""
        present, absent = self._part(paths)
        sources = {self._shape(old.stat): path for path, old in absent.items()}
        busy: list[str] = []
        for path in present:
            if len(present) > _FEW and self._runtime.stop.is_set():
                return busy  # the next start finds the rest
            choice = self._selection.choose(path)
            old = self._remembered(path)
            if choice is None:
                self.forget(path)
                continue
            found = self._looker.look(path, choice)
            if isinstance(found, Busy):
                busy.append(path)
                continue
            if isinstance(found, Seen) and old is None:
                source = sources.get(self._shape(unpack_stat(found.stat)))
                if source is not None and source in absent:
                    self._tell_renamed((source, absent.pop(source)), (path, choice), found, occasion)
                    continue
            self._compare(path, choice, old, found, occasion)
        for path, old in absent.items():
            choice = self._selection.choose(path)
            if choice is None:
                self.forget(path)
            else:
                self._compare(path, choice, old, self._looker.look(path, choice), occasion)
        self._origins.forget()
        self.commit()
        return busy

    def _part(self, paths: Iterable[str]) -> tuple[list[str], dict[str, Fingerprint]]:
        """Part the paths that seem to be there from the remembered ones that seem to be gone.

        What is out of reach is neither.
        """
        present: list[str] = []
        absent: dict[str, Fingerprint] = {}
        for path in sorted(set(paths)):
            if self._reach.lost_above(path.rpartition("/")[0]):
                continue
            if os.path.lexists(path):
                present.append(path)
                continue
            old = self._remembered(path)
            if old is not None:
                absent[path] = old
        return present, absent

    def _remembered(self, path: str) -> Fingerprint | None:
        value = self._runtime.memory.get(file_key(path))
        return decode(value) if value is not None else None

    @staticmethod
    def _shape(status: Stat) -> tuple[int, int, int]:
        """Return what a rename leaves as it is."""
        return (status.inode, status.size, status.mtime_ns)

    def forget(self, path: str) -> None:
        """Forget what the configuration means no longer, without a word."""
        old = self._remembered(path)
        if old is not None:
            self._account(old.content.text, b"")
            self.remember({file_key(path): None})

    def _compare(
        self, path: str, choice: Choice, old: Fingerprint | None, found: Found, occasion: Occasion
    ) -> None:
        match found:
            case Seen():
                self._on_seen(path, found)
                new = Fingerprint(unpack_stat(found.stat), found.content)
                is_first = old is None and self.complete.isdisjoint(choice.scopes)
                kind = None if is_first else decide(old, new)
                if old is not None and old.content.is_unreadable and not old.content.sha256:
                    kind = None  # it could never be read before: nothing to compare with
                value = encode(found.stat, found.content, look_again=found.is_racy)
                difference = None
                if kind is not None:
                    when = self._when(path, _changed_at(found), occasion)
                    difference = Difference(path, kind, choice, when, old, new)
                self._account(old.content.text if old else b"", found.content.text)
                self._keep(path, value, difference, occasion)
            case Unreadable(reason, status) if old is not None and status is not None:
                value = encode(pack_stat(status), _blinded(old.content), look_again=True)
                difference = None
                if not old.content.is_unreadable:
                    new = Fingerprint(unpack_stat(pack_stat(status)), Content())
                    when = self._when(path, status.st_ctime_ns / _SECOND, occasion)
                    difference = Difference(path, "unreadable", choice, when, old, new, reason=reason)
                self._keep(path, value, difference, occasion)
            case Gone() if old is not None:
                when = self._when(path, _listed_at(path), occasion)
                self._account(old.content.text, b"")
                self._keep(path, None, Difference(path, "deleted", choice, when, old), occasion)

    def _tell_renamed(
        self, source: tuple[str, Fingerprint], target: tuple[str, Choice], found: Seen, occasion: Occasion
    ) -> None:
        path, choice = target
        self._on_seen(path, found)
        new = Fingerprint(unpack_stat(found.stat), found.content)
        when = self._when(path, _changed_at(found), occasion)
        before, old = source
        self._account(old.content.text, found.content.text)
        difference = Difference(path, "renamed", choice, when, old, new, renamed_from=before)
        self._draft.remember[file_key(before)] = None
        self._draft.remember[directory_key(before.rpartition("/")[0])] = b""
        self._keep(path, encode(found.stat, found.content, look_again=found.is_racy), difference, occasion)

    def _keep(
        self, path: str, value: bytes | None, difference: Difference | None, occasion: Occasion
    ) -> None:
        key = file_key(path)
        if difference is None and self._runtime.memory.get(key) == value:
            return
        remember: dict[str, bytes | None] = {key: value, directory_key(path.rpartition("/")[0]): b""}
        events: list[Event] = []
        if difference is not None:
            root = self._selection.root_of(path)
            if self._floods.admits(root, difference, remember):
                difference = self._complete(difference, occasion)
                events.append(event_of(difference, self.names))
            self._on_told(path)
        self.remember(remember, events)

    def _complete(self, difference: Difference, occasion: Occasion) -> Difference:
        more = self._origins.of(difference.path, difference.timestamp, is_recent=bool(occasion.hinted))
        return replace(difference, while_agent_down=occasion.while_agent_down, more=more)

    def _when(self, path: str, at: float | None, occasion: Occasion) -> int:
        """Return when a change happened: what the file system says, but neither before the last look nor in the future."""
        now = self._wall()
        hinted = occasion.hinted.get(path)
        earliest = min(occasion.earliest if hinted is None else max(occasion.earliest, hinted - 5), now)
        if at is None or (hinted is not None and at < earliest):
            at = hinted if hinted is not None else now
        return int(min(max(at, earliest), now))


def _changed_at(found: Seen) -> float:
    own = unpack_stat(found.stat).ctime_ns
    return max(own, found.status.st_ctime_ns) / _SECOND


def _listed_at(path: str) -> float | None:
    """Return when something last came or went in the directory of a path that is gone."""
    try:
        return os.stat(path.rpartition("/")[0] or "/", follow_symlinks=False).st_mtime
    except OSError:
        return None


def _blinded(content: Content) -> Content:
    return msgspec.structs.replace(content, is_unreadable=True)
