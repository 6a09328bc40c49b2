"""The inotify watch: hints that something changed, never the truth.

watchdog reads the kernel's queue in one thread of its own, however many directories are watched; this
takes its events before anything delays, pairs or queues them, and notices what watchdog's own
watchers would swallow: a queue that overflowed, a watch that could not be added. Nothing is read from
the file system here, and nothing may raise: a hint is a path in a dict, and a wake-up.
"""

import ctypes
import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress

from collectors._files.hints import Hints, WatchError
from collectors._files.selection import Selection
from collectors._later import later
from collectors._regular import start_thread

with later("ctypes.util"):  # which looks for libraries by other programs
    from watchdog.observers.inotify_c import (
        InotifyConstants,
        InotifyEvent,
        InotifyFD,
        Mask,
        WatchDescriptor,
        inotify_add_watch,
        inotify_rm_watch,
    )

_FILES = (
    InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_CREATE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_MOVE
)
"""No opens and no reads: reading what changed would feed itself."""
_SELF = InotifyConstants.IN_DELETE_SELF | InotifyConstants.IN_MOVE_SELF
_GOES = InotifyConstants.IN_DELETE | InotifyConstants.IN_MOVED_FROM
_IN_MASK_ADD = InotifyConstants.IN_MASK_ADD
_CATCH_UP_SECONDS = 1.0
_MAX_COOKIES = 1000
_MAX_HINTS = 50_000
"""More changed paths at once than this are no hints any more: compare everything."""


