"""What follows from a new look at a service, given what is known of it: the one compare of the collector.

Pure. Signals and reconciles both go through `advance`; it tells each transition of an invocation once, whatever was
seen in between and in whatever order: a look is judged by its InvocationID and by the facts it carries of that run
(result, status, times, job), never by which state ought to have come before. How the restart of a service passes
through systemd's states differs by version and RestartMode=.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from collectors._origin.decide import Origin
from collectors._services.unit_state import Phase, UnitState


class What(StrEnum):
    """The kinds of step."""

    STARTED = "started"
    STOPPED = "stopped"
    RELOADED = "reloaded"
    RELOAD_FAILED = "reload-failed"
    FAILED = "failed"
    GAVE_UP = "gave-up"
    """systemd, or whoever started it, will not try again: the start limit was hit."""
    RESTARTING = "restarting"
    """It ended well, and systemd is going to start it again all the same: counted, never told."""
    NOT_STARTED = "not-started"
    """Its start job ended without a run: a dependency failed, or the job took too long."""
    FLAPPING = "flapping"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to one invocation; `at` in microseconds since the epoch."""

    what: What
    unit: str
    invocation: str
    at: int
    look: UnitState
    by_itself: bool = False
    """Nobody asked for this end: it failed, or systemd had to start it again."""
    requested: bool = False
    """A job asked for this end."""
    by_manager: bool = False
    """systemd itself started this run again, by Restart=."""
    unseen_ends: int = 1
    """How many ends this one stands for, as the count of restarts tells."""
    missing_after_boot: bool = False
    result: str = ""
    count: int = 0
    window_seconds: int = 0
    log: str = ""
    origin: Origin | None = None
    of_command: bool = False
    """A command beside the main process is what failed; the look has its exit."""


_BETWEEN_RUNS = {Phase.DOWN, Phase.FAILED, Phase.RESTARTING}


