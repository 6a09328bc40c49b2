"""Whether anything runs of each watched kind of process, as the collector remembers it."""

import msgspec

from collectors._processes.condition import read_conditions
from collectors._processes.match import Known, Wanted
from collectors._processes.transitions import State, encode
from collectors.collector import Condition, RunState


class Memory:
    """What is remembered of a state."""

    def __init__(self, known=(), expected=(), labels=()):
        self.kept = encode(
            State(
                {one.key: one for one in known},
                {one.label: one for one in expected},
                frozenset(Wanted(label=label, name="x").signature for label in labels),
            )
        )

    def get(self, key):
        return self.kept.get(key)

    def items(self, prefix=""):
        return ((key, value) for key, value in sorted(self.kept.items()) if key.startswith(prefix))


def process(label, pid=1):
    return Known(mark="boot", label=label, pid=pid, ticks=7, created=1.0)


def test_a_kind_is_up_while_any_process_of_it_runs_and_down_when_none_does():
    memory = Memory(known=[process("pool", 1), process("pool", 2)], labels=["pool", "worker"])
    assert list(read_conditions(memory)) == [
        Condition("pool", RunState.UP),
        Condition("worker", RunState.DOWN),
    ]


def test_what_is_expected_back_after_a_boot_is_not_down_yet():
    assert list(read_conditions(Memory(expected=[process("pool")], labels=["pool"]))) == [
        Condition("pool", RunState.UP)
    ]


def test_before_the_first_look_and_of_what_makes_no_sense_nothing_is_said():
    memory = Memory()
    assert list(read_conditions(memory)) == []
    memory.kept = {"scope": msgspec.json.encode({"no": "list"}), "process/1:1": b"no JSON"}
    assert list(read_conditions(memory)) == []
