"""Whether anything runs of each kind of process, read from what the collector remembers: for those who tell it."""

from collections.abc import Iterator

from collectors._processes.match import Known, label_of
from collectors._processes.transitions import EXPECTED, PROCESS, SCOPE
from collectors.collector import Condition, Memory, RunState, recall


def read_conditions(memory: Memory) -> Iterator[Condition]:
    """Yield each entry's label: up while any process of it runs, or is expected back after a boot."""
    there = {item.label for item in _items(memory)}
    scope = recall(memory.get(SCOPE), list[str]) or []
    for label in sorted({label_of(signature) for signature in scope}):
        yield Condition(label, RunState.UP if label in there else RunState.DOWN)


def _items(memory: Memory) -> Iterator[Known]:
    for prefix in (PROCESS, EXPECTED):
        for _, value in memory.items(prefix):
            item = recall(value, Known)
            if item is not None:
                yield item
