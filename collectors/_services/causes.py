"""Whose doing it was that a service came, went, failed or read its configuration again.

systemd says of a run what triggered it and whether it restarted it itself, and numbers its jobs: a job that was brought
along by another has a higher number than that one and is queued with it. Who asked for a job it does not say; that is
looked for in what packages, Puppet and logins leave behind. Nothing is asked while nothing is told.
"""

from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from collectors._origin.claim import Claim, Kind
from collectors._origin.decide import Origin, decide
from collectors._origin.evidence import Origins
from collectors._services.manager_events import JobBegun, JobEnded, News
from collectors._services.transitions import Step, What

_SECOND = 1_000_000
_MOST_JOBS = 1024
_TOGETHER_SECONDS = 2.0
"""Jobs of one transaction are told so close together."""
_RECENT_SECONDS = 10.0
"""What is open or under way now counts for what happened so shortly before."""
_ASKED_SECONDS = 1.0
"""Whoever asks for a job began to so shortly before it is told."""
_FAILURES = {What.FAILED, What.GAVE_UP, What.NOT_STARTED, What.FLAPPING}
_ENDED_BY_SYSTEMD = {"timeout", "watchdog", "start-limit-hit"}


class _Job(msgspec.Struct):
    """A job of which the manager told; times of CLOCK_MONOTONIC."""

    unit: str
    number: int
    begun: float
    is_over: bool = False
    pending: tuple[str, ...] = ()
    """The units whose jobs, queued shortly before, were not over then."""


class Causes:
    """What was heard of jobs; `related` names the units whose jobs may bring one of a unit along."""

    def __init__(
        self,
        origins: Origins,
        related: Callable[[str], frozenset[str]],
        monotonic: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._origins = origins
        self._related = related
        self._monotonic = monotonic
        self._wall = wall
        self._jobs: deque[_Job] = deque(maxlen=_MOST_JOBS)
        self._is_booting = False

    def note(self, news: Iterable[News], *, is_booting: bool) -> None:
        """Note which jobs came and went, and let go of what was read for the steps before."""
        self._origins.forget()
        self._is_booting = is_booting
        for item in news:
            match item:
                case JobBegun():
                    self._begin(item)
                case JobEnded():
                    for job in self._jobs:
                        job.is_over = job.is_over or job.number == item.number

    def of(self, step: Step) -> Origin:
        """Return whose doing a step was."""
        if claim := claim_of(step, self._brought_along_by(step), is_of_boot=self._is_of_boot(step)):
            return decide([claim])
        if step.what in _FAILURES and not step.look.job:
            return Origin()  # it failed by itself: whoever is at work beside it has not asked for that
        at = step.at / _SECOND
        is_recent = 0 <= self._wall() - at <= _RECENT_SECONDS
        job = self._job(step)
        asked = (job.begun - _ASKED_SECONDS, job.begun) if job else None
        return self._origins.of_unit(step.unit, at, is_recent=is_recent, asked=asked)

    def _begin(self, new: JobBegun) -> None:
        now = self._monotonic()
        recent = (job for job in self._jobs if not job.is_over and now - job.begun <= _TOGETHER_SECONDS)
        pending = tuple(job.unit for job in recent if job.number < new.number and job.unit != new.unit)
        self._jobs.append(_Job(new.unit, new.number, now, pending=pending))

    def _job(self, step: Step) -> _Job | None:
        """Return the job of a step; of a start that was seen only when its job was over, the one that there was."""
        jobs = [job for job in self._jobs if job.unit == step.unit]
        if step.look.job:
            jobs = [job for job in jobs if job.number == step.look.job]
        else:
            earliest = self._monotonic() - _RECENT_SECONDS
            jobs = [job for job in jobs if step.what is What.STARTED and job.begun >= earliest]
        return jobs[0] if len(jobs) == 1 else None

    def _brought_along_by(self, step: Step) -> str | None:
        """Return the unit whose job brought this one along, "" where it is one of several; None where none did."""
        job = self._job(step)
        if job is None or not job.pending:
            return None
        found = [*self._related(step.unit).intersection(job.pending)]
        return None if not found else found[0] if len(found) == 1 else ""

    def _is_of_boot(self, step: Step) -> bool:
        """Return whether a job was queued before anybody listened, in a boot that is not over."""
        return self._is_booting and step.look.job != 0 and self._job(step) is None


def claim_of(step: Step, brought_along_by: str | None, *, is_of_boot: bool) -> Claim | None:
    """Return what systemd itself says of whose doing a step was; None where it does not."""
    look = step.look
    if step.what in _FAILURES and step.result in _ENDED_BY_SYSTEMD:
        return _claim("manager")
    if step.what is What.NOT_STARTED and step.result == "dependency":
        return _claim("dependency")
    begins = step.what is What.STARTED or (step.what is What.FAILED and look.job != 0)
    if begins and step.by_manager:
        return _claim("manager")
    if begins and look.trigger and step.invocation == look.invocation:
        return _claim("timer" if look.trigger.endswith(".timer") else "dependency", look.trigger)
    if brought_along_by is not None:
        return _claim("dependency", brought_along_by)
    return _claim("manager") if begins and is_of_boot else None


def _claim(kind: Kind, unit: str = "") -> Claim:
    return Claim(kind=kind, how="job", is_direct=True, unit=unit)
