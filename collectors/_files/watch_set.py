"""What has to be watched so that hints come: directories, the way to each root, where links lead, names that share a file.

What the kernel does not watch, or not well enough, is compared by the clock instead. Nothing is compared
here.
"""

import os
from contextlib import suppress
from functools import partial

from collectors._files.draft import Draft
from collectors._files.hints import NoWatch, WatchError
from collectors._files.job import Job
from collectors._files.links import HardLinks, follow
from collectors._files.mount_health import MountHealth
from collectors._files.mounts import is_remote
from collectors._files.opening import Directory
from collectors._files.out_of_reach import OutOfReach
from collectors._files.polling import PREFIX as DEGRADED
from collectors._files.polling import Polling, remote, trouble_of
from collectors._files.reader import Seen
from collectors._files.watch import Watch


class WatchSet:
    """What is watched, by the kernel or by the clock."""

    def __init__(self, job: Job, watch: Watch | NoWatch, health: MountHealth) -> None:
        self._selection = job.selection
        self._job = job
        self._poll_seconds = job.host.poll_seconds
        self._watch = watch
        self._health = health
        self._hard_links = HardLinks()
        self.polling = Polling(job.host.monotonic)

    @property
    def directories(self) -> int:
        """How many directories the kernel watches."""
        return self._watch.directories

    def arm(self, directory: Directory) -> None:
        """Watch a directory; to be called before it is listed, so that nothing changes unseen between."""
        self._job.runtime.witnesses.watch_directory(directory.path, directory.fd)
        try:
            self._watch.watch_directory(directory.path, directory.fd)
        except WatchError as error:
            self.polling.add(directory.path, trouble_of(error, self._poll_seconds))
            return
        kind = self._health.mounts.kind_of(directory.status.st_dev)
        if is_remote(kind):
            self.polling.add(directory.path, remote(kind, self._poll_seconds))
        else:
            self.polling.remove(directory.path)

    def tell_degraded(self, draft: Draft) -> None:
        """Tell, once, of what cannot be watched that it is compared by the clock."""
        if not self.polling.has_news:  # as after nearly every hint: what was told is not read for that
            return
        told = dict(self._job.memory.items(DEGRADED))
        now = int(self._job.host.wall())
        events, remember = self.polling.tell(self._selection.roots, told, now)
        draft.remember(remember, events)

    def forget(self, directory: str) -> None:
        """Watch a directory, and what was below it, no longer: it moved away or is gone."""
        self._watch.forget(directory)
        self._job.runtime.witnesses.forget(directory)
        self.polling.forget(directory)

    def anchor(self) -> None:
        """Notice when a root, or what leads to it, comes, goes or is replaced."""
        self._watch.weigh_anchors()
        for root in self._selection.roots:
            with suppress(OutOfReach):
                self._health.place_of(root).do(partial(self._anchor, root))

    def _anchor(self, root: str) -> None:
        for directory, name in _way_to(root):
            path = f"{directory}/{name}"
            self._watch.watch_itself(path)
            if not os.path.lexists(path):
                self._watch.watch_for(directory, name)
            if not os.path.lexists(path):
                break

    def tie_link(self, path: str, chain: tuple[tuple[str, str], ...]) -> None:
        """Take a change of any (directory, name) of a chain of links as one of the link at `path`."""
        self._watch.watch_chain(path, chain)

    def tie_name(self, path: str, status: os.stat_result) -> None:
        """Note that `path` is one name of a file that has several."""
        self._hard_links.add(path, status)

    def tie(self, path: str, seen: Seen) -> frozenset[str]:
        """Note what else a file hangs together with; return the other names that are watched of it."""
        if seen.content.link is not None:
            self.tie_link(path, seen.chain)
        elif seen.status.st_nlink > 1:
            self.tie_name(path, seen.status)
        return self._hard_links.others(path)


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
