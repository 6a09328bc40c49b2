"""How much work one file may make: CPU time of this thread, because who writes a file chooses what it costs to read it."""

import time
from collections.abc import Callable

CPU_SECONDS = 1.0


class OverBudget(Exception):  # noqa: N818 - what became of the work
    """A file has used its budget up."""


class Budget:
    """The CPU time of one file, from now on; `cpu` gives this thread's, in seconds.

    It is asked only after as much time has passed on the clock on the wall: most files take far less, and on
    some hosts asking is dear. So up to twice the budget may be used.
    """

    def __init__(
        self,
        seconds: float = CPU_SECONDS,
        cpu: Callable[[], float] = time.thread_time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._cpu = cpu
        self._monotonic = monotonic
        self._until = monotonic() + seconds
        self._cpu_until: float | None = None

    def is_over(self) -> bool:
        """Return whether it is used up; to be asked after every step of some milliseconds."""
        if self._cpu_until is None:
            if self._monotonic() < self._until:
                return False
            self._cpu_until = self._cpu() + self._seconds
        return self._cpu() > self._cpu_until

    def check(self) -> None:
        """Raise `OverBudget` when it is used up."""
        if self.is_over():
            raise OverBudget(f"it took more than {self._seconds:g} s of CPU")


Budgets = Callable[[], Budget]
