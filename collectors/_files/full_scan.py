"""The compare of everything: all roots, what the configuration no longer means, what cannot be seen now.

It also keeps the books a compare needs: which entries of the configuration have been learnt, so that a
file without memory is new rather than seen for the first time; which mounts held files, so that a
missing one is no deletion; which directories were told to be unreadable.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from collectors._files.change import Difference, event_of
from collectors._files.change_detector import ChangeDetector
from collectors._files.directory_diff import MOUNT, ScanResult
from collectors._files.fingerprint import directory_key, escape, files_prefix, unescape
from collectors._files.mount_health import MountHealth
from collectors._files.mounts import Mounts, read_mounts
from collectors._files.occasion import Occasion
from collectors._files.selection import Choice, Selection
from collectors._files.tree_walk import TreeWalk
from collectors.collector import Memory

_SCOPE = "=scope"
_BLIND = "=unreadable"


class FullScan:
    """Compares whole roots and keeps the books."""

    def __init__(
        self,
        memory: Memory,
        selection: Selection,
        surveyor: TreeWalk,
        truth: ChangeDetector,
        reach: MountHealth,
        *,
        mountinfo: Path,
        wall: Callable[[], float],
    ) -> None:
        self._memory = memory
        self._selection = selection
        self._surveyor = surveyor
        self._truth = truth
        self._reach = reach
        self._mountinfo = mountinfo
        self._wall = wall
        self.files = 0
        self.problems: tuple[str, ...] = ()
        """What could not be seen at the last compare, for `status`."""

    def compare_all(self, occasion: Occasion) -> list[str]:
        """Compare everything, as mounted at the last `refresh_mounts`, and tell what differs; return what was busy."""
        self._take_completeness()
        self._truth.room.left_out = 0
        surveys = [self._surveyor.survey(root) for root in self._selection.roots]
        self.files = sum(survey.files for survey in surveys)
        self.problems = tuple(
            f"{path}: {reason}" for survey in surveys for path, reason in survey.unreadable.items()
        )
        busy = self._tell(surveys, occasion)
        self._forget_strangers()
        self._complete()
        self._truth.room.tell()
        self._truth.draft.commit()
        return busy

    def compare(self, tops: Iterable[str], occasion: Occasion, paths: Iterable[str] = ()) -> list[str]:
        """Compare what lies below some directories, and some paths, together; return what was busy."""
        surveys = [self._surveyor.survey(top) for top in _topmost(tops) if self._is_ours(top)]
        return self._tell(surveys, occasion, paths)

    def refresh_mounts(self) -> bool:
        """Read what is mounted; return whether that matters to what is watched."""
        table = read_mounts(self._mountinfo)
        remembered = {unescape(key[len(MOUNT) :]): value.decode() for key, value in self._memory.items(MOUNT)}
        points = {escape(mount.point) for mount in table}
        missing = frozenset(path for path, point in remembered.items() if point not in points)
        before, now = self._reach.mounts, Mounts(table, missing)
        self._reach.mounts = now
        return self._concerning(before) != self._concerning(now) or before.missing != missing

    def _concerning(self, mounts: Mounts) -> set[tuple[str, int]]:
        """Return the mounts at, above or below what is named by the configuration."""
        roots = self._selection.roots
        return {
            (mount.point, mount.device)
            for mount in mounts.table
            if mount.point in self._selection.named
            or any(mount.point.startswith(root + "/") for root in roots)
        }

    def _is_ours(self, top: str) -> bool:
        return top in self._selection.named or self._selection.may_hold(top)

    def _tell(self, surveys: list[ScanResult], occasion: Occasion, paths: Iterable[str] = ()) -> list[str]:
        found = [path for survey in surveys for path in (*survey.changed, *survey.vanished)]
        busy = self._truth.settle([*found, *paths], occasion)
        for survey in surveys:
            self._truth.draft.remember(survey.digests)
            self._truth.draft.remember(
                {
                    MOUNT + escape(path): escape(point).encode()
                    for path, point in survey.mounts.items()
                    if self._memory.get(MOUNT + escape(path)) != escape(point).encode()
                }
            )
            self._tell_blind(survey, occasion)
        self._truth.draft.commit()
        return busy

    def _tell_blind(self, survey: ScanResult, occasion: Occasion) -> None:
        """Tell of directories that held files and cannot be seen into any more, once."""
        for path, reason in survey.unreadable.items():
            key = _BLIND + escape(path)
            if self._memory.get(key) is not None:
                continue
            events = []
            if self._held_files(path):
                choice = Choice("never", False, 0.0, *self._selection.labels_below(path), ())
                now = int(self._wall())
                difference = Difference(
                    path, "unreadable", choice, now, reason=reason, while_agent_down=occasion.while_agent_down
                )
                events = [event_of(difference, self._truth.names)]
            self._truth.draft.remember({key: reason.encode()}, events)
        for key, _ in self._memory.items(_BLIND):
            path = unescape(key[len(_BLIND) :])
            if path in survey.visited and path not in survey.unreadable:
                self._truth.draft.remember({key: None})

    def _held_files(self, directory: str) -> bool:
        own = directory_key(directory)
        return self._memory.get(own) is not None or any(True for _ in self._memory.items(own + "/"))

    def _take_completeness(self) -> None:
        complete = frozenset(key[len(_SCOPE) :] for key, _ in self._memory.items(_SCOPE))
        self._surveyor.comparison.complete = self._truth.complete = complete

    def _complete(self) -> None:
        """Remember that all entries have been learnt; forget those that are configured no longer."""
        complete = self._surveyor.comparison.complete
        wanted = self._selection.identities
        if complete != wanted:
            books: dict[str, bytes | None] = {_SCOPE + identity: b"" for identity in wanted - complete}
            books |= dict.fromkeys((_SCOPE + identity for identity in complete - wanted), None)
            self._truth.draft.remember(books)
            self._truth.draft.commit()
        self._surveyor.comparison.complete = self._truth.complete = wanted

    def _forget_strangers(self) -> None:
        """Forget, silently, what lies below no root any more."""
        for key, _ in self._memory.items("d"):
            directory = unescape(key[1:])
            if any(directory == root or directory.startswith(root + "/") for root in self._selection.roots):
                continue
            skip = len(files_prefix(directory))
            for file, _ in self._memory.items(files_prefix(directory)):
                self._truth.forget(f"{directory}/{unescape(file[skip:])}")
            self._truth.draft.remember({key: None})


def _topmost(tops: Iterable[str]) -> Iterator[str]:
    last: str | None = None
    for top in sorted(set(tops), key=lambda path: path + "/"):
        if last is None or not (top + "/").startswith(last + "/"):
            last = top
            yield top
