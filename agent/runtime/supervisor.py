"""Keeps the collectors running: each on a thread of its own, none able to take another one down.

A run that fails is started again, later each time it fails soon. A thread cannot be killed, so every
run has a right to emit that is taken away when it is replaced: what a stuck or leaked thread
emits afterwards is refused with `Retired`, and the collector's memory has one writer.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Lock, Thread
from typing import Any, Literal, NoReturn

import msgspec

from agent.runtime.stop_signal import StopSignal
from collectors._later import without_stand_ins
from collectors._origin.actor import NoWitnesses, Witnesses
from collectors._portable import escaped
from collectors._regular import IsOwn
from collectors.collector import (
    NO_TEXTS,
    Absence,
    Collector,
    Memory,
    MemoryLost,
    NoStamp,
    NotApplicable,
    NotKept,
    Registration,
    Remember,
    Retired,
    Runtime,
    Scoped,
    Stamp,
    Texts,
)
from collectors.event import Event
from spool import SpoolError

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 300.0
STOP_SECONDS = 6.0
"""How long a run may take to return: a second, and five to tell a shutdown."""

Entries = tuple[Scoped[Any], ...]
Phase = Literal["starting", "running", "not applicable", "restarting", "stopped"]


class State(msgspec.Struct, frozen=True):
    """What `status` shows of one collector."""

    phase: Phase
    detail: str = ""
    restarts: int = 0


class Timeouts(msgspec.Struct, frozen=True):
    """How long to wait, in seconds: after the first failure, and for a run to return."""

    first_wait_seconds: float = FIRST_WAIT_SECONDS
    stop_seconds: float = STOP_SECONDS


class CollectorServices(msgspec.Struct, frozen=True):
    """What the supervisor passes on to every run."""

    memory: Callable[[str], Memory]
    keep: Callable[[Sequence[Event], str, Remember, Texts], object]
    flush: Callable[[float], None]
    leave_out: frozenset[tuple[int, int]] = frozenset()
    is_own: IsOwn = lambda *_: False
    witnesses: Witnesses = NoWitnesses("nobody looks")
    stamp: Callable[[str], Stamp] = lambda _: NoStamp()
    absence: Callable[[str], Absence] = lambda _: Absence()
    changed: Callable[[], object] = bool
    """Called, in any thread, when a collector begins or ends to be in a state."""


_PATIENCE = Timeouts()


class Supervisor:
    """Starts, restarts and stops collectors; its methods are for one thread, `states` for any."""

    def __init__(
        self, registry: Mapping[str, Registration], lent: CollectorServices, patience: Timeouts = _PATIENCE
    ) -> None:
        self._registry = registry
        self._lent = lent
        self._patience = patience
        self._watched: dict[str, _SupervisedCollector] = {}
        self._owed: dict[str, State] = {}

    def reconfigure(self, collectors: Mapping[str, Entries]) -> None:
        """Run exactly these; one whose entries are as before goes on undisturbed."""
        replaced = [
            name for name, watched in self._watched.items() if collectors.get(name) != watched.entries
        ]
        self._end([self._watched.pop(name) for name in replaced])
        self._owed = {name: owed for name, owed in self._owed.items() if name in collectors}
        for name, entries in collectors.items():
            if name not in self._watched:
                self._start(name, entries)

    @property
    def is_owing(self) -> bool:
        """Return whether a collector could not be started: `reconfigure` tries again."""
        return bool(self._owed)

    def _start(self, name: str, entries: Entries) -> None:
        """Start one; where no thread or no descriptor is to be had, none is hindered by it."""
        try:
            watched = _SupervisedCollector(
                name, entries, self._registry[name].create, self._lent, self._patience
            )
            watched.start()
        except (OSError, RuntimeError, MemoryError) as error:
            log.error("collector %s cannot be started yet: %s", name, error)  # noqa: TRY400 - it is tried again
            restarts = self._owed[name].restarts + 1 if name in self._owed else 0
            self._owed[name] = State("restarting", f"it cannot be started yet: {error}", restarts)
        else:
            self._watched[name] = watched
            self._owed.pop(name, None)

    def stop(self) -> None:
        """End them all; one that does not return in time is abandoned, and what it emits later is refused."""
        self._end(list(self._watched.values()))

    def states(self) -> dict[str, State]:
        """Return what each is at."""
        watched = {name: watched.state for name, watched in [*self._watched.items()]}
        return dict(sorted((self._owed | watched).items()))

    def is_alive(self) -> bool:
        """Return whether no collector's thread has vanished without saying so."""
        return all(watched.is_accounted_for() for watched in self._watched.values())

    def _end(self, ending: Sequence["_SupervisedCollector"]) -> None:
        for watched in ending:
            watched.stop.set()
        deadline = time.monotonic() + self._patience.stop_seconds
        for watched in ending:
            watched.join(max(0.0, deadline - time.monotonic()))


