"""A service that keeps ending and starting again is one event with a count, not a flood.

Pure. A few ends within the window are told one by one, since nobody can know yet. From then on starts and
ends are counted only: one flapping event at once, one an hour while it goes on. A crash loop is over when
systemd gives up or somebody stops the service, and any loop when nothing ended for a whole window.

A slow crash loop never has a few ends within the window, but many within a day: it is told once a day, and is
over when nothing ended for several times as long as it took from one end to the next.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from collectors._services.transitions import Known, Step, What
from collectors._services.unit_state import Phase, UnitState

WINDOW_SECONDS = 600
CRASHES = 3
"""So many ends by itself within the window are a crash loop."""
ENDS = 10
"""So many ends of any kind (a script that restarts it) are too."""
CRASHES_OF_DAY = 10
"""So many ends by itself within a day are a slow crash loop."""
TELL_AGAIN_SECONDS = 3600

_DAY_SECONDS = 86_400
_QUIET_INTERVALS = 4

_SECOND = 1_000_000
_FOLDED = {What.STARTED, What.STOPPED, What.FAILED, What.NOT_STARTED, What.RESTARTING}


def fold(known: Known, step: Step) -> tuple[Known, Step | None]:
    """Return what is known and what is to be told instead of `step`: itself, a flapping event, or nothing."""
    if step.what not in _FOLDED:
        return (settle(known), step) if step.what is What.GAVE_UP else (known, step)
    if step.what is What.STARTED:
        return known, (None if known.flapping_told else step)
    is_crash_loop = known.flapping_slowly or len(known.crashes) >= CRASHES
    if known.flapping_told and step.requested and is_crash_loop:
        return replace(settle(known), crashes_of_day=()), step
    known = _count(known, step)
    if known.flapping_told:
        return _go_on(known, step)
    for times, limit in ((known.crashes, CRASHES), (known.ends, ENDS)):
        if len(times) >= limit:
            window = max(1, -(-(step.at - times[0]) // _SECOND))
            known = replace(known, flapping_told=step.at, flapping_count=0)
            return known, _flapping(step, max(len(times), step.unseen_ends), window)
    if len(known.crashes_of_day) >= CRASHES_OF_DAY:
        return _loop_slowly(known, step)
    return known, (None if step.what is What.RESTARTING else step)


def seconds_to_settle(known: Known, now: float) -> float:
    """Return when a flapping service counts as settled if it stays as it is, in seconds from `now`.

    A clock that was set back settles it at once.
    """
    last = max(known.flapping_told, *known.ends, *known.crashes) / _SECOND
    window = known.flapping_slowly or WINDOW_SECONDS
    return last + window - now if last <= now + window else 0.0


def at_rest(look: UnitState) -> Iterable[Step]:
    """Return the step that a service which kept ending came to rest with."""
    ended = look.deactivated or look.changed
    match look.phase:
        case Phase.UP:
            what, at = What.STARTED, look.activated
        case Phase.FAILED:
            what, at = What.FAILED, ended
        case Phase.DOWN if look.invocation:
            what, at = What.STOPPED, ended
        case _:
            return
    yield Step(what=what, unit=look.unit, invocation=look.invocation, at=at, look=look, result=look.result)


def _count(known: Known, step: Step) -> Known:
    after = step.at - WINDOW_SECONDS * _SECOND
    new = (step.at,) * min(step.unseen_ends, ENDS)
    ends = () if step.what is What.RESTARTING else new  # that end was counted when it was seen
    crashes = new if step.by_itself else ()
    of_day = () if known.flapping_told else crashes  # a loop that is told is not told by the day as well
    begin_of_day = step.at - _DAY_SECONDS * _SECOND
    return replace(
        known,
        crashes_of_day=(*(at for at in known.crashes_of_day if begin_of_day < at <= step.at), *of_day)[
            -CRASHES_OF_DAY:
        ],
        ends=(*(at for at in known.ends if after < at <= step.at), *ends)[-ENDS:],
        crashes=(*(at for at in known.crashes if after < at <= step.at), *crashes)[-ENDS:],
    )


def _go_on(known: Known, step: Step) -> tuple[Known, Step | None]:
    count = known.flapping_count + (0 if step.what is What.RESTARTING else step.unseen_ends)
    since_told = step.at - known.flapping_told
    if 0 <= since_told < (_DAY_SECONDS if known.flapping_slowly else TELL_AGAIN_SECONDS) * _SECOND:
        return replace(known, flapping_count=count), None
    told = replace(known, flapping_told=step.at, flapping_count=0)
    return told, _flapping(step, count, max(1, since_told // _SECOND))


def _loop_slowly(known: Known, step: Step) -> tuple[Known, Step]:
    times = known.crashes_of_day
    window = max(1, -(-(step.at - times[0]) // _SECOND))
    quiet = max(WINDOW_SECONDS, _QUIET_INTERVALS * window // (len(times) - 1))
    known = replace(known, flapping_told=step.at, flapping_count=0, flapping_slowly=quiet, crashes_of_day=())
    return known, _flapping(step, len(times), window)


def _flapping(step: Step, count: int, window_seconds: int) -> Step:
    return replace(step, what=What.FLAPPING, count=count, window_seconds=window_seconds)


def settle(known: Known) -> Known:
    """Return what is known of a service once it keeps ending no more."""
    return replace(known, ends=(), crashes=(), flapping_told=0, flapping_count=0, flapping_slowly=0)
