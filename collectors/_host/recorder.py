"""The collector's memory as it goes: every step keeps its events and the new mark in one emit."""

import time
from collections.abc import Callable, Sequence
from typing import Self

import msgspec

from collectors._host import boot_history, events
from collectors._host.accounting import Place
from collectors._host.boot import Boot
from collectors._host.clock import Instant
from collectors._host.heartbeat import Heartbeat, State, encode, last_seen, stamp_of
from collectors._host.previous_shutdown import Ended
from collectors._host.shutdown_state import KIND_UNKNOWN, NOBODY_TO_ASK, NOT_GOING_DOWN
from collectors.collector import NotKept, Runtime
from collectors.event import Event

KEY = "mark"
HEARTBEAT_SECONDS = 300.0
"""How exactly the time of a crash is known, and how often the disk is woken for it: 288 syncs a day, not 1 440."""
MOST_STAMPS = 11
"""So many heartbeats are stamped beside the mark, then one is remembered: a stamp that cannot be read costs an hour."""


class Sources(msgspec.Struct, frozen=True):
    """Where the diary looks."""

    read_instant: Callable[[], Instant]
    read_place: Callable[[], Place | None]
    read_ended: Callable[[Heartbeat], Ended]
    started_with_boot: Callable[[Boot, Instant], bool]
    heartbeat_seconds: float = HEARTBEAT_SECONDS


class Recorder:
    """What was seen of this boot; made by `begin`, which tells how the one before ended."""

    def __init__(self, runtime: Runtime, sources: Sources, mark: Heartbeat) -> None:
        self._runtime = runtime
        self._sources = sources
        self._mark = mark
        self._remembered = encode(mark)
        self._stamps = 0
        self._next_beat = time.monotonic() + sources.heartbeat_seconds

    @classmethod
    def begin(cls, runtime: Runtime, boot: Boot, sources: Sources) -> Self:
        """Tell what became of the host since the last mark, and write the first of this run.

        A spool that takes nothing raises `NotKept`: memory stays as it was, and the next run compares again.
        """
        before = last_seen(runtime.memory.get(KEY), runtime.stamp.read())
        now = sources.read_instant()
        is_another = boot_history.is_another_boot(before, boot, now)
        ended = sources.read_ended(before) if before is not None and is_another else None
        shutdowns = before.shutdowns if before is not None and not is_another else 0
        mark = Heartbeat(boot=boot, at=now, shutdowns=shutdowns, accounting=sources.read_place())
        with_boot = before is None and sources.started_with_boot(boot, now)
        told = boot_history.begin(before, boot, now, ended, started_with_boot=with_boot)
        runtime.emit(told, {KEY: encode(mark)})
        return cls(runtime, sources, mark)

    @property
    def state(self) -> State:
        """What was written last."""
        return self._mark.state

    def seconds_until_beat(self) -> float:
        """Return how long there is nothing to write."""
        return max(0.0, self._next_beat - time.monotonic())

    def beat_when_due(self) -> None:
        """Write the heartbeat when its time has come."""
        if self.seconds_until_beat() <= 0:
            self.beat()
            self._next_beat = time.monotonic() + self._sources.heartbeat_seconds

    def beat(self) -> None:
        """Write that the host lives, and a sleep that nobody announced."""
        now = self._sources.read_instant()
        awake_since_told = self.state == "suspended" and not boot_history.slept_since(self._mark, now)
        if self.state == "down" or awake_since_told:
            return  # on its way: the mark stands at what was told
        told = boot_history.wake(self._mark, now, noticed_by="clocks")
        is_as_before = self.state == "running" and not told
        if is_as_before and self._stamps < MOST_STAMPS and self._stamp(now):
            return
        is_kept = self._keep(told, "announced" if self.state == "announced" else "running", now)
        if is_as_before and not is_kept:
            self._stamp(now)

    def sleep_begins(self) -> None:
        """Tell that the host is about to sleep, unless it has slept already before we came to it."""
        now = self._sources.read_instant()
        if not boot_history.slept_since(self._mark, now):
            self._keep([events.suspended(self._mark.boot, int(now.wall))], "suspended", now)

    def sleep_ends(self) -> None:
        """Tell that the host woke up, unless that is told."""
        now = self._sources.read_instant()
        self._keep(boot_history.wake(self._mark, now, noticed_by="logind"), "running", now)

    def shutdown_announced(self) -> None:
        """Write that the host is going down before anybody knows how."""
        if self.state != "down":
            self._keep([], "announced", self._sources.read_instant())

    def shutdown_cancelled(self) -> None:
        """Write that the host stays."""
        self._keep([], "running", self._sources.read_instant())

    def shutdown(self, kind: str) -> None:
        """Tell how the host goes down, once."""
        if self.state == "down":
            return
        now = self._sources.read_instant()
        self._keep([events.shut_down(self._mark, int(now.wall), kind)], "down", now, kind)

    def end(self, kind: str) -> None:
        """Write how this run ends: with the host (its kind), alone, or nobody knows."""
        if self.state == "announced" or kind not in {NOT_GOING_DOWN, NOBODY_TO_ASK}:
            self.shutdown(KIND_UNKNOWN if kind in {NOT_GOING_DOWN, NOBODY_TO_ASK} else kind)
        elif self.state != "down":
            state: State = "stopped" if kind == NOT_GOING_DOWN else "ended"
            self._keep([], state, self._sources.read_instant())

    def _stamp(self, now: Instant) -> bool:
        """Write the time alone, beside the mark; return whether that was enough."""
        place = self._sources.read_place()
        try:
            self._runtime.stamp.write(stamp_of(self._remembered, now, place))
        except NotKept:
            return False
        self._stamps += 1
        self._mark = msgspec.structs.replace(self._mark, at=now, accounting=place)
        return True

    def _keep(self, told: Sequence[Event], state: State, now: Instant, kind: str = "") -> bool:
        """Tell and remember together; return whether that was kept. What was not is told at the next beat, or in the next boot."""
        mark = msgspec.structs.replace(
            self._mark,
            at=now,
            state=state,
            kind=kind,
            shutdowns=self._mark.shutdowns + (state == "down"),
            accounting=self._sources.read_place(),
        )
        remembered = encode(mark)
        try:
            self._runtime.emit(told, {KEY: remembered})
        except NotKept:
            return False
        self._mark, self._remembered, self._stamps = mark, remembered, 0
        return True
