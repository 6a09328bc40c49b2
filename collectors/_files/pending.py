"""What hints make due, and what has to be watched so that hints come.

Between the watch, which hears, and the compare, which knows: a hint becomes a path that is looked at one
settle later. Nothing is compared here, and nothing is told.
"""

import os
from collections.abc import Callable, Iterable

from collectors._files.debounce import Debouncer
from collectors._files.links import HardLinks, follow
from collectors._files.mount_health import MountHealth
from collectors._files.mounts import is_remote
from collectors._files.opening import Directory
from collectors._files.polling import Polling, remote, trouble_of
from collectors._files.reader import Seen
from collectors._files.selection import Selection
from collectors._files.watch import Hints, NoWatch, Watch, WatchError

_TOGETHER_SECONDS = 0.005
"""Paths due this close together are looked at together: the two ends of a rename."""


class PendingPaths:
    """The paths that were hinted at; times are `monotonic` and `wall` seconds."""

    def __init__(
        self,
        selection: Selection,
        watch: Watch | NoWatch,
        polling: Polling,
        reach: MountHealth,
        *,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        poll_seconds: float,
    ) -> None:
        self._selection = selection
        self._watch = watch
        self._polling = polling
        self._reach = reach
        self._monotonic = monotonic
        self._wall = wall
        self._poll_seconds = poll_seconds
        self._settle = Debouncer()
        self._hinted: dict[str, float] = {}
        self._sources: dict[str, str] = {}
        self.hard_links = HardLinks()

    def arm(self, directory: Directory, kind: str) -> None:
        """Watch a directory, on a file system of some kind, before it is listed."""
        try:
            self._watch.watch_directory(directory.path, directory.fd)
        except WatchError as error:
            self._polling.add(directory.path, trouble_of(error, self._poll_seconds))
            return
        if is_remote(kind):
            self._polling.add(directory.path, remote(kind, self._poll_seconds))
        else:
            self._polling.remove(directory.path)

    def drop_anchors(self) -> None:
        """Notice when a root, or what leads to it, comes, goes or is replaced."""
        self._watch.weigh_anchors()
        for root in self._selection.roots:
            if self._reach.lost_above(root):
                continue
            for directory, name in _way_to(root):
                path = f"{directory}/{name}"
                self._watch.watch_itself(path)
                if not os.path.lexists(path):
                    self._watch.watch_for(directory, name)
                if not os.path.lexists(path):
                    break

    def take(self, hints: Hints, arm_below: Callable[[str], None]) -> None:
        """Note what was hinted at; `arm_below` has everything below a directory watched."""
        now, wall = self._monotonic(), self._wall()
        for path, has_left in hints.trees.items():
            if has_left:
                self._watch.forget(path)
                self._polling.forget(path)
        self._touch_trees(hints.trees, arm_below, now, wall)
        if hints.anchors or any(path in self._selection.named for path in hints.trees):
            self.drop_anchors()
            self._touch_trees(self._selection.roots, arm_below, now, wall)
        for path in hints.files:
            choice = self._selection.choose(path)
            if choice is not None:
                self._touch(path, now, wall, choice.settle_seconds)
        for path, source in hints.moved.items():
            self._sources[path] = source
            self._sources[path + "/"] = source + "/"

    def _touch_trees(
        self, trees: Iterable[str], arm_below: Callable[[str], None], now: float, wall: float
    ) -> None:
        for path in trees:
            arm_below(path)
            self._touch(path + "/", now, wall, self._selection.settle_seconds)

    def _touch(self, path: str, now: float, wall: float, settle_seconds: float) -> None:
        self._hinted.setdefault(path, wall)
        self._settle.touch(path, now, settle_seconds)

    def touch_again(self, busy: Iterable[str]) -> None:
        """Have paths that were being written looked at once more, later each time."""
        now = self._monotonic()
        for path in busy:
            self.told(path)
            self._touch(path, now, self._wall(), self._selection.settle_seconds)

    def seen(self, path: str, seen: Seen) -> None:
        """Note what else a file that was looked at hangs together with."""
        if seen.content.link is not None:
            self._watch.watch_reach(path, seen.reach)
        elif seen.status.st_nlink > 1:
            self.hard_links.add(path, seen.status)
        for other in self.hard_links.others(path):
            self._settle.put(other, self._monotonic())

    def told(self, path: str) -> None:
        """Note that a change of a path was told: one that goes on changing is told less often."""
        self._settle.told(path, self._monotonic(), self._selection.settle_seconds)

    def next_due(self) -> float | None:
        """Return when the next path is due."""
        return self._settle.next_due()

    def take_due(self, now: float) -> list[str]:
        """Return the paths that are due, directories with a slash, and where renamed ones came from."""
        due = self._settle.take(now + _TOGETHER_SECONDS)
        for path in list(due):
            source = self._sources.pop(path, None)
            if source is not None and self._settle.cancel(source):
                due.append(source)
        return due

    def put_off(self, paths: Iterable[str], until: float) -> None:
        """Have paths looked at later."""
        for path in paths:
            self._settle.put(path, until)

    def hinted(self, paths: Iterable[str]) -> dict[str, float]:
        """Return when each of some paths was hinted at first, for those that were."""
        return {path: self._hinted[path] for path in paths if path in self._hinted}

    def looked_at(self, paths: Iterable[str]) -> None:
        """Forget the hints that led to some paths."""
        for path in paths:
            self._hinted.pop(path, None)


def _way_to(path: str) -> list[tuple[str, str]]:
    """Return (directory, name) for each step down to `path`, and for the links on the way."""
    way: list[tuple[str, str]] = []
    done = ""
    for name in path.split("/")[1:]:
        way += [step for step in follow(f"{done}/{name}")[1] if step not in way]
        if (done, name) not in way:
            way.append((done, name))
        done += "/" + name
    return way