class Watch(InotifyFD):
    """One inotify instance; `wake` is called, from its thread, whenever a first hint waits."""

    def __init__(self, wake: Callable[[], object], selection: Selection) -> None:
        try:
            super().__init__()
        except OSError:
            with suppress(AttributeError):  # the instance may be there, and what comes after it not
                os.close(self._inotify_fd)
            raise
        self.name = "files-watch"
        self._wake = wake
        self._selection = selection
        self._hint_lock = threading.Lock()
        self._hints = Hints()
        self._cookies: dict[int, str] = {}
        self._paths: dict[int, str | tuple[str, ...]] = {}
        self._dependents: dict[int, dict[str, set[str]]] = {}
        self._chains: dict[str, tuple[tuple[int, str], ...]] = {}
        self._anchors: dict[int, set[str]] = {}
        self._last_wd = -1
        self._caught_up = threading.Event()
        self.error: BaseException | None = None
        """What ended the thread, if anything did."""

    def start(self) -> None:
        """Begin to read hints; raise `Lacking` where there is no thread for it."""
        try:
            start_thread(super().start)
        except OSError:
            self._is_reading = False  # nobody reads, so nobody else would close what is open
            self.close()
            raise

    def run(self) -> None:
        """Read hints until stopped."""
        try:
            super().run()
        except BaseException as error:  # noqa: BLE001 - told to the session, which ends and is started again
            self.error = error
            self._wake()

    def take(self) -> Hints:
        """Return the hints that wait, and forget them."""
        with self._hint_lock:
            taken, self._hints = self._hints, Hints()
            if len(self._cookies) > _MAX_COOKIES:
                self._cookies.clear()
        return taken

    def catch_up(self) -> None:
        """Wait until what the kernel has noticed so far is a hint, but not for long.

        The kernel's queue keeps its order, and an empty one says nothing of what the thread has just taken from it. So a
        watch of nothing is made and removed: when its end comes, all that came before has become hints.
        """
        try:
            wd = self._add(f"/proc/self/fd/{self._kill_r}", InotifyConstants.IN_ATTRIB)
        except OSError:
            return  # the next start finds it
        self._caught_up.clear()
        self._last_wd = wd
        inotify_rm_watch(self._inotify_fd, WatchDescriptor(wd))
        self._caught_up.wait(_CATCH_UP_SECONDS if self.is_alive() else 0)

    @property
    def directories(self) -> int:
        """How many directories are watched."""
        return len(self._paths)

    def watch_directory(self, path: str, fd: int) -> None:
        """Watch what happens in the open directory `fd`, known as `path`; raises `WatchError`."""
        wd = self._add(f"/proc/self/fd/{fd}", _FILES | _SELF)
        with self._hint_lock:
            known = self._paths.get(wd)
            if known is None or known == path:
                self._paths[wd] = path
            else:
                known = known if isinstance(known, tuple) else (known,)
                self._paths[wd] = known if path in known else (*known, path)

    def watch_chain(self, link: str, chain: tuple[tuple[str, str], ...]) -> None:
        """Take a change of any (directory, name) of a chain of links as one of the link at `link`."""
        found: list[tuple[int, str]] = []
        for directory, name in chain:
            with suppress(WatchError):  # the slow compare finds it
                found.append((self._add(directory or "/", _FILES), name))
        with self._hint_lock:
            for wd, name in self._chains.pop(link, ()):
                self._dependents.get(wd, {}).get(name, set()).discard(link)
            for wd, name in found:
                self._dependents.setdefault(wd, {}).setdefault(name, set()).add(link)
            self._chains[link] = tuple(found)

    def watch_for(self, directory: str, name: str) -> None:
        """Notice when `name` comes into `directory`."""
        self._anchor(
            directory or "/", InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO | _SELF, name
        )

    def watch_itself(self, path: str) -> None:
        """Notice when the directory or link at `path` is removed, moved or replaced."""
        self._anchor(path, _SELF | InotifyConstants.IN_ATTRIB | InotifyConstants.IN_DONT_FOLLOW, "")

    def _anchor(self, path: str, mask: int, name: str) -> None:
        with suppress(WatchError):
            wd = self._add(path, mask)
            with self._hint_lock:
                self._anchors.setdefault(wd, set()).add(name)

    def weigh_anchors(self) -> None:
        """Forget what `watch_for` and `watch_itself` were told."""
        with self._hint_lock:
            old, self._anchors = self._anchors, {}
            for wd in old:
                self._drop(wd)

    def _drop(self, wd: int) -> None:
        if wd not in self._paths and wd not in self._dependents and wd not in self._anchors:
            inotify_rm_watch(self._inotify_fd, WatchDescriptor(wd))

    def forget(self, directory: str) -> None:
        """Watch `directory` and what was below it no longer: it moved away or is gone."""
        with self._hint_lock:
            for wd, paths in list(self._paths.items()):
                known = paths if isinstance(paths, tuple) else (paths,)
                left = tuple(
                    path for path in known if path != directory and not path.startswith(directory + "/")
                )
                if len(left) == len(known):
                    continue
                if left:
                    self._paths[wd] = left if len(left) > 1 else left[0]
                    continue
                del self._paths[wd]
                self._drop(wd)

    def handle_event(self, event: InotifyEvent) -> None:
        """Turn one event into hints."""
        with self._hint_lock:
            was_empty = not self._hints
            try:
                self._take_event(event)
            except Exception:  # noqa: BLE001 - whatever a name makes Python do: the compare of its directory finds the change
                self._take_roughly(event)
            wakes = was_empty and bool(self._hints)
        if wakes:
            self._wake()

    def _take_roughly(self, event: InotifyEvent) -> None:
        known = self._paths.get(event.wd)
        if known is None:
            self._hints.overflowed = True
        for directory in known if isinstance(known, tuple) else (known,) if known is not None else ():
            self._hints.trees.setdefault(directory, False)

    def _take_event(self, event: InotifyEvent) -> None:
        if event.is_queue_overflow:
            self._hints.overflowed = True
            if self._last_wd != -1:
                self._caught_up.set()  # its end may be among what was lost
            return
        if event.is_ignored:
            if event.wd == self._last_wd:
                self._caught_up.set()
            self._paths.pop(event.wd, None)
            self._dependents.pop(event.wd, None)
            self._anchors.pop(event.wd, None)
            return
        name = os.fsdecode(event.name)
        anchored = self._anchors.get(event.wd)
        if event.mask & InotifyConstants.IN_UNMOUNT or (
            anchored is not None and (name in anchored or event.mask & _SELF)
        ):
            self._hints.anchors = True
        for path in self._dependents.get(event.wd, {}).get(name, ()):
            self._hints.files[path] = None
        known = self._paths.get(event.wd)
        for directory in known if isinstance(known, tuple) else (known,) if known is not None else ():
            self._take_path(event, directory, name)
        if len(self._hints.files) > _MAX_HINTS:
            self._hints = Hints(overflowed=True)

    def _take_path(self, event: InotifyEvent, directory: str, name: str) -> None:
        hints = self._hints
        if not name:
            if event.mask & (_SELF | InotifyConstants.IN_ATTRIB):
                hints.trees.setdefault(directory, False)
            return
        path = f"{directory}/{name}"
        if event.is_moved_from:
            self._cookies[event.cookie] = path
        elif event.is_moved_to and (source := self._cookies.pop(event.cookie, None)) is not None:
            hints.moved[path] = source
        is_directory = event.mask & InotifyConstants.IN_ISDIR
        if not is_directory and path not in hints.files and self._selection.means(path):
            hints.files[path] = None
        if path in self._selection.named or (is_directory and self._selection.may_hold(path)):
            hints.trees[path] = hints.trees.pop(path, False) or bool(event.mask & _GOES)

    def _add(self, path: str, mask: int) -> int:
        """Add a watch, without any lock: a file system that does not answer may block whoever does."""
        with self._lock:
            if self._closed:
                raise WatchError(errno.EBADF, "the watch is closed")
            fd = os.dup(self._inotify_fd)  # another's by then, should it be closed meanwhile
        try:
            wd = inotify_add_watch(fd, os.fsencode(path), Mask(mask | _IN_MASK_ADD))
            number = ctypes.get_errno()
        finally:
            os.close(fd)
        if wd == -1:
            raise WatchError(number, os.strerror(number))
        return wd
