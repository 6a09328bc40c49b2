"""What follows from looks at a service: the compare, on looks as systemd 252 was seen to give them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collectors._services import events
from collectors._services.transitions import Known, What, advance, carry_over, end_unseen
from collectors._services.unit_state import Phase, UnitState

BOOT = "boot-1:100"
X, Y, Z = "x" * 32, "y" * 32, "z" * 32
SECOND = 1_000_000

BLANK = UnitState(unit="a.service")


def at(monotonic, look=BLANK, **fields):
    """Return a look whose state changed at `monotonic` seconds of a host that was booted at 1000."""
    return replace(look, changed=(1000 + monotonic) * SECOND, changed_monotonic=monotonic * SECOND, **fields)


def named(invocation, look, pid=1):
    """Return the first look at a new invocation: its name and process beside the old state."""
    return replace(
        look, invocation=invocation, job=7, main_pid=pid, exec_pid=pid, exec_code=0, result="success"
    )


def up(monotonic, look, **fields):
    return at(
        monotonic,
        look,
        state="active",
        sub_state="running",
        left_inactive_monotonic=monotonic * SECOND,
        activated=(1000 + monotonic) * SECOND,
        activated_monotonic=monotonic * SECOND,
        job=0,
        **fields,
    )


def ended(monotonic, look, state="inactive", sub_state="dead", **fields):
    fields.setdefault("deactivated", (1000 + monotonic) * SECOND)
    return at(monotonic, look, state=state, sub_state=sub_state, main_pid=0, **fields)


def killed(monotonic, look, **fields):
    return ended(
        monotonic,
        look,
        **{"state": "failed", "sub_state": "failed", "result": "signal", "exec_code": 2, "exec_status": 9}
        | fields,
    )


def tell(looks, known=None):
    """Return the steps that the looks amount to, as (what, invocation, seconds since the boot)."""
    known = known or Known(mark=BOOT)
    told = []
    for look in looks:
        known, steps = advance(known, look)
        told += [(step.what, step.invocation, step.at // SECOND - 1000) for step in steps]
    return told, known


FRESH = named(X, BLANK)
RUNNING = up(10, FRESH)
STOPPING = at(20, RUNNING, state="deactivating", sub_state="stop-sigterm")
STOPPED = ended(21, STOPPING, exec_code=2, exec_status=15)


def test_a_start_is_told_when_the_service_is_active_with_the_time_it_became_so():
    assert tell([FRESH, RUNNING, RUNNING])[0] == [(What.STARTED, X, 10)]


def test_a_stop_is_told_once():
    told, known = tell([FRESH, RUNNING, STOPPING, STOPPED, STOPPED])
    assert told == [(What.STARTED, X, 10), (What.STOPPED, X, 21)]
    assert known.phase is Phase.DOWN


def test_the_name_of_a_new_run_beside_the_old_state_is_no_end():
    again = named(Y, STOPPED)
    told, _ = tell([FRESH, RUNNING, STOPPING, STOPPED, again, again, up(22, again)])
    assert told[2:] == [(What.STARTED, Y, 22)]


def test_a_start_after_a_failure_is_no_second_failure():
    dead = killed(11, RUNNING)
    told, _ = tell([FRESH, RUNNING, dead, named(Y, dead), up(30, named(Y, dead))])
    assert told == [(What.STARTED, X, 10), (What.FAILED, X, 11), (What.STARTED, Y, 30)]


def test_a_run_that_was_only_seen_dead_is_told_whole():
    assert tell([STOPPED])[0] == [(What.STARTED, X, 10), (What.STOPPED, X, 21)]
    assert tell([killed(11, RUNNING)])[0] == [(What.STARTED, X, 10), (What.FAILED, X, 11)]


@pytest.mark.parametrize(
    "look",
    [STOPPED, STOPPING, killed(11, RUNNING), ended(11, RUNNING, "activating", "auto-restart")],
    ids=["stopped", "stopping", "killed", "restarting"],
)
def test_a_start_is_told_with_the_state_of_its_moment_and_not_with_that_of_a_later_look(look):
    _, steps = advance(Known(mark=BOOT), look)
    started, *others = [events.tell(step).data for step in steps]
    assert (started["state"], started["sub_state"]) == ("active", "")
    assert all((other["state"], other["sub_state"]) == (look.state, look.sub_state) for other in others)
    _, [step] = advance(Known(mark=BOOT), RUNNING)
    data = events.tell(step).data
    assert (data["state"], data["sub_state"]) == ("active", "running")


def test_a_oneshot_that_ends_well_is_nothing_and_one_that_fails_is_a_failure():
    starting = at(10, FRESH, state="activating", sub_state="start", left_inactive_monotonic=10 * SECOND)
    assert tell([FRESH, starting, ended(12, starting, exec_code=1)])[0] == []
    failed = ended(12, starting, state="failed", sub_state="failed", result="exit-code", job=7)
    assert tell([FRESH, starting, failed])[0] == [(What.FAILED, X, 12)]


def test_a_start_that_never_became_active_is_a_failure_without_a_start_also_after_an_earlier_run():
    """Its activation time is that of the run before."""
    again = replace(named(Y, STOPPED), executed_monotonic=30 * SECOND)
    starting = at(30, again, state="activating", sub_state="start", left_inactive_monotonic=30 * SECOND)
    _, known = tell([FRESH, RUNNING, STOPPING, STOPPED])
    told, _ = tell([again, starting, killed(31, starting)], known)
    assert told == [(What.FAILED, Y, 31)]


def restart_of(look, monotonic):
    """Return the looks of a failure with Restart=, as they come: auto-restart, dead, next name, active."""
    waiting = killed(
        monotonic,
        look,
        state="activating",
        sub_state="auto-restart",
        left_inactive_monotonic=monotonic * SECOND,
    )
    dead = at(monotonic + 1, waiting, state="inactive", sub_state="dead", job=8)
    return waiting, dead


def test_an_automatic_restart_is_a_failure_and_a_start():
    waiting, dead = restart_of(RUNNING, 11)
    fresh = named(Y, dead, pid=2)
    told, known = tell(
        [FRESH, RUNNING, waiting, replace(waiting, job=8), dead, fresh, up(13, fresh, restarts=1)]
    )
    assert told == [(What.STARTED, X, 10), (What.FAILED, X, 11), (What.STARTED, Y, 13)]
    assert (known.phase, known.restarts) == (Phase.UP, 1)


def test_the_look_between_an_end_and_the_next_start_may_be_missing():
    waiting, dead = restart_of(RUNNING, 11)
    fresh = named(Y, dead)
    told, _ = tell([FRESH, RUNNING, waiting, fresh, up(13, fresh), killed(14, up(13, fresh))])
    assert [step[:2] for step in told[2:]] == [(What.STARTED, Y), (What.FAILED, Y)]


def test_a_failure_only_seen_at_its_automatic_restart_is_told_with_its_start():
    executed = replace(RUNNING, executed_monotonic=9 * SECOND)
    waiting, _ = restart_of(executed, 11)
    assert tell([waiting])[0] == [(What.STARTED, X, 10), (What.FAILED, X, 11)]


def test_the_start_limit_is_told_as_giving_up():
    waiting, dead = restart_of(RUNNING, 11)
    gave_up = at(12, dead, state="failed", sub_state="failed")
    told, known = tell([FRESH, RUNNING, waiting, dead, gave_up, replace(gave_up, job=0)])
    assert told[2:] == [(What.GAVE_UP, X, 12)]
    assert known.phase is Phase.FAILED


def test_a_service_that_ends_well_and_is_started_again_has_ended_by_itself():
    waiting, _ = restart_of(RUNNING, 11)
    waiting = replace(waiting, result="success", exec_code=1, exec_status=0)
    _, steps = advance(advance(Known(mark=BOOT), RUNNING)[0], waiting)
    assert [(step.what, step.by_itself) for step in steps] == [(What.STOPPED, True)]


def test_a_good_end_that_is_seen_before_its_restart_is_counted_afterwards():
    dead = ended(11, RUNNING, exec_code=1)
    waiting = at(11, dead, state="activating", sub_state="auto-restart")
    assert [step[0] for step in tell([FRESH, RUNNING, dead, waiting, waiting])[0]] == [
        What.STARTED,
        What.STOPPED,
        What.RESTARTING,
    ]


def test_a_stop_while_waiting_for_a_restart_is_told_as_asked_for():
    waiting, dead = restart_of(RUNNING, 11)
    known = tell([FRESH, RUNNING, waiting, dead])[1]
    known, [step] = advance(known, replace(dead, job=0))
    assert (step.what, step.invocation, step.requested) == (What.STOPPED, X, True)


def test_an_end_is_asked_for_when_it_has_a_job():
    for job in (0, 9):
        _, [step] = advance(tell([FRESH, RUNNING])[1], replace(STOPPED, job=job))
        assert step.requested is (job != 0)


def test_resetting_a_failure_is_no_news():
    failed = killed(11, RUNNING)
    reset = at(20, failed, state="inactive", sub_state="dead", result="success")
    assert len(tell([FRESH, RUNNING, failed, reset])[0]) == 2


def reloading(monotonic):
    return at(monotonic, RUNNING, state="reloading", sub_state="reload")


def test_a_reload_is_told_when_it_is_over():
    after = at(31, RUNNING)
    told, _ = tell([FRESH, RUNNING, reloading(30), after, after])
    assert told[1:] == [(What.RELOADED, X, 31)]


def test_a_reload_that_failed_is_told_as_that():
    after = at(31, RUNNING, reload_result="exit-code")
    told, _ = tell([FRESH, RUNNING, reloading(30), after])
    assert told[1:] == [(What.RELOAD_FAILED, X, 31)]


def test_a_condition_that_is_not_met_is_no_failure():
    skipped = ended(12, FRESH, result="exec-condition")
    assert tell([FRESH, skipped])[0] == []


def test_a_look_of_the_past_changes_nothing():
    told, known = tell([FRESH, RUNNING, STOPPING, STOPPED, STOPPING, RUNNING, FRESH])
    assert len(told) == 2
    assert known.phase is Phase.DOWN


def test_a_restart_that_nobody_saw_is_an_end_and_a_start():
    _, known = tell([FRESH, RUNNING])
    later = up(50, replace(BLANK, invocation=Y), deactivated=1049 * SECOND)
    assert tell([later], known)[0] == [(What.STOPPED, X, 49), (What.STARTED, Y, 50)]


def test_restarts_that_nobody_saw_are_counted():
    _, known = tell([FRESH, RUNNING])
    later = up(50, replace(BLANK, invocation=Y), deactivated=1049 * SECOND, restarts=4)
    _, [end, _] = advance(known, later)
    assert (end.by_itself, end.unseen_ends) == (True, 4)


def test_what_is_gone_was_stopped():
    _, known = tell([FRESH, RUNNING])
    known, [step] = end_unseen(known, "a.service", 1060 * SECOND)
    assert (step.what, step.invocation, step.at) == (What.STOPPED, X, 1060 * SECOND)
    assert not step.missing_after_boot
    assert known.phase is Phase.DOWN


NEXT = "boot-2:200"


def after_boot(looks):
    return carry_over(tell(looks)[1], NEXT)


def test_what_comes_up_at_a_boot_as_it_was_before_is_no_news():
    known = after_boot([FRESH, RUNNING])
    fresh = named(Y, BLANK)
    told, known = tell([BLANK, fresh, up(5, fresh)], known)
    assert told == []
    assert (known.phase, known.expected, known.invocation) == (Phase.UP, False, Y)


def test_what_comes_up_at_a_boot_but_was_down_before_is_news():
    known = after_boot([FRESH, RUNNING, STOPPING, STOPPED])
    fresh = named(Y, BLANK)
    assert tell([fresh, up(5, fresh)], known)[0] == [(What.STARTED, Y, 5)]


def test_what_fails_at_a_boot_is_news():
    known = after_boot([FRESH, RUNNING])
    fresh = named(Y, BLANK)
    told, known = tell([fresh, up(5, fresh), killed(6, up(5, fresh))], known)
    assert told == [(What.FAILED, Y, 6)]
    assert not known.expected


def test_what_did_not_come_back_is_told_as_the_end_of_its_last_run():
    known = after_boot([FRESH, RUNNING])
    known, [step] = end_unseen(known, "a.service", 1005 * SECOND)
    assert (step.what, step.invocation, step.missing_after_boot) == (What.STOPPED, X, True)
    assert not known.expected


def test_what_is_started_on_demand_is_not_expected_back():
    _, known = tell([FRESH, RUNNING])
    for kind in ({"quiet": True}, {"on_demand": True}):
        fields = {name: getattr(known, name) for name in known.__struct_fields__}
        assert not carry_over(Known(**fields | kind), NEXT).expected


def test_expectation_survives_a_second_look_at_the_same_boot_and_a_second_boot():
    known = after_boot([FRESH, RUNNING])
    assert carry_over(known, NEXT).expected
    assert carry_over(known, "boot-3:300").expected


LIFE = [FRESH, RUNNING, reloading(15), at(16, RUNNING), STOPPING, STOPPED]
FAILING = [*LIFE[:4], killed(25, at(16, RUNNING))]
RESTARTED = [*LIFE, named(Y, STOPPED), up(22, named(Y, STOPPED)), killed(23, up(22, named(Y, STOPPED)))]


@given(st.sampled_from([LIFE, FAILING, RESTARTED]), st.data())
def test_whatever_was_seen_of_a_life_its_starts_and_ends_are_told_once_and_in_order(life, data):
    """Every look may be missing but each run's last, and every one may be repeated."""
    last_of_each = {look.invocation: index for index, look in enumerate(life)}
    keep = data.draw(st.lists(st.integers(0, 2), min_size=len(life), max_size=len(life)))
    seen = [
        look
        for index, (look, times) in enumerate(zip(life, keep, strict=True))
        for _ in range(max(times, 1 if index in last_of_each.values() else 0))
    ]
    told, _ = tell(seen)
    whole, _ = tell(life)
    without_reloads = [step for step in whole if step[0] is not What.RELOADED]
    assert [step for step in told if step[0] is not What.RELOADED] == without_reloads
