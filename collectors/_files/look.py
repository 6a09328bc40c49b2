"""The look: from what is due to what is there now, as values, one path after another.

Directories are walked through first, and compared with memory by stat alone; what differs is then looked
at together with what was hinted at. Nothing is told here.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import TypeVar

from collectors._files.books import Books
from collectors._files.directory_diff import DirectoryDiff
from collectors._files.fingerprint import directory_key, escape, files_prefix, unescape
from collectors._files.job import Job, Stopped
from collectors._files.looked import Learnt, Looked, Scan
from collectors._files.mount_health import MOUNT, MountHealth
from collectors._files.mount_thread import each
from collectors._files.mounts import upwards
from collectors._files.out_of_reach import OutOfReach
from collectors._files.path_look import PathLook
from collectors._files.pending import Due
from collectors._files.plain_look import PlainLook
from collectors._files.reader import FileReader
from collectors._files.tree_walk import Listing, TreeWalk, note_failure
from collectors._files.watch_set import WatchSet
from collectors._portable import escaped
from collectors.collector import CollectorError

T = TypeVar("T")


class Look:
    """Looks at what is due."""

    def __init__(
        self, job: Job, reader: FileReader, health: MountHealth, watch_set: WatchSet, books: Books
    ) -> None:
        self._selection = job.selection
        self._memory = job.memory
        self._stop = job.runtime.stop
        self._health = health
        self._path_look = PathLook(job, reader, health, watch_set, books)
        self._diff = DirectoryDiff(job, self._path_look, PlainLook(job, reader.texts), watch_set, books)
        self._walk = TreeWalk(job, health, watch_set)

    def arm_below(self, top: str) -> None:
        """Have everything at and below the directory `top` watched."""
        for _ in self._everywhere(Scan(tops=[top]), self._walk.listings):
            pass

    def look(self, due: Due) -> Iterator[Looked | Learnt | Scan]:
        """Yield each path as it is looked at, and last what was found of whole directories, once all in them is known.

        Raises `Stopped` when the stop comes before all directories are learnt.
        """
        is_near = self._health.is_near
        for far in (False, True) if self._health.mounts.remote else (None,):
            here = [path for path in due.paths if far is None or is_near(path) is not far]
            tops = [top for top in _topmost(due.trees) if far is None or is_near(top) is not far]
            if not (yield from self._look_at(due, tops, here)):
                return

    def _look_at(
        self, due: Due, tops: Iterable[str], here: Iterable[str]
    ) -> Generator[Looked | Learnt | Scan, None, bool]:
        """Look at a part of what is due; return whether to go on."""
        scans: list[Scan] = []
        for top in tops:
            if top in self._selection.named or self._selection.may_hold(top):
                scans.append(Scan(tops=[top]))
                yield from self._everywhere(
                    scans[-1], partial(self._compare_below, may_stop=due.is_everything)
                )
                self._miss(top, scans[-1])
        differing = [path for scan in scans for path in (*scan.changed, *scan.vanished)]
        try:
            paths = [*differing, *here]
            lost = yield from self._path_look.look(paths, is_hinted=bool(due.occasion.hinted))
        except Stopped:
            return False
        for scan in scans or [Scan()] * bool(lost):
            scan.unreadable |= lost
            yield scan
        return True

    def _everywhere(self, scan: Scan, part: Callable[[str, Scan], Iterator[T]]) -> Iterator[T]:
        """Yield what a part of the look finds at and below a directory, each file system asked in its own place."""
        for top in scan.tops:  # it grows on the way
            try:
                yield from each(self._health.place_of(top), part(top, scan))
            except OutOfReach as error:  # what is remembered below it holds
                lost = error.lost
                scan.mounts = {path: point for path, point in scan.mounts.items() if point != lost.point}
                if lost.is_trouble:
                    scan.unreadable[lost.point] = lost.reason

    def _compare_below(self, top: str, scan: Scan, *, may_stop: bool) -> Iterator[Looked | Learnt]:
        """Compare everything meant at and below `top` by stat; yield what is met for the first time."""
        for listing in self._walk.listings(top, scan):
            if may_stop and self._stop.is_set():
                raise Stopped
            yield from self._compare(listing, scan)

    def _compare(self, listing: Listing, scan: Scan) -> Iterator[Looked | Learnt]:
        """Compare the files of one directory; whatever trouble one makes, the others are compared."""
        directory = listing.directory
        try:
            is_first_sight = bool(scan.mounts) and self._is_first_sight(directory.real, scan)
            yield from self._diff.compare(listing, scan, is_first_sight=is_first_sight)
        except (CollectorError, Stopped):
            raise  # about the spool or the run, not about the directory
        except OSError as error:
            note_failure(directory.path, error, scan)
        except Exception as error:  # noqa: BLE001 - it is this directory's trouble, and is told as that
            scan.unreadable[directory.path] = escaped(f"{type(error).__name__}: {error}")

    def _is_first_sight(self, real: str, scan: Scan) -> bool:
        """Return whether a directory lies on what was remote, or mounted by an automount, and is met for the first time: nobody made its files now."""
        mounts = self._health.mounts
        point = mounts.point_of(real)
        return (point in mounts.remote or mounts.is_automounted(point)) and any(
            at == point and self._memory.get(MOUNT + escape(path)) is None for path, at in scan.mounts.items()
        )

    def _miss(self, top: str, scan: Scan) -> None:
        """Find the remembered directories that were not met, and what was in them."""
        for directory in self._remembered_directories(top):
            if directory in scan.visited or self._is_hidden(directory, scan):
                continue
            skip = len(files_prefix(directory))
            for key, _ in self._memory.items(files_prefix(directory)):
                scan.vanished.append(f"{directory}/{unescape(key[skip:])}")
            scan.digests[directory_key(directory)] = None

    def _remembered_directories(self, top: str) -> Iterator[str]:
        own = directory_key(top)
        if self._memory.get(own) is not None:
            yield top
        for key, _ in self._memory.items(own + "/"):
            yield unescape(key[1:])

    def _is_hidden(self, directory: str, scan: Scan) -> bool:
        hidden = scan.unreadable.keys() | scan.foreign
        if any(parent in hidden for parent in upwards(directory)):
            return True
        lost = self._health.lost_above(directory)
        if lost is not None and lost.is_trouble:
            scan.unreadable[lost.point] = lost.reason
        return lost is not None


def _topmost(tops: Iterable[str]) -> Iterator[str]:
    last: str | None = None
    for top in sorted(set(tops), key=lambda path: path + "/"):
        if last is None or not (top + "/").startswith(last + "/"):
            last = top
            yield top
