"""What follows from a new look at a service, given what is known of it: the one compare of the collector.

Pure. Signals and reconciles both go through `advance`; it tells each transition of an invocation once,
whatever was seen in between, because the known invocation and phase are all it compares with.
"""

import dataclasses
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from collectors._services.look import Look, Phase


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened to one invocation; `at` in microseconds since the epoch."""

    what: What
    unit: str
    invocation: str
    at: int
    look: Look
    by_itself: bool = False
    """Nobody asked for this end: it failed, or systemd had to start it again."""
    requested: bool = False
    """A job asked for this end."""
    unseen_ends: int = 1
    """How many ends this one stands for, as the count of restarts tells."""
    missing_after_boot: bool = False
    result: str = ""
    count: int = 0
    window_seconds: int = 0
    log: str = ""


class Known(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of one service; `mark` names the run of the manager (a boot) it belongs to."""

    mark: str
    invocation: str = ""
    phase: Phase = Phase.DOWN
    expected: bool = False
    """It was up before this boot, so its start is no news, and its absence is."""
    changed_monotonic: int = 0
    restarts: int = 0
    reloading: bool = False
    quiet: bool = False
    on_demand: bool = False
    ends: tuple[int, ...] = ()
    crashes: tuple[int, ...] = ()
    flapping_told: int = 0
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


def advance(known: Known, look: Look) -> tuple[Known, list[Step]]:
    """Return what is known after this look, and the steps that lead there, oldest first.

    Both belong to the same run of the manager: `carry_over` comes first.
    """
    steps: list[Step] = []
    phase = look.phase
    if look.changed_monotonic < known.changed_monotonic:
        return known, []  # a look of the past, overtaken by a signal
    if look.invocation != known.invocation:
        if known.phase is Phase.UP:
            steps.append(_unseen_end(known, look))
            known = replace(known, phase=Phase.DOWN)
        if not look.invocation:  # loaded, not run
            return known, steps
        known = replace(known, invocation=look.invocation, phase=Phase.COMING, reloading=False)
        if _has_no_state_yet(look):
            phase = Phase.COMING
    elif known.phase is Phase.COMING and look.changed_monotonic == known.changed_monotonic:
        phase = Phase.COMING  # said again
    known, more = _advance_invocation(known, look, phase)
    known = replace(known, changed_monotonic=look.changed_monotonic, restarts=look.restarts)
    return known, steps + more


def end_unseen(known: Known, unit: str, now: int) -> tuple[Known, list[Step]]:
    """Tell that a service that was up is not there any more, as found `now` (microseconds)."""
    step = _step(What.STOPPED, Look(unit=unit), now, invocation=known.invocation)
    down = replace(known, phase=Phase.DOWN, expected=False)
    return down, [dataclasses.replace(step, missing_after_boot=known.expected)]


def _has_no_state_yet(look: Look) -> bool:
    """Return whether the first look at an invocation still shows the state of the one before it.

    The manager tells each state before it leaves it, so a start begins with the new name beside the old
    state; its job is still there then.
    """
    return look.phase in {Phase.DOWN, Phase.FAILED} and (look.job != 0 or look.changed_monotonic == 0)


def _unseen_end(known: Known, look: Look) -> Step:
    restarts = look.restarts - known.restarts
    step = _step(What.STOPPED, look, look.deactivated or look.changed, invocation=known.invocation)
    return dataclasses.replace(step, by_itself=restarts > 0, unseen_ends=max(1, restarts))


def _advance_invocation(known: Known, look: Look, phase: Phase) -> tuple[Known, list[Step]]:
    if phase is Phase.COMING:
        return known, []
    steps: list[Step] = []
    if known.phase in {Phase.COMING, Phase.DOWN} and phase is Phase.UP:
        is_news = True
    else:
        is_news = known.phase is Phase.COMING and look.was_active
    if is_news:
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


def _reload(known: Known, look: Look) -> tuple[Known, list[Step]]:
    if look.state == "reloading":
        return replace(known, reloading=True), []
    if not known.reloading:
        return known, []
    what = What.RELOADED if look.reload_result == "success" else What.RELOAD_FAILED
    return replace(known, reloading=False), [_step(what, look, look.changed)]


def _end(known: Known, look: Look, phase: Phase) -> tuple[Known, list[Step]]:
    steps: list[Step] = []
    at = look.deactivated or look.changed
    match known.phase:
        case Phase.UP | Phase.COMING if look.went_wrong or phase is Phase.FAILED:
            step = _step(What.FAILED, look, at)
            steps.append(dataclasses.replace(step, by_itself=True))
            known = replace(known, expected=False)
        case Phase.UP:
            by_itself = phase is Phase.RESTARTING
            step = _step(What.STOPPED, look, at)
            steps.append(dataclasses.replace(step, by_itself=by_itself, requested=look.job != 0))
        case Phase.RESTARTING if phase is Phase.DOWN and look.job:
            phase = Phase.RESTARTING  # on its way to the next start
        case Phase.RESTARTING if phase is Phase.DOWN:
            steps.append(dataclasses.replace(_step(What.STOPPED, look, look.changed), requested=True))
        case Phase.DOWN if phase is Phase.RESTARTING:
            steps.append(dataclasses.replace(_step(What.RESTARTING, look, at), by_itself=True))
        case Phase.RESTARTING | Phase.DOWN if phase is Phase.FAILED:
            steps.append(_step(What.GAVE_UP, look, look.changed))
        case _:
            pass  # told before, or a run that never was active and ended well: a oneshot
    return replace(known, phase=phase, reloading=False), steps


def _step(what: What, look: Look, at: int, *, invocation: str | None = None) -> Step:
    return Step(
        what=what,
        unit=look.unit,
        invocation=look.invocation if invocation is None else invocation,
        at=at,
        look=look,
        result=look.reload_result if what is What.RELOAD_FAILED else look.result,
    )
