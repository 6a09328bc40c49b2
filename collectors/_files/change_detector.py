"""Compare-and-emit: the one way by which a change becomes known, whoever hinted at it.

Each path is looked at, compared with what is remembered of it, and the event and the new memory are
kept together. What the spool does not take now is remembered by nobody, and is compared again.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

from msgspec.structs import replace as replaced

from collectors._files.budget import Budget, Budgets
from collectors._files.change import Difference, Names, decide, event_of
from collectors._files.draft import Draft
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
    mark_of,
    pack_stat,
    unpack_stat,
)
from collectors._files.flood import Floods
from collectors._files.mount_health import MountHealth
from collectors._files.occasion import SECOND, Occasion, changed_at, listed_at
from collectors._files.opening import Directory
from collectors._files.origin import Origins
from collectors._files.reader import Busy, FileReader, Found, Gone, Seen, Unreadable
from collectors._files.room import Room
from collectors._files.selection import Choice, Selection
from collectors._files.troubles import Troubles
from collectors._regular import may_lack
from collectors.collector import CollectorError, Runtime
from collectors.event import Event

_FEW = 200
"""So few paths are looked at to the end even when the stop comes."""


class ChangeDetector:
    """Compares paths with memory and tells what differs."""

    def __init__(
        self,
        runtime: Runtime,
        selection: Selection,
        looker: FileReader,
        floods: Floods,
        reach: MountHealth,
        *,
        names: Names,
        origins: Origins,
        on_seen: Callable[[str, Seen], None],
        on_told: Callable[[str], None],
        budgets: Budgets = Budget,
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
        self._budgets = budgets
        self._wall = wall
        self.troubles = Troubles(runtime.memory)
        self.draft = Draft(runtime, wall)
        self.room = Room(runtime.memory, self.draft, wall)
        self.complete: frozenset[str] = frozenset()

    def learn(self, directory: Directory, name: str, path: str, choice: Choice) -> Found:
        """Look at a file for the first time and remember it without a word."""
        if not self.room.has_for(path):
            return Busy()
        found: Found = Busy()
        with self.guarded(path):
            found = self._looker.look_in(directory, name, path, choice)
        match found:
            case Seen():
                key = files_prefix(directory.path) + escape(name)
                self.draft.remember_text(key, found.content.text)
                self.draft.remember({key: encode(found.stat, found.content, look_again=found.is_racy)})
            case Unreadable(status=status) if status is not None:
                unread = Content(is_unreadable=True, is_hash_only=status.st_nlink > 1)
                blind = encode(pack_stat(status), unread, look_again=True)
                self.draft.remember({file_key(path): blind})
        return found

    def discard(self) -> None:
        """Forget what waits: the spool did not take what came before it."""
        self.draft.discard()
        self.troubles = Troubles(self._runtime.memory)
        self._floods.recover(self._runtime.memory)

    def settle(self, paths: Iterable[str], occasion: Occasion) -> list[str]:
        """Look at each path and tell what changed; return those that were busy, to be looked at again."""
        present, absent = self._part(paths)
        sources = {self._shape(old.stat): path for path, old in absent.items()}
        busy: list[str] = []
        for path in present:
            if len(present) > _FEW and self._runtime.stop.is_set():
                return busy  # the next start finds the rest
            with self.guarded(path):
                found = self._look(path)
                if isinstance(found, Busy):
                    busy.append(path)
                elif found is not None:
                    self._tell(path, found, sources, absent, occasion)
        for path, old in absent.items():
            with self.guarded(path):
                found = self._look(path)
                if found is not None:
                    self._compare(path, old, found, occasion)
        self._origins.forget()
        self.room.tell()
        self.draft.commit()
        return busy

    @contextmanager
    def guarded(self, path: str) -> Iterator[None]:
        """Keep the trouble that one path makes to that path, and tell it once."""
        try:
            yield
        except CollectorError:
            raise  # about the spool or the run, not about the path
        except Exception as error:
            if may_lack(error):
                raise
            events, remember = self.troubles.met(path, error, int(self._wall()))
            self.draft.remember(remember, events)
        else:
            if solved := self.troubles.over(path):
                self.draft.remember(solved)

    def _look(self, path: str) -> Found | None:
        """Look at a path; None when the configuration means it no longer."""
        choice = self._selection.choose(path)
        if choice is None or (self._remembered(path) is None and not self.room.has_for(path)):
            self.forget(path)
            return None
        return self._looker.look(path, choice)

    def _tell(
        self,
        path: str,
        found: Found,
        sources: Mapping[tuple[int, int, int], str],
        absent: dict[str, Fingerprint],
        occasion: Occasion,
    ) -> None:
        """Tell what became of a path that is there, which may be what another one was renamed to."""
        old = self._remembered(path)
        if isinstance(found, Seen) and old is None:
            source = sources.get(self._shape(unpack_stat(found.stat)))
            if source is not None and source in absent:
                self._tell_renamed((source, absent.pop(source)), path, found, occasion)
                return
        self._compare(path, old, found, occasion)

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
            self.draft.remember({file_key(path): None})

    def _compare(self, path: str, old: Fingerprint | None, found: Found, occasion: Occasion) -> None:
        choice = self._selection.choose(path)
        if choice is None:
            return
        match found:
            case Seen():
                self._on_seen(path, found)
                new = Fingerprint(unpack_stat(found.stat), found.content)
                is_first = old is None and (
                    self.complete.isdisjoint(choice.scopes)
                    or self.room.was_left_out(path, is_hinted=bool(occasion.hinted))
                )
                kind = None if is_first else decide(old, new)
                if old is not None and old.content.is_unreadable and not old.content.sha256:
                    kind = None  # it could never be read before: nothing to compare with
                value = encode(found.stat, found.content, look_again=found.is_racy)
                difference = None
                if kind is not None:
                    when = occasion.when(path, changed_at(found), self._wall())
                    difference = Difference(path, kind, choice, when, old, new)
                if old is None or old.content.text != mark_of(found.content.text):
                    self.draft.remember_text(file_key(path), found.content.text)
                self._keep(path, value, difference, occasion)
            case Unreadable(is_trouble=False):
                pass  # what is remembered holds until it can be looked at
            case Unreadable(reason, status) if old is not None and status is not None:
                is_hash_only = old.content.is_hash_only or status.st_nlink > 1
                blinded = replaced(old.content, is_unreadable=True, is_hash_only=is_hash_only)
                value = encode(pack_stat(status), blinded, look_again=True, has_mark=True)
                difference = None
                if not old.content.is_unreadable:
                    new = Fingerprint(unpack_stat(pack_stat(status)), Content(is_hash_only=is_hash_only))
                    when = occasion.when(path, status.st_ctime_ns / SECOND, self._wall())
                    difference = Difference(path, "unreadable", choice, when, old, new, reason=reason)
                self._keep(path, value, difference, occasion)
            case Gone() if old is not None:
                when = occasion.when(path, listed_at(path), self._wall())
                self._keep(path, None, Difference(path, "deleted", choice, when, old), occasion)

    def _tell_renamed(
        self, source: tuple[str, Fingerprint], path: str, found: Seen, occasion: Occasion
    ) -> None:
        choice = self._selection.choose(path)
        if choice is None:
            return
        self._on_seen(path, found)
        new = Fingerprint(unpack_stat(found.stat), found.content)
        when = occasion.when(path, changed_at(found), self._wall())
        before, old = source
        self.draft.remember_text(file_key(path), found.content.text)
        difference = Difference(path, "renamed", choice, when, old, new, renamed_from=before)
        gone = {file_key(before): None, directory_key(before.rpartition("/")[0]): b""}
        value = encode(found.stat, found.content, look_again=found.is_racy)
        self._keep(path, value, difference, occasion, gone)

    def _keep(
        self,
        path: str,
        value: bytes | None,
        difference: Difference | None,
        occasion: Occasion,
        besides: Mapping[str, bytes | None] = MappingProxyType({}),
    ) -> None:
        key = file_key(path)
        if difference is None and self._runtime.memory.get(key) == value:
            return
        parent = directory_key(path.rpartition("/")[0])
        remember: dict[str, bytes | None] = {**besides, key: value, parent: b""}
        events: list[Event] = []
        if difference is not None:
            root = self._selection.root_of(path)
            if self._floods.admits(root, difference, remember):
                difference = self._complete(difference, occasion)
                events.append(event_of(difference, self.names, self._budgets))
            self._on_told(path)
        self.draft.remember(remember, events)

    def _complete(self, difference: Difference, occasion: Occasion) -> Difference:
        more = self._origins.of(difference.path, difference.timestamp, is_recent=bool(occasion.hinted))
        old = self._with_text(difference.renamed_from or difference.path, difference.old)
        return replace(difference, old=old, while_agent_down=occasion.while_agent_down, more=more)

    def _with_text(self, path: str, old: Fingerprint | None) -> Fingerprint | None:
        """Return what was remembered with its text; without where that is gone, or another's."""
        if old is None or not old.content.text:
            return old
        text = self._runtime.memory.text(file_key(path)) or b""
        text = text if mark_of(text) == old.content.text else b""
        return replaced(old, content=replaced(old.content, text=text))
