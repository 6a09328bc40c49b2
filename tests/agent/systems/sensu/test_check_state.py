"""The state of a check is exactly what a Sensu Core server makes of the same results."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.systems.sensu.check_state import CheckState, take, total_state_change

SAMPLES = {
    "after one warning": ([0, *[3] * 6, *[0] * 13, 1], 14, 1),
    "after five": ([3, 3, 3, *[0] * 13, *[1] * 5], 9, 5),
    "after eleven": ([*[0] * 10, *[1] * 11], 5, 11),
}
"""The three samples of Sensu's documentation: a history, its change in per cent, and its occurrences."""


def after(statuses, state=None, **more):
    """Return the outcome of the last of these results."""
    state = state or CheckState()
    for number, status in enumerate(statuses):
        outcome = take(
            state, {"name": "c", "output": "", "status": status, **more}, now=number, new_id=f"id-{number}"
        )
        state = outcome.state
    return outcome


@pytest.mark.parametrize(("history", "change", "occurrences"), SAMPLES.values(), ids=SAMPLES)
def test_the_samples_of_the_documentation_come_out_as_they_are_there(history, change, occurrences):
    outcome = after(history)
    assert outcome.state.history == tuple(history)
    assert total_state_change(outcome.state.history) == change
    assert outcome.event.occurrences == occurrences


def test_with_fewer_than_21_results_nothing_is_said_of_changes():
    assert total_state_change([0, 1] * 10) == 0


def test_a_well_check_makes_no_event():
    outcome = after([0, 0])
    assert (outcome.event, outcome.is_transition) == (None, False)


def test_it_is_told_when_it_opens_changes_and_ends_and_not_in_between():
    told = []
    state = CheckState()
    for status in (0, 1, 1, 1, 2, 2, 0, 0):
        outcome = take(state, {"name": "c", "output": "", "status": status}, now=0, new_id="i")
        state = outcome.state
        told.append(outcome.event.action if outcome.is_transition else "")
    assert told == ["", "create", "", "", "create", "", "resolve", ""]


def test_the_event_keeps_its_id_until_it_is_resolved():
    assert after([1, 2, 2]).event.id == "id-0"
    assert after([1, 0, 2]).event.id == "id-2"


def test_what_is_resolved_says_how_often_it_had_come():
    outcome = after([0, 2, 2, 2, 0])
    assert (outcome.event.action, outcome.event.occurrences, outcome.state.event) == ("resolve", 3, None)


def test_a_check_that_does_not_resolve_itself_stays_as_it_was_until_somebody_resolves_it():
    state = after([2, 2, 0, 0], auto_resolve=False).state
    assert (state.event.action, state.event.occurrences, state.of_event["status"]) == ("create", 2, 2)
    assert state.history == (2, 2, 0, 0)
    assert state.history_of_event == (2, 2)
    outcome = take(
        state,
        {"name": "c", "output": "", "status": 0, "auto_resolve": False},
        now=9,
        new_id="",
        force_resolve=True,
    )
    assert (outcome.event.action, outcome.state.event, outcome.is_transition) == ("resolve", None, True)


FLAPS = {"low_flap_threshold": 5, "high_flap_threshold": 20}


def test_between_the_thresholds_it_flaps_and_status_0_resolves_nothing():
    flapping = after([0, 2] * 11, **FLAPS)
    assert flapping.event.action == "flapping"
    well = after([0], flapping.state, **FLAPS)
    assert (well.event.action, well.state.event.id, well.is_transition) == (
        "flapping",
        flapping.event.id,
        False,
    )


def test_it_flaps_until_the_lower_threshold_is_reached_and_then_it_is_resolved():
    state = after([0, 2] * 11, **FLAPS).state
    actions = []
    for _ in range(21):
        outcome = after([0], state, **FLAPS)
        state = outcome.state
        if outcome.event is None:
            break
        actions.append((outcome.event.action, total_state_change(state.history) > 5))
    assert actions[-1] == ("resolve", False)
    assert set(actions[:-1]) == {("flapping", True)}


def test_one_threshold_alone_makes_nothing_flap():
    assert after([0, 2] * 11, high_flap_threshold=1).event.action == "create"


class Literal:
    """The rules of Sensu's server, written down one by one."""

    def __init__(self):
        self.history, self.event = [], None

    def result(self, status, low, high, auto_resolve):
        before = self.history[-1] if self.history else None
        self.history = [*self.history, status][-21:]
        change = 0
        if len(self.history) == 21:
            total = 0.0
            for i in range(1, 21):
                if self.history[i] != self.history[i - 1]:
                    total += 0.8 + 0.02 * i
            change = int(round(total / 20 * 100, 6))
        flaps = (
            low is not None
            and high is not None
            and (change > low if self.event and self.event["action"] == "flapping" else change >= high)
        )
        occurrences = self.event["occurrences"] if self.event else 0
        if status != 0:
            occurrences = occurrences + 1 if status == before else 1
        occurrences = max(occurrences, 1)
        if flaps or status != 0:
            self.event = {"action": "flapping" if flaps else "create", "occurrences": occurrences}
        elif self.event and auto_resolve is not False:
            self.event = None
        return change


results = st.tuples(
    st.sampled_from([0, 0, 1, 2, 3]),
    st.sampled_from([(None, None), (5, 20), (10, 30), (5, None)]),
    st.sampled_from([None, True, False]),
)


@given(st.lists(results, max_size=60))
def test_whatever_comes_the_state_is_what_the_rules_say_word_by_word(sequence):
    literal, state = Literal(), CheckState()
    for status, (low, high), auto in sequence:
        change = literal.result(status, low, high, auto)
        result = {"name": "c", "output": "", "status": status}
        result |= {"low_flap_threshold": low} if low is not None else {}
        result |= {"high_flap_threshold": high} if high is not None else {}
        result |= {"auto_resolve": auto} if auto is not None else {}
        state = take(state, result, now=1, new_id="i").state
        state = msgspec.json.decode(msgspec.json.encode(state), type=CheckState)
        event = state.event and {"action": state.event.action, "occurrences": state.event.occurrences}
        assert (event, list(state.history)) == (literal.event, literal.history)
        assert total_state_change(state.history) == change
