"""What can be looked at now: nothing on a file system that is not mounted, or that does not answer.

A dead server blocks whoever asks it for anything, so remote file systems are asked in a thread of their own
first. What is out of reach is left as it is remembered: it is neither read nor taken for gone.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from collectors._files.mounts import Mounts

NOT_MOUNTED = "the file system that was mounted here is not"
NO_ANSWER = "the file system that is mounted here does not answer"

_FRESH_SECONDS = 1.0
"""An answer counts for this long."""


class Lost(NamedTuple):
    """A mount point that cannot be looked at, and why."""

    point: str
    reason: str


@dataclass(slots=True)
class _Question:
    """What a mount point was asked last."""

    answered: threading.Event = field(default_factory=threading.Event)
    at: float = 0.0


class Reach:
    """What is mounted, and which of it answers; `ask` blocks for as long as a file system does."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        ask: Callable[[str], object],
        patience_seconds: float,
    ) -> None:
        self._monotonic = monotonic
        self._ask = ask
        self._patience_seconds = patience_seconds
        self._questions: dict[str, _Question] = {}
        self.mounts = Mounts()

    def lost_at(self, path: str) -> Lost | None:
        """Return why what is mounted at `path` itself cannot be looked at."""
        if path in self.mounts.missing:
            return Lost(path, NOT_MOUNTED)
        if path in self.mounts.remote and not self._answers(path):
            return Lost(path, NO_ANSWER)
        return None

    def lost_above(self, path: str) -> Lost | None:
        """Return the mount point at or above `path` that cannot be looked at."""
        if not self.mounts.missing and not self.mounts.remote:
            return None
        while path:
            if lost := self.lost_at(path):
                return lost
            path = path.rpartition("/")[0]
        return None

    def _answers(self, point: str) -> bool:
        question = self._questions.get(point)
        if question is None or (question.answered.is_set() and self._is_old(question)):
            question = self._questions[point] = _Question(at=self._monotonic())
            threading.Thread(
                target=self._put, args=(point, question.answered), name="files-ask", daemon=True
            ).start()
            question.answered.wait(self._patience_seconds)
        return question.answered.is_set()

    def _is_old(self, question: _Question) -> bool:
        return self._monotonic() - question.at >= _FRESH_SECONDS

    def _put(self, point: str, answered: threading.Event) -> None:
        try:
            self._ask(point)
        except OSError:
            pass  # an error is an answer
        finally:
            answered.set()