class _SupervisedCollector:
    """One collector, its thread, and the run that may emit."""

    def __init__(
        self,
        name: str,
        entries: Entries,
        create: Callable[[Sequence[Scoped[Any]]], Collector],
        lent: CollectorServices,
        patience: Timeouts,
    ) -> None:
        self.name = name
        self.entries = entries
        self.stop = StopSignal()
        self.state = State("starting")
        self._create = create
        self._lent = lent
        self._first_wait_seconds = patience.first_wait_seconds
        self._generation = 0
        self._emitting = Lock()
        self._thread = Thread(target=self._run, name=f"collector-{name}", daemon=True)

    def start(self) -> None:
        try:
            self._thread.start()
        except BaseException:
            self.stop.close()
            raise

    def join(self, timeout_seconds: float) -> None:
        """Wait for the thread, then take the right to emit away whether it ended or not."""
        self._thread.join(timeout_seconds)
        if self._thread.is_alive():
            log.warning("collector %s did not stop in time; it is abandoned", self.name)
        with self._emitting:
            self._generation += 1
        if not self._thread.is_alive():
            self.stop.close()

    def is_accounted_for(self) -> bool:
        return self._thread.is_alive() or self.state.phase in ("not applicable", "stopped")

    def _run(self) -> None:
        failures = 0
        while not self.stop.is_set():
            started = time.monotonic()
            reason = self._run_once()
            if reason is None:
                break
            if time.monotonic() - started > LONGEST_WAIT_SECONDS:
                failures = 0
            wait_seconds = restart_wait(failures, self._first_wait_seconds)
            failures += 1
            self._set("restarting", f"{reason}; again in {wait_seconds:.0f} s", restarts=1)
            self.stop.wait(wait_seconds)
        if self.state.phase != "not applicable":
            self._set("stopped")

    def _run_once(self) -> str | None:
        """Run to the end; return why it has to be started again, or None when it has not."""
        with self._emitting:
            self._generation += 1
            generation = self._generation
        self._set("running")
        try:
            with without_stand_ins():
                collector = self._create([*self.entries])  # which loads it
            collector.run(self._runtime(generation))
        except NotApplicable as reason:
            log.info("collector %s: not applicable here: %s", self.name, reason)
            self._set("not applicable", str(reason))
            return None
        except Retired:
            return None
        except (NotKept, MemoryLost) as reason:
            return str(reason)
        except Exception as error:
            if self.stop.is_set():
                log.warning("collector %s failed while it ended: %s", self.name, error)
                return None
            log.exception("collector %s failed", self.name)
            return f"{type(error).__name__}: {error}"
        return None if self.stop.is_set() else "it returned without being asked to"

    def _runtime(self, generation: int) -> Runtime:
        def emit(events: Sequence[Event], remember: Remember, texts: Texts = NO_TEXTS, /) -> None:
            with self._right_to_write(generation):
                self._lent.keep(events, self.name, remember, texts)

        def report(detail: str) -> None:
            if generation == self._generation:
                self._set("running", detail)

        return Runtime(
            memory=self._lent.memory(self.name),
            emit=emit,
            stop=self.stop,
            report=report,
            flush=self._lent.flush,
            leave_out=self._lent.leave_out,
            is_own=self._lent.is_own,
            witnesses=self._lent.witnesses,
            absence=self._lent.absence(self.name),
            stamp=_RunStamp(self._lent.stamp(self.name), lambda: self._right_to_write(generation)),
        )

    @contextmanager
    def _right_to_write(self, generation: int) -> Iterator[None]:
        """Hold the right to write for the run of this generation; raise `Retired` where it is another's."""
        with self._emitting:
            if generation != self._generation:
                raise Retired(f"this run of {self.name} was replaced")
            try:
                yield
            except SpoolError as error:
                raise NotKept(str(error)) from error

    def _set(self, phase: Phase, detail: str = "", restarts: int = 0) -> None:
        is_new = phase != self.state.phase
        self.state = State(phase, escaped(detail), self.state.restarts + restarts)
        if is_new:
            self._lent.changed()


class _RunStamp:
    """What one run stamps, for as long as it may write."""

    def __init__(self, stamp: Stamp, right_to_write: Callable[[], AbstractContextManager[None]]) -> None:
        self._stamp = stamp
        self._right_to_write = right_to_write
        self.read = stamp.read

    def write(self, value: bytes, /) -> None:
        with self._right_to_write():
            self._stamp.write(value)


def begin_anew() -> NoReturn:
    """Have a run end that went by a memory which turned out to be damaged; the next one finds none."""
    raise MemoryLost("what it remembered is damaged")


def restart_wait(
    failures: int,
    first_wait_seconds: float = FIRST_WAIT_SECONDS,
    jitter: Callable[[], float] = random.random,
) -> float:
    """Return how long to wait after the n-th failure in a row: doubling, capped, half of it random."""
    longest = min(LONGEST_WAIT_SECONDS, first_wait_seconds * 2.0 ** min(failures, 32))
    return longest * (0.5 + jitter() / 2)
