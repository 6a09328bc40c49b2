"""A service that keeps ending is one event with a count."""

from msgspec.structs import replace

from collectors._services.flapping import (
    CRASHES,
    CRASHES_OF_DAY,
    ENDS,
    WINDOW_SECONDS,
    fold,
    seconds_to_settle,
    settle,
)
from collectors._services.transitions import Known, Step, What
from collectors._services.unit_state import UnitState

SECOND = 1_000_000
DAY = 86_400


def step(what, at, *, by_itself=True, **fields):
    by_itself = by_itself and what in {What.FAILED, What.STOPPED}
    return Step(
        what=what,
        unit="a.service",
        invocation=f"{at}",
        at=int(at * SECOND),
        look=UnitState(unit="a.service"),
        by_itself=by_itself,
        **fields,
    )


def tell(steps, known=None):
    known = known or Known(mark="boot")
    told = []
    for item in steps:
        known, what = fold(known, item)
        if what is not None:
            told.append(what)
    return told, known


def loop(times, every=0.4, start=1000.0):
    for number in range(times):
        yield step(What.STARTED, start + number * every)
        yield step(What.FAILED, start + number * every + every / 2)


def kinds(told):
    return [item.what for item in told]


def test_a_crash_loop_is_one_flapping_event_however_long():
    told, _ = tell(loop(1000))
    assert kinds(told).count(What.FLAPPING) == 1
    assert len(told) == 2 * CRASHES
    assert kinds(told)[-1] is What.FLAPPING


def test_the_event_says_how_often_within_how_long():
    told, _ = tell(loop(CRASHES, every=4))
    assert (told[-1].count, told[-1].window_seconds) == (CRASHES, 8)


def test_a_few_failures_far_apart_are_told_one_by_one():
    told, _ = tell(loop(CRASHES_OF_DAY - 1, every=WINDOW_SECONDS / (CRASHES - 1)))
    assert What.FLAPPING not in kinds(told)
    assert len(told) == 2 * (CRASHES_OF_DAY - 1)


def test_a_slow_crash_loop_is_one_flapping_event_a_day():
    """One end every 301 s were 576 lines a day."""
    told, known = tell(loop(3 * DAY // 301, every=301))
    loops = [item for item in told if item.what is What.FLAPPING]
    assert len(told) == 2 * CRASHES_OF_DAY + 2
    assert [(item.count, item.window_seconds) for item in loops] == [
        (CRASHES_OF_DAY, 301 * (CRASHES_OF_DAY - 1)),
        (288, 301 * 288),
        (288, 301 * 288),
    ]
    assert kinds(tell([step(What.STARTED, 4 * DAY)], settle(known))[0]) == [What.STARTED]


def test_a_slow_crash_loop_has_settled_when_nothing_ended_for_four_times_as_long_as_between_two_ends():
    _, known = tell(loop(CRASHES_OF_DAY, every=1000))
    assert seconds_to_settle(known, known.flapping_told / SECOND) == 4000
    assert kinds(tell(loop(1, start=20_000), settle(known))[0]) == [What.STARTED, What.FAILED]


def test_a_short_loop_that_comes_again_and_again_is_told_by_the_day_too():
    known, told = Known(mark="boot"), []
    for number in range(72):
        more, known = tell(loop(CRASHES + 2, start=1000.0 + number * 1200), known)
        told += more
        if seconds_to_settle(known, 1000.0 + (number + 1) * 1200) <= 0:
            known = settle(known)
    assert kinds(told).count(What.FLAPPING) <= 5
    assert len(told) < 40


def test_what_fails_now_and_then_within_weeks_is_told_each_time():
    told, _ = tell(loop(50, every=DAY / (CRASHES_OF_DAY - 1)))
    assert What.FLAPPING not in kinds(told)


def test_a_stop_that_was_asked_for_ends_a_slow_loop_too():
    told, known = tell([*loop(12, every=301), step(What.STOPPED, 5000, by_itself=False, requested=True)])
    assert kinds(told)[-1] is What.STOPPED
    assert kinds(tell(loop(2, start=5100, every=301), known)[0]) == [What.STARTED, What.FAILED] * 2


def test_a_loop_that_goes_on_is_told_again_every_hour():
    told, _ = tell(loop(3 * 3600 // 10 + CRASHES, every=10))
    again = [item for item in told if item.what is What.FLAPPING]
    assert len(again) == 4
    assert again[1].count == 360
    assert again[1].window_seconds == 3600


def test_ends_that_are_no_failures_but_are_followed_by_a_restart_make_a_loop_too():
    def ends(times):
        for number in range(times):
            yield step(What.STARTED, 1000 + number)
            yield step(What.STOPPED, 1000.1 + number, by_itself=False)
            yield replace(step(What.RESTARTING, 1000.1 + number), by_itself=True)

    told, _ = tell(ends(50))
    assert kinds(told) == [What.STARTED, What.STOPPED] * CRASHES + [What.FLAPPING]
    assert told[-1].count == CRASHES


def test_giving_up_is_told_and_ends_the_loop():
    steps = [*loop(5), step(What.GAVE_UP, 1010)]
    told, known = tell(steps)
    assert kinds(told)[-1] is What.GAVE_UP
    assert kinds(tell([step(What.STARTED, 1020)], known)[0]) == [What.STARTED]


def test_a_stop_that_was_asked_for_is_told_and_ends_the_loop():
    told, known = tell([*loop(5), step(What.STOPPED, 1010, by_itself=False, requested=True)])
    assert kinds(told)[-1] is What.STOPPED
    assert known.flapping_told == 0


def restarts(times):
    for number in range(times):
        yield step(What.STOPPED, 1000 + number, by_itself=False, requested=True)
        yield step(What.STARTED, 1000.5 + number)


def test_a_person_may_restart_a_service_more_often_than_it_may_crash():
    assert What.FLAPPING not in kinds(tell(restarts(ENDS - 1))[0])


def test_a_script_that_restarts_it_all_the_time_is_a_loop_too_and_its_own_stops_do_not_end_it():
    told, _ = tell(restarts(200))
    assert kinds(told).count(What.FLAPPING) == 1
    assert kinds(told)[-1] is What.FLAPPING


def test_restarts_that_nobody_saw_count():
    unseen = replace(step(What.STOPPED, 1000), unseen_ends=40)
    told, _ = tell([unseen, step(What.STARTED, 1001)])
    assert [(item.what, item.count) for item in told] == [(What.FLAPPING, 40)]


def test_a_loop_has_settled_when_nothing_ended_for_a_whole_window():
    _, known = tell(loop(5))
    last = 1001.8
    assert seconds_to_settle(known, last) == WINDOW_SECONDS
    assert seconds_to_settle(known, last + WINDOW_SECONDS) <= 0
    assert settle(known).flapping_told == 0


def test_a_clock_that_is_set_back_keeps_no_loop_alive():
    _, known = tell(loop(5, start=1_000_000.0))
    assert seconds_to_settle(known, 1000.0) <= 0
    told, _ = tell(loop(20, start=1000.0), known)
    assert kinds(told).count(What.FLAPPING) == 1


def test_a_reload_is_never_folded():
    _, known = tell(loop(5))
    assert kinds(tell([step(What.RELOADED, 1010)], known)[0]) == [What.RELOADED]
