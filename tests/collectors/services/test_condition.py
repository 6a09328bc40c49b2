"""How services are, as the collector remembers them."""

import msgspec
import pytest

from collectors._services.condition import read_conditions
from collectors._services.transitions import Known
from collectors._services.unit_state import Phase
from collectors.collector import Condition, RunState


class Memory:
    """What is remembered, as values of `Known` by unit."""

    def __init__(self, **known):
        self.kept = {f"unit/{unit}.service": msgspec.json.encode(one) for unit, one in known.items()}
        self.kept |= {"manager": b"{}", "scope": b"[]", "unit/odd.service": b"no JSON"}

    def items(self, prefix=""):
        return ((key, value) for key, value in sorted(self.kept.items()) if key.startswith(prefix))


def of(**changes):
    return Known(mark="boot", **changes)


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (of(phase=Phase.UP), RunState.UP),
        (of(phase=Phase.RESTARTING), RunState.UP),
        (of(phase=Phase.FAILED), RunState.FAILED),
        (of(phase=Phase.DOWN), RunState.DOWN),
        (of(phase=Phase.UP, flapping_told=1), RunState.FLAPPING),
        (of(phase=Phase.FAILED, quiet=True), RunState.FAILED),
    ],
)
def test_each_service_that_is_remembered_has_a_state(known, state):
    assert list(read_conditions(Memory(nginx=known))) == [Condition("nginx.service", state)]


def test_what_comes_and_goes_by_timers_is_told_only_when_it_failed():
    assert list(read_conditions(Memory(daily=of(phase=Phase.DOWN, quiet=True)))) == []
