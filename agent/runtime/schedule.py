"""What is due now and then: jobs by `schedule`, driven by a clock that never steps.

`schedule` counts in naive local time: a step back of an hour would stop every job for that hour. So the
wait is monotonic, and when wall and monotonic time part, every job runs once and is armed anew. A job
that fails takes no other one with it. Never wakes up more often than a job is due.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime

import msgspec
import schedule

from agent.runtime.guarded import guarded

log = logging.getLogger(__name__)

_PARTED_SECONDS = 2.0
_SHORTEST_WAIT_SECONDS = 1.0


class Job(msgspec.Struct, frozen=True):
    """Something to do every so many seconds."""

    every_seconds: float
    work: Callable[[], None]


class Housekeeping:
    """Runs jobs when they are due, from the one thread that calls `run_due`."""

    def __init__(
        self,
        jobs: dict[str, Job],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        local: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._monotonic = monotonic
        self._local = local
        self._scheduler = schedule.Scheduler()
        self.arm(jobs)

    def arm(self, jobs: dict[str, Job]) -> None:
        """Do these from now on, each for the first time after its interval."""
        self._jobs = jobs
        self._armed_local = self._local()
        self._armed_monotonic = self._monotonic()
        self._scheduler.clear()
        for name, job in jobs.items():
            self._scheduler.every(max(1, round(job.every_seconds))).seconds.do(
                guarded, f"housekeeping: {name}", job.work
            )

    def wait_seconds(self) -> float | None:
        """Return after how long something is due; None when nothing ever is."""
        due = self._scheduler.idle_seconds
        return None if due is None else max(_SHORTEST_WAIT_SECONDS, due + self._parted())

    def run_due(self) -> None:
        """Run what is due; all of it when the wall clock was set since the last time."""
        if abs(self._parted()) > _PARTED_SECONDS:
            log.info("the clock was set; housekeeping starts anew")
            for name, job in self._jobs.items():  # run_all of `schedule` sleeps between them
                guarded(f"housekeeping: {name}", job.work)
            self.arm(self._jobs)
        self._scheduler.run_pending()

    def _parted(self) -> float:
        """Return by how much the local time ran ahead of the monotonic clock since the jobs were armed."""
        wall = (self._local() - self._armed_local).total_seconds()
        return wall - (self._monotonic() - self._armed_monotonic)
