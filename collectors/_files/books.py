"""What a compare has to know besides the files, and what it has remembered of that.

Which entries of the configuration have been learnt, so that a file without memory is new rather than seen
for the first time; which mounts held files, so that a missing one is no deletion; which directories were
told to be unreadable; whether there is room for more.
"""

from collections.abc import Iterator, Mapping

from collectors._files.change_event import Names, event_of
from collectors._files.compare import Change
from collectors._files.difference import Difference
from collectors._files.draft import Draft
from collectors._files.fingerprint import directory_key, escape, file_key, files_prefix, unescape
from collectors._files.job import Job
from collectors._files.looked import Scan
from collectors._files.mount_health import MOUNT
from collectors._files.occasion import Occasion
from collectors._files.pending import Due
from collectors._files.room import Room
from collectors._files.selection import Choice

_SCOPE = "=scope"
_BLIND = "=unreadable"


class Books:
    """What is remembered besides files."""

    def __init__(self, job: Job, draft: Draft) -> None:
        self._selection = job.selection
        self._memory = job.memory
        self._wall = job.host.wall
        self._draft = draft
        self._names = Names(job.host.root / "etc")
        self.room = Room(job, draft)
        self.learnt: frozenset[str] = frozenset()
        """The entries of the configuration whose files have all been learnt, by identity."""
        self.files = 0
        """How many files there are: as the last compare of everything found, and what came and went since."""
        self.problems: tuple[str, ...] = ()
        """What could not be seen then, for `status`."""

    @property
    def has_learnt_all(self) -> bool:
        """Return whether every entry has been learnt."""
        return self.learnt >= self._selection.identities

    def has_learnt(self, choice: Choice) -> bool:
        """Return whether some entry that means a path has been learnt: then a path without memory is new."""
        return not self.learnt.isdisjoint(choice.scopes)

    def open(self) -> None:
        """Begin a compare of everything."""
        self.learnt = frozenset(key[len(_SCOPE) :] for key, _ in self._memory.items(_SCOPE))
        self.room.left_out = self.files = 0
        self.problems = ()

    def close(self) -> None:
        """End a compare of everything: all entries are learnt, what none means any more is forgotten."""
        for change in self._strangers():
            self._draft.remember(change)
        wanted = self._selection.identities
        learnt: dict[str, bytes | None] = {_SCOPE + identity: b"" for identity in wanted - self.learnt}
        learnt |= dict.fromkeys((_SCOPE + identity for identity in self.learnt - wanted), None)
        self._draft.remember(learnt)
        self.room.tell()
        self._draft.commit()
        self.learnt = wanted

    def count(self, remember: Mapping[str, bytes | None]) -> None:
        """Keep the number of files true between two compares of everything; called before `remember` is kept."""
        for key, value in remember.items():
            if key.startswith("f"):
                was_there = self._memory.get(key) is not None
                self.files += (value is not None) - was_there

    def note(self, scan: Scan, due: Due) -> Iterator[Change]:
        """Yield what to remember and to tell of whole directories, after all that was found in them."""
        if due.is_everything:
            self.files += scan.files
            self.problems += tuple(f"{path}: {reason}" for path, reason in scan.unreadable.items())
        mounts = {MOUNT + escape(path): escape(point).encode() for path, point in scan.mounts.items()}
        new = {key: value for key, value in mounts.items() if self._memory.get(key) != value}
        yield Change("", {**scan.digests, **new})
        yield from self._blind(scan, due.occasion)

    def _blind(self, scan: Scan, occasion: Occasion) -> Iterator[Change]:
        """Tell of directories that held files and cannot be seen into any more, once."""
        for path, reason in scan.unreadable.items():
            key = _BLIND + escape(path)
            if self._memory.get(key) is not None:
                continue
            events = []
            if self._held_files(path):
                choice = Choice("never", False, 0.0, *self._selection.labels_below(path), ())
                difference = Difference(
                    path,
                    "unreadable",
                    choice,
                    int(self._wall()),
                    reason=reason,
                    while_agent_down=occasion.while_agent_down,
                )
                events = [event_of(difference, self._names)]
            yield Change(path, {key: reason.encode()}, events=events)
        for key, _ in self._memory.items(_BLIND):
            path = unescape(key[len(_BLIND) :])
            if path in scan.visited and path not in scan.unreadable:
                yield Change(path, {key: None})

    def _held_files(self, directory: str) -> bool:
        own = directory_key(directory)
        return self._memory.get(own) is not None or any(True for _ in self._memory.items(own + "/"))

    def _strangers(self) -> Iterator[dict[str, bytes | None]]:
        """Yield what to forget, silently: what lies below no root any more."""
        for key, _ in self._memory.items("d"):
            directory = unescape(key[1:])
            if any(directory == root or directory.startswith(root + "/") for root in self._selection.roots):
                continue
            skip = len(files_prefix(directory))
            for file, _ in self._memory.items(files_prefix(directory)):
                yield {file_key(f"{directory}/{unescape(file[skip:])}"): None}
            yield {key: None}
