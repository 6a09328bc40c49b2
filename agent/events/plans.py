"""Planned work: while somebody says that they are at it, what happens carries the tag `planned:NAME`.

Nothing is held back for it. Plans are remembered in the spool, so they survive a restart, and end by themselves. What
package managers and their kin do is planned too, under their own names, while they run.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

import msgspec

from agent.events import clock
from collectors.collector import Memory, recall

OWNER = "plans"
NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
MOST_PLANS = 32
LONGEST_SECONDS = 30 * 86_400.0
LATE_SECONDS = 300.0
"""For so long after its end a plan is still known: what happened in it may become known later."""
_KEY = "plans"


class PlanError(Exception):
    """A plan that cannot be started; its text says why."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Work that somebody announced; times in seconds since the epoch."""

    name: str
    text: str = ""
    since: float
    until: float
    boot_id: str = ""
    boottime_until: float = 0.0
    """When it ends by CLOCK_BOOTTIME of that boot, which nobody sets."""

    @property
    def tag(self) -> str:
        """What events of that time carry."""
        return f"planned:{self.name}"


class Clocks(msgspec.Struct, frozen=True):
    """The clocks that plans end by."""

    wall: Callable[[], float] = time.time
    boottime: Callable[[], float] = clock.boottime
    boot_id: str = msgspec.field(default_factory=clock.read_boot_id)


class Plans:
    """The plans of this host; any thread may ask."""

    def __init__(
        self,
        memory: Memory,
        remember: Callable[[Mapping[str, bytes | None]], object],
        running: Callable[[], Sequence[str]] = tuple,
        clocks: Clocks | None = None,
    ) -> None:
        """Read what is remembered; `running` names the package managers and their kin that are at work now."""
        self._remember = remember
        self._running = running
        self._clocks = clocks or Clocks()
        self._lock = Lock()
        self._plans = tuple(recall(memory.get(_KEY), list[Plan]) or ())

    def start(self, name: str, seconds: float, text: str = "") -> Plan:
        """Begin a plan, or go on with the one of that name, for so many seconds from now.

        Raises `PlanError`, and what the spool raises when it cannot be remembered.
        """
        if not NAME.fullmatch(name):
            raise PlanError("a plan's name is 1 to 64 letters, digits, dots, dashes or underscores")
        if not 0 < seconds <= LONGEST_SECONDS:
            raise PlanError(f"a plan lasts more than nothing and at most {LONGEST_SECONDS / 86_400:.0f} days")
        now, booted = self._clocks.wall(), self._clocks.boottime()
        with self._lock:
            others = [plan for plan in self._recent() if plan.name != name]
            active = {plan.name: plan for plan in self._active()}
            if len(others) >= MOST_PLANS:
                raise PlanError(f"{MOST_PLANS} plans are under way; stop one first")
            plan = Plan(
                name=name,
                text=text,
                since=active[name].since if name in active else now,
                until=now + seconds,
                boot_id=self._clocks.boot_id,
                boottime_until=booted + seconds,
            )
            self._keep((*others, plan))
        return plan

    def stop(self, name: str | None = None) -> int:
        """End one plan, or all; return how many that were."""
        now, booted = self._clocks.wall(), self._clocks.boottime()
        with self._lock:
            ending = {plan.name for plan in self._active() if name in {None, plan.name}}
            if ending:
                end = {"until": now, "boot_id": self._clocks.boot_id, "boottime_until": booted}
                self._keep(
                    tuple(
                        msgspec.structs.replace(plan, **end) if plan.name in ending else plan
                        for plan in self._recent()
                    )
                )
        return len(ending)

    def active(self) -> tuple[Plan, ...]:
        """Return those that are under way and that somebody started."""
        with self._lock:
            return self._active()

    def at(self, moment: float) -> tuple[Plan, ...]:
        """Return what was planned at a moment of the last minutes, or is now and was not yet over then."""
        running = self._running()
        if not running and not self._plans:  # as nearly always
            return ()
        now = self._clocks.wall()
        found = self._announced_at(moment, now)
        if running:
            names = {plan.name for plan in found}
            found += [Plan(name=name, since=now, until=now) for name in running if name not in names]
        return tuple(found)

    def _announced_at(self, moment: float, now: float) -> list[Plan]:
        with self._lock:
            active = self._active()
            return [plan for plan in self._recent() if _covers(plan, moment, now, is_active=plan in active)]

    def _active(self) -> tuple[Plan, ...]:
        return tuple(plan for plan in self._plans if self._left(plan) > 0)

    def _recent(self) -> tuple[Plan, ...]:
        return tuple(plan for plan in self._plans if self._left(plan) > -LATE_SECONDS)

    def _left(self, plan: Plan) -> float:
        if plan.boot_id and plan.boot_id == self._clocks.boot_id:
            return plan.boottime_until - self._clocks.boottime()
        return plan.until - self._clocks.wall()

    def _keep(self, plans: tuple[Plan, ...]) -> None:
        self._remember({_KEY: msgspec.json.encode(plans)})
        self._plans = plans


def _covers(plan: Plan, moment: float, now: float, *, is_active: bool) -> bool:
    """Return whether a moment lies in a plan; events know whole seconds, and a clock that was set knows nothing."""
    begun = plan.since // 1 <= moment
    return (begun or now < plan.since) if is_active else begun and moment <= plan.until
