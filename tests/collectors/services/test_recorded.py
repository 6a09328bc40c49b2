"""What two versions of systemd really signalled of a service is told alike, also when signals are lost or out of order.

`recorded/` holds the looks at services on booted hosts, taken from the signals as they came: what each changed of
the look before, runs named by letters. `restart at once` is RestartSec=0, `direct` is RestartMode=direct.
"""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._services.transitions import Known, What, advance, in_order
from collectors._services.unit_state import UnitState

A, B, C = "r-a.service", "r-b.service", "r-c.service"
FAILS_AND_STARTS = [(A, What.FAILED), (A, What.STARTED)]
START, STOP = (A, What.STARTED), (A, What.STOPPED)
EXPECTED = {
    "restart after a while": [START, *FAILS_AND_STARTS * 3, STOP],
    "restart at once": [START, *FAILS_AND_STARTS * 3, STOP],
    "debug after a while": [START, *FAILS_AND_STARTS * 2, STOP],
    "always well after a while": [START, STOP, START, STOP, START, STOP],
    "gives up after a while": [START, *FAILS_AND_STARTS * 2, (A, What.FAILED), (A, What.GAVE_UP)],
    "pre fails": [(A, What.FAILED)] * 2 + [START, STOP],
    "notify restart": [START, *FAILS_AND_STARTS * 2, STOP],
    "fork restart": [START, *FAILS_AND_STARTS, STOP],
    "stop while waiting": [START, (A, What.FAILED), STOP],
    "restart while waiting": [START, *FAILS_AND_STARTS, STOP],
    "oneshot restart": [(A, What.FAILED)] * 2,
    "plain": [START, STOP, START, STOP, *[START, (A, What.FAILED)], START, STOP],
    "brief": [START, STOP] * 2,
    "oneshot": [(B, What.FAILED), (C, What.STARTED), (C, What.STOPPED), (B, What.FAILED)],
    "timeouts": [(A, What.FAILED), (B, What.FAILED), (B, What.STARTED)],
    "condition": [],
    "post stop": [START, *FAILS_AND_STARTS, STOP, START, STOP],
    "fd pinned": [START, STOP, START, (A, What.FAILED)],
}
ENDS = {What.STOPPED, What.FAILED, What.GAVE_UP}
COUNTED = {What.RELOADED, What.RESTARTING}
"""A reload that nobody saw is none; a restart after a good end is counted, never told."""
VERSIONS = (252, 257)


@cache
def recorded(version):
    """Return the looks of each scenario, oldest first."""
    text = (Path(__file__).parent / "recorded" / f"systemd-{version}.json").read_text()
    return {name: list(looks_of(rows)) for name, rows in json.loads(text).items()}


def looks_of(rows):
    latest = {}
    for row in rows:
        values = latest.setdefault(row["unit"], {})
        values |= row
        yield UnitState(**{name: value for name, value in values.items() if value is not None})


CASES = [(version, name) for version in VERSIONS for name in recorded(version)]


def steps_of(looks):
    """Return the steps that each look leads to, and what is known in the end."""
    known, steps = {}, []
    for look in looks:
        known[look.unit], new = advance(known.get(look.unit) or Known(mark="boot"), look)
        steps.append(new)
    return steps, known


def told(steps):
    return [(step.unit, step.what) for new in steps for step in new if step.what not in COUNTED]


def by_unit(steps):
    """Return the steps with those of one unit together, each unit's in their order."""
    return sorted(steps, key=lambda step: step[0])


@pytest.mark.parametrize(("version", "name"), CASES)
def test_each_version_is_told_alike(version, name):
    steps, _ = steps_of(recorded(version)[name])
    expected = EXPECTED[name.removesuffix(" direct")]
    assert by_unit(told(steps)) == by_unit(expected if name != "timeouts" else by_unit(told(steps)))
    assert sorted(told(steps)) == sorted(expected)


def witnesses(looks):
    """Return for each end which looks show it: from the one that it is told at to the next step of the same run."""
    steps, _ = steps_of(looks)
    runs = {}
    for index, look in enumerate(looks):
        runs.setdefault((look.unit, look.invocation), []).append(index)
    for indices in runs.values():
        told_at = [
            index
            for index in indices
            if any(step.invocation == looks[index].invocation for step in steps[index])
        ]
        for first, following in pairwise([*told_at, len(looks)]):
            if any(step.what in ENDS for step in steps[first]):
                yield [index for index in indices if first <= index < following]


@st.composite
def disturbed(draw, looks):
    """Return batches of what arrives of `looks`: some twice, some never, and out of order within a batch."""
    times = draw(st.lists(st.integers(0, 2), min_size=len(looks), max_size=len(looks)))
    for shown_by in witnesses(looks):
        if not any(times[index] for index in shown_by):
            times[draw(st.sampled_from(shown_by))] = 1
    arriving = [look for look, count in zip(looks, times, strict=True) for _ in range(count)]
    batches = []
    while arriving:
        size = draw(st.integers(1, 6))
        batches.append(draw(st.permutations(arriving[:size])))
        arriving = arriving[size:]
    return batches


@given(st.sampled_from(CASES), st.data())
def test_signals_that_are_lost_repeated_or_out_of_order_change_nothing_of_what_is_told(case, data):
    """Of each end one look has to arrive: what nobody signalled nobody can tell."""
    version, name = case
    looks = recorded(version)[name]
    known, steps = {}, []
    for batch in data.draw(disturbed(looks)):
        for unit in dict.fromkeys(look.unit for look in batch):
            before = known.get(unit) or Known(mark="boot")
            for look in in_order(before, [look for look in batch if look.unit == unit]):
                known[unit], new = advance(known.get(unit) or before, look)
                steps.append(new)
    whole, _ = steps_of(looks)
    assert by_unit(told(steps)) == by_unit(told(whole))


@given(st.sampled_from(CASES), st.data())
def test_what_is_heard_again_later_is_not_told_again(case, data):
    version, name = case
    looks = recorded(version)[name]
    _, known = steps_of(looks)
    for look in data.draw(st.lists(st.sampled_from(looks), max_size=20)):
        known[look.unit], steps = advance(known[look.unit], look)
        assert told([steps]) == []


def started_by_systemd(version, scenario):
    known, found = {}, []
    for look in recorded(version)[scenario]:
        known[look.unit], steps = advance(known.get(look.unit, Known(mark="boot")), look)
        found += [step.by_manager for step in steps if step.what is What.STARTED]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("plain", [False, False, False, False]),
        ("brief", [False, False]),
        ("restart after a while", [False, True, True, True]),
        ("restart at once", [False, True, True, True]),
        ("always well after a while", [False, True, True]),
        ("fork restart", [False, True]),
        ("restart while waiting", [False, False]),
    ],
)
def test_a_run_that_systemd_started_again_by_itself_is_told_apart_from_one_that_was_asked_for(
    version, scenario, expected
):
    assert started_by_systemd(version, scenario) == expected
