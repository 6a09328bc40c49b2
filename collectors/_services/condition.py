"""How each service is, read from what the collector remembers: for those who tell it, not for the collector."""

from collections.abc import Iterator

from collectors._services.transitions import Known
from collectors._services.unit_memory import UNIT
from collectors._services.unit_state import Phase
from collectors.collector import Condition, Memory, RunState, recall

_CONDITIONS = {
    Phase.UP: RunState.UP,
    Phase.COMING: RunState.UP,
    Phase.LEAVING: RunState.UP,
    Phase.RESTARTING: RunState.UP,
    Phase.FAILED: RunState.FAILED,
    Phase.DOWN: RunState.DOWN,
}


def read_conditions(memory: Memory) -> Iterator[Condition]:
    """Yield how each service is that is remembered; of those that come and go by timers only the failed ones."""
    for key, value in memory.items(UNIT):
        known = recall(value, Known)
        if known is None:
            continue
        state = RunState.FLAPPING if known.flapping_told else _CONDITIONS[known.phase]
        if not known.quiet or state in (RunState.FAILED, RunState.FLAPPING):
            yield Condition(key.removeprefix(UNIT), state)