class Known(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of one service; `mark` names the run of the manager (a boot) it belongs to."""

    mark: str
    invocation: str = ""
    former: str = ""
    """The run before, in this run of the manager: what is still heard of it is of the past."""
    began: int = 0
    """No state before this moment (CLOCK_MONOTONIC, microseconds) is this invocation's; 0 where that is not known."""
    phase: Phase = Phase.DOWN
    expected: bool = False
    """It was up before this boot, so its start is no news, and its absence is."""
    changed_monotonic: int = 0
    restarts: int = 0
    reloading: bool = False
    restarts_at_begin: int = -1
    """What `restarts` was when this run was first seen; less than 0 where that is not known."""
    by_manager: bool = False
    """systemd itself started this run, by Restart=: it counted one more than when it started the run before."""
    quiet: bool = False
    on_demand: bool = False
    ends: tuple[int, ...] = ()
    crashes: tuple[int, ...] = ()
    crashes_of_day: tuple[int, ...] = ()
    flapping_told: int = 0
    flapping_slowly: int = 0
    """The loop is one by the day, and over when nothing ended for so many seconds."""
    flapping_count: int = 0


def carry_over(known: Known, mark: str) -> Known:
    """Return what is known of a service at the beginning of another run of the manager."""
    if known.mark == mark:
        return known
    was_up = known.expected or known.phase in {Phase.UP, Phase.RESTARTING}
    return Known(
        mark=mark,
        invocation=known.invocation,
        expected=was_up and not known.quiet and not known.on_demand,
        quiet=known.quiet,
        on_demand=known.on_demand,
    )


def in_order(known: Known, looks: Sequence[UnitState]) -> list[UnitState]:
    """Return looks of one service in the order of what they show, whichever was signalled first.

    A run's name comes beside the state of the run before: of two looks at one state the older run's is the older,
    and a run that has ended is older than one that shows nothing yet.
    """
    began: dict[str, int] = {known.invocation: -1}
    for look in looks:
        began[look.invocation] = min(began.get(look.invocation, look.latest_monotonic), look.latest_monotonic)
    return sorted(
        looks,
        key=lambda look: (
            look.latest_monotonic,
            began[look.invocation],
            not look.shows_an_end,
            look.job == 0,
        ),
    )


def advance(known: Known, look: UnitState) -> tuple[Known, list[Step]]:
    """Return what is known after this look, and the steps that lead there, oldest first.

    Both belong to the same run of the manager: `carry_over` comes first.
    """
    if look.changed_monotonic < known.changed_monotonic:
        return known, []  # a look of the past, overtaken by another
    if look.invocation and look.invocation == known.former:
        return known, []
    steps: list[Step] = []
    is_first_of_run = look.invocation != known.invocation
    if is_first_of_run:
        steps += _end_former(known, look)
        known = replace(known, phase=Phase.DOWN if known.phase is Phase.UP else known.phase)
        if not look.invocation:  # loaded, not run
            return known, steps
        known = _turn_to(known, look)
    phase = _phase_of_run(known, look, is_first=is_first_of_run)
    known, more = _advance_run(known, look, phase)
    known = replace(known, changed_monotonic=look.changed_monotonic, restarts=look.restarts)
    if known.by_manager:
        more = [replace(step, by_manager=True) for step in more]
    return known, steps + more


def end_unseen(known: Known, unit: str, now: int) -> tuple[Known, list[Step]]:
    """Tell that a service that was up is not there any more, as found `now` (microseconds)."""
    step = _step(What.STOPPED, UnitState(unit=unit), now, invocation=known.invocation)
    down = replace(known, phase=Phase.DOWN, expected=False)
    return down, [replace(step, missing_after_boot=known.expected)]


def _turn_to(known: Known, look: UnitState) -> Known:
    """Return what is known at the beginning of the next run: no state of its own yet, and nothing older is its."""
    return replace(
        known,
        invocation=look.invocation,
        former=known.invocation,
        began=known.changed_monotonic,
        restarts_at_begin=look.restarts,
        by_manager=0 <= known.restarts_at_begin < look.restarts,
        phase=Phase.COMING,
        reloading=False,
    )


def _end_former(known: Known, look: UnitState) -> list[Step]:
    """Return the end of the run before the one that is seen, where nobody saw that end."""
    restarts = max(0, look.restarts - known.restarts)
    if known.phase is Phase.UP:
        at, what = look.ended_at(known.changed_monotonic), What.STOPPED
    elif known.phase is Phase.COMING and known.invocation and restarts:
        at, what = look.changed, What.RESTARTING
    else:
        return []
    step = _step(what, look, at, invocation=known.invocation)
    return [replace(step, by_itself=restarts > 0, unseen_ends=max(1, restarts))]


def _phase_of_run(known: Known, look: UnitState, *, is_first: bool) -> Phase:
    """Return where the invocation of the look is on its way.

    The manager gives a start its name before it leaves the state of the run before: `dead`, `failed`, or with
    systemd 254 and later `auto-restart-queued`. Such a state is the invocation's own only if something shows it:
    that it was seen in another state before, an end (a start clears result and status), or a job that is gone.
    """
    phase = look.phase
    if phase not in _BETWEEN_RUNS or known.phase is not Phase.COMING:
        return phase
    if not look.changed_monotonic:
        return Phase.COMING  # the first run since the boot
    has_changed = look.changed_monotonic > known.changed_monotonic and not is_first
    was_active = known.began > 0 and look.was_active_since(known.began)
    return phase if has_changed or was_active or look.shows_an_end or not look.job else Phase.COMING


def _advance_run(known: Known, look: UnitState, phase: Phase) -> tuple[Known, list[Step]]:
    if phase is Phase.COMING:
        return known, []
    steps: list[Step] = []
    was_active = known.phase is Phase.COMING and look.was_active_since(known.began)
    if was_active or (phase is Phase.UP and known.phase in {Phase.COMING, Phase.DOWN}):
        if not known.expected:
            steps.append(_step(What.STARTED, look, look.activated))
        known = replace(known, phase=Phase.UP, expected=False)
    if phase is Phase.UP:
        known, more = _reload(known, look)
    elif phase is Phase.LEAVING:
        more = []
    else:
        known, more = _end(known, look, phase)
    return known, steps + more


def _reload(known: Known, look: UnitState) -> tuple[Known, list[Step]]:
    if look.state == "reloading":
        return replace(known, reloading=True), []
    if not known.reloading:
        return known, []
    what = What.RELOADED if look.reload_result == "success" else What.RELOAD_FAILED
    return replace(known, reloading=False), [_step(what, look, look.changed)]


def _end(known: Known, look: UnitState, phase: Phase) -> tuple[Known, list[Step]]:
    """Tell an end, or what became of a run that had ended: an automatic restart leaves `inactive` while it waits."""
    steps: list[Step] = []
    at = look.ended_at(known.began)
    waited = known.phase is Phase.RESTARTING or look.left_inactive_monotonic > known.changed_monotonic
    match known.phase:
        case Phase.UP | Phase.COMING if look.went_wrong or phase is Phase.FAILED:
            step = _step(What.FAILED, look, at)
            steps.append(replace(step, by_itself=True))
            known = replace(known, expected=False)
            if phase is Phase.DOWN:  # not `failed`: it waited for a restart meanwhile
                known, more = _end(replace(known, phase=Phase.RESTARTING), look, phase)
                return known, steps + more
        case Phase.UP:
            by_itself = phase is Phase.RESTARTING
            step = _step(What.STOPPED, look, at)
            steps.append(replace(step, by_itself=by_itself, requested=look.job != 0))
        case Phase.COMING:
            pass  # it never was active and ended well: a oneshot
        case _ if waited and phase is Phase.DOWN and look.job:
            phase = Phase.RESTARTING  # on its way to the next start
        case _ if waited and phase is Phase.DOWN:
            steps.append(replace(_step(What.STOPPED, look, look.changed), requested=True))
        case Phase.DOWN if phase is Phase.RESTARTING:
            steps.append(replace(_step(What.RESTARTING, look, at), by_itself=True))
        case _ if phase is Phase.FAILED and (waited or known.phase is Phase.DOWN):
            steps.append(_step(What.GAVE_UP, look, look.changed))
        case _:
            pass  # told before
    return replace(known, phase=phase, reloading=False), steps


def _step(what: What, look: UnitState, at: int, *, invocation: str | None = None) -> Step:
    return Step(
        what=what,
        unit=look.unit,
        invocation=look.invocation if invocation is None else invocation,
        at=at,
        look=look,
        result=look.reload_result if what is What.RELOAD_FAILED else look.result,
    )
