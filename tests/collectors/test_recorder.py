"""The recorder behaves towards a collector as the agent does, so that tests against it mean something."""

import pytest

from collectors.collector import NotKept, Runtime
from collectors.event import Category, Event


def an_event(title):
    return Event(
        name="custom", event_type="T", category=Category.OTHERS, title=title, text="", timestamp=1_700_000_000
    )


class Echo:
    """Emits one event, remembers it, and waits for the stop."""

    def run(self, runtime: Runtime) -> None:
        count = int(runtime.memory.get("count") or b"0") + 1
        runtime.emit([an_event(f"run {count}")], {"count": b"%d" % count, "gone": None})
        runtime.report("running")
        runtime.stop.wait()


def test_a_memory_handed_on_is_a_restart(record):
    first = record().start(Echo())
    first.wait_for_events(1)
    first.end()
    second = record(first.memory).start(Echo())
    second.wait_for_report("running")
    assert [event.title for event in second.events] == ["run 2"]


def test_a_full_spool_keeps_neither_events_nor_memory(record):
    recorder = record()
    recorder.full = True
    recorder.start(Echo())
    with pytest.raises(NotKept):
        recorder.end()
    assert recorder.events == []
    assert recorder.memory.kept == {}


def test_the_memory_is_walked_in_the_order_of_its_keys_bytes(record):
    memory = record().memory
    memory.apply({"f/b": b"1", "f/a/x": b"2", "f/a.x": b"3", "g": b"4", "f/é": b"5", "f/\U0001f600": b"6"})
    assert [key for key, _ in memory.items("f/")] == ["f/a.x", "f/a/x", "f/b", "f/é", "f/\U0001f600"]
