"""What a collector is lent, made of plain lists: it remembers and keeps as the agent does, in memory."""

import os
import tempfile
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from collectors.collector import Collector, NotKept, Retired, Runtime
from collectors.event import Event

PATIENCE_SECONDS = 120
"""How long a condition may take to come true on a crowded machine; nothing waits this long when it does."""


@pytest.fixture
def open_path():
    """Make a directory into which everybody may look, as into /etc; another run of pytest closes those below its own."""
    with tempfile.TemporaryDirectory(prefix="open-") as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path


class RecorderStop:
    """The request to end, as the agent makes it: set once, waited for, and polled."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._read, self._write = os.pipe()

    def set(self) -> None:
        if not self._event.is_set():
            self._event.set()
            os.write(self._write, b"!")

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        return self._event.wait(timeout_seconds)

    def fileno(self) -> int:
        return self._read

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


class RecorderMemory:
    """A memory in a dict; hand the same one to the next `Recorder` and it is a restart."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.texts: dict[str, bytes] = {}
        self.stamped: bytes | None = None
        self.room_bytes = 1 << 30

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def text(self, key: str) -> bytes | None:
        return self.texts.get(key)

    def has_room(self, more_bytes: int) -> bool:
        return sum(len(key) + len(value) for key, value in self.kept.items()) + more_bytes <= self.room_bytes

    def items(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        """Walk in the order of the keys' UTF-8, as the spool does; changes on the way are allowed."""
        keys = sorted(self.kept, key=str.encode)
        for key in keys[bisect_left(keys, prefix.encode(), key=str.encode) :]:
            if not key.startswith(prefix):
                return
            if key in self.kept:
                yield key, self.kept[key]

    def apply(self, remember: Mapping[str, bytes | None], texts: Mapping[str, bytes | None] = {}) -> None:
        gone = {key: None for key, value in remember.items() if value is None}
        for changes, kept in ((remember, self.kept), (gone | texts, self.texts)):
            for key, value in changes.items():
                key.encode()  # the spool stores text: half a surrogate pair is refused there as here
                if value is None:
                    kept.pop(key, None)
                else:
                    kept[key] = bytes(value)


class RecorderStamp:
    """A stamp beside that memory; `fails` is how a directory is that nothing can be written to."""

    def __init__(self, memory: RecorderMemory) -> None:
        self._memory = memory
        self.fails = False
        self.count = 0

    def read(self) -> bytes | None:
        return self._memory.stamped

    def write(self, value: bytes, /) -> None:
        if self.fails:
            raise NotKept("there is no place for it")
        self._memory.stamped = value
        self.count += 1


class Recorder:
    """One run's worth of agent: `runtime` to lend, `events` that were kept, `reports` that were told.

    Set `full` and emits are refused as by a full spool; set `retired` and they are refused for good.
    """

    def __init__(self, memory: RecorderMemory | None = None, **lent) -> None:
        self.memory = memory if memory is not None else RecorderMemory()
        self.events: list[Event] = []
        self.emits: list[tuple[tuple[Event, ...], dict[str, bytes | None]]] = []
        self.reports: list[str] = []
        self.flushes: list[float] = []
        self.full = False
        self.retired = False
        self.error: BaseException | None = None
        self.stop = RecorderStop()
        self.stamp = RecorderStamp(self.memory)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_running = False
        self.runtime = Runtime(
            memory=self.memory,
            emit=self._emit,
            stop=self.stop,
            report=self._report,
            flush=self.flushes.append,
            **{"stamp": self.stamp} | lent,
        )

    def _emit(
        self,
        events: Sequence[Event],
        remember: Mapping[str, bytes | None],
        texts: Mapping[str, bytes | None] = {},
        /,
    ) -> None:
        with self._changed:
            if self.retired:
                raise Retired("replaced by a newer run")
            if self.full:
                raise NotKept("the spool is full")
            self.memory.apply(remember, texts)
            self.events.extend(events)
            self.emits.append((tuple(events), dict(remember)))
            self._changed.notify_all()

    def _report(self, text: str) -> None:
        with self._changed:
            self.reports.append(text)
            self._changed.notify_all()

    def start(self, collector: Collector) -> "Recorder":
        """Run the collector in a thread, as the supervisor does; what it raises is kept in `error`."""

        def run() -> None:
            try:
                collector.run(self.runtime)
            except BaseException as error:  # noqa: BLE001 - raised again by `end`, in the test's own thread
                self.error = error
            finally:
                with self._changed:
                    self._is_running = False
                    self._changed.notify_all()

        self._is_running = True

        self._thread = threading.Thread(target=run, name="collector")
        self._thread.start()
        return self

    def wait_for(self, condition: Callable[[], bool], what: str = "the condition") -> None:
        """Block until `condition` is true; it is asked whenever something was emitted or reported."""
        with self._changed:
            came = self._changed.wait_for(lambda: condition() or not self._is_running, PATIENCE_SECONDS)
        if not came or not condition():
            told = "".join(f"\n  {event.event_type} {dict(event.data)}" for event in self.events)
            raise AssertionError(f"{what} did not come true; error: {self.error!r}; events:{told or ' none'}")

    def wait_for_events(self, count: int) -> list[Event]:
        """Return the events once there are `count` of them."""
        self.wait_for(lambda: len(self.events) >= count, f"{count} events")
        return self.events

    def wait_for_report(self, text: str) -> None:
        """Block until `status` was told something that contains `text`."""
        self.wait_for(lambda: any(text in report for report in self.reports), f"a report of {text!r}")

    def wait_for_end(self) -> None:
        """Block until the collector has returned by itself."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self._is_running, PATIENCE_SECONDS), (
                "it goes on running"
            )

    def end(self) -> None:
        """Ask the collector to end, wait for it, and raise what it raised."""
        self.stop.set()
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)
            assert not self._thread.is_alive(), "the collector did not end"
        self.stop.close()
        if self.error is not None:
            raise self.error


@contextmanager
def recorders() -> Iterator[Callable[..., Recorder]]:
    """Make recorders, one a run: `record()`, `record(memory)`; those left running are ended.

    It fails when a collector leaves a thread behind.
    """
    before = set(threading.enumerate())
    made: list[Recorder] = []

    def make(memory: RecorderMemory | None = None, **options) -> Recorder:
        made.append(Recorder(memory, **options))
        return made[-1]

    yield make
    for recorder in made:
        if not recorder.stop.is_set():
            recorder.end()
    left = [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def record() -> Iterator[Callable[..., Recorder]]:
    """Lend `recorders` to one test."""
    with recorders() as make:
        yield make


@pytest.fixture(scope="session")
def make_recorders() -> Callable[[], AbstractContextManager[Callable[..., Recorder]]]:
    """Lend `recorders` to a test that has many examples."""
    return recorders
