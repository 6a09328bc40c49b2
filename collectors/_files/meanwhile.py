"""What the thread of all files does while a remote file system has it wait: it looks at what was hinted at elsewhere.

It asks no remote file system for anything, so that it never waits itself, and raises nothing: what went wrong is
kept for whoever waits to raise once he waits no more.
"""

from collections.abc import Callable

from collectors._files.agenda import Agenda
from collectors._files.hints import Hints, NoWatch
from collectors._files.look import Look
from collectors._files.mount_health import MountHealth
from collectors._files.pending import Due, Pending
from collectors._files.watch import Watch
from collectors._files.watch_set import WatchSet


class Meanwhile:
    """Serves what is near.

    `look` is its own; `tell` looks at what is due, and keeps what became of it and of what was told before.
    """

    def __init__(
        self,
        watch: Watch | NoWatch,
        health: MountHealth,
        watch_set: WatchSet,
        pending: Pending,
        agenda: Agenda,
    ) -> None:
        self._watch = watch
        self._health = health
        self._watch_set = watch_set
        self._pending = pending
        self._agenda = agenda
        self._held = Hints()
        self._is_serving = False
        self._error: Exception | None = None

    def serve(self, look: Look, tell: Callable[[Due | None], None]) -> None:
        """Take the hints that have come, and have what is due of what is near looked at and told."""
        if self._is_serving or self._error is not None or self._agenda.is_put_off():
            return
        self._is_serving = True
        due: Due | None = None
        try:
            self._note(self._watch.take(), look)
            due = self._agenda.take_near(self._is_near)
            tell(due)
            self._pending.looked_at(_taken(due))
        except Exception as error:  # noqa: BLE001 - raised by `check` where nobody waits for an answer
            self._error = error
            self._pending.put(_taken(due), self._agenda.put_off())
        finally:
            self._is_serving = False

    def check(self) -> None:
        """Raise what went wrong meanwhile."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def take_held(self) -> Hints:
        """Return the hints that could not be followed meanwhile."""
        held, self._held = self._held, Hints()
        return held

    def _note(self, hints: Hints, look: Look) -> None:
        """Note what was hinted at; what leads to a remote file system, or to a root, is held."""
        near = {path: left for path, left in hints.trees.items() if self._is_near(path + "/")}
        for path, has_left in near.items():
            if has_left:
                self._watch_set.forget(path)
        for path in near:
            look.arm_below(path)
        self._pending.note(Hints(hints.files, moved=hints.moved), near)
        trees = {path: left for path, left in hints.trees.items() if path not in near}
        self._held.add(Hints(trees=trees, anchors=hints.anchors, overflowed=hints.overflowed))

    def _is_near(self, path: str) -> bool:
        if not path.endswith("/"):
            return self._health.is_near(path)
        return self._health.is_near_below(path[:-1])


def _taken(due: Due | None) -> tuple[str, ...]:
    return () if due is None else (*(path + "/" for path in due.trees), *due.paths)
