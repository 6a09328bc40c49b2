"""What one run of the files collector works on: what the agent lends it, what the configuration means, and the host."""

from dataclasses import dataclass

from collectors._files.budget import Budget
from collectors._files.selection import Selection
from collectors._files.surroundings import Surroundings
from collectors.collector import Memory, Runtime

_NANOSECONDS = 1_000_000_000


class Stopped(Exception):  # noqa: N818 - what became of the look
    """The stop came before all was looked at; the next start finds the rest."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run's work."""

    runtime: Runtime
    selection: Selection
    host: Surroundings

    @property
    def memory(self) -> Memory:
        """What is remembered, as of the last commit."""
        return self.runtime.memory

    def now_nanoseconds(self) -> int:
        """Return the time on the wall, in nanoseconds since the epoch."""
        return int(self.host.wall() * _NANOSECONDS)

    def budget(self) -> Budget:
        """Return what one file may cost, from now on."""
        return Budget(self.host.cpu_seconds, self.host.cpu)
