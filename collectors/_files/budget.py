"""How much work one file may make: CPU time of this thread, because who writes a file chooses what it costs to read it."""

import time
from collections.abc import Callable

CPU_SECONDS = 2.0


class OverBudget(Exception):  # noqa: N818 - what became of the work
    """A file has used its budget up."""


class Budget:
    """The CPU time of one file, from now on; `clock` gives this thread's, in seconds."""

    def __init__(self, seconds: float = CPU_SECONDS, clock: Callable[[], float] = time.thread_time) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until = clock() + seconds

    def is_over(self) -> bool:
        """Return whether it is used up; to be asked after every step of some milliseconds."""
        return self._clock() > self._until

    def check(self) -> None:
        """Raise `OverBudget` when it is used up."""
        if self.is_over():
            raise OverBudget(f"it took more than {self._seconds:g} s of CPU")


Budgets = Callable[[], Budget]
