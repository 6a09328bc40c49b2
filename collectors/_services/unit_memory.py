"""What is known of every service, as committed and as it would be after the news at hand.

News change the pending part only. `commit` emits the events with the new memory and makes both one;
`forgo` drops the pending part, so that the next compare finds the same differences again.
"""

import time
from collections.abc import Callable, Collection, Container, Iterator, Sequence
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from collectors._origin.decide import Origin
from collectors._services.doubts import doubts
from collectors._services.events import tell
from collectors._services.flapping import fold
from collectors._services.manager_events import Kind
from collectors._services.scope import Scope
from collectors._services.transitions import Known, Step, What, carry_over
from collectors._services.unit_state import Phase
from collectors._troubles import Subject, Troubles
from collectors.collector import Emit, Memory, recall
from collectors.event import Event

UNIT = "unit/"
"""What the keys of units begin with in the memory."""
_SCOPE = "scope"
_MANAGER = "manager"
_UNITS = Subject(
    "unit",
    "What becomes of {} cannot be told",
    "What systemd says of {} makes no sense: {}. Every other service is watched as before.",
    "cannot read",
)
_TOLD_OF_QUIET = {What.FAILED, What.GAVE_UP, What.NOT_STARTED, What.FLAPPING}


class _ManagerMemory(msgspec.Struct, frozen=True):
    """Which run of the manager was watched last, and whether the first sight of this host goes on."""

    mark: str
    learning: bool


class UnitMemory:
    """The memory of one run of the collector."""

    def __init__(self, memory: Memory, scope: Scope, *, user_manager: bool = False) -> None:
        self._scope = scope
        self._user_manager = user_manager
        self.troubles = Troubles(memory, _UNITS)
        self._known = {
            key.removeprefix(UNIT): known
            for key, value in memory.items(UNIT)
            if (known := recall(value, Known)) is not None
        }
        self._manager = recall(memory.get(_MANAGER), _ManagerMemory)
        self._former_patterns = memory.get(_SCOPE)
        self._former_scope = Scope.decode(self._former_patterns) if self._former_patterns else None
        self._mark = ""
        self._is_learning = False
        self.boot_finished_monotonic = 0
        """When the boot was over, in microseconds of CLOCK_MONOTONIC; 0 while it goes on: what starts until then is the first sight."""
        self._has_compared = False
        self._pending: dict[str, Known] = {}
        self._steps: list[Step] = []
        self._worth_keeping: set[str] = set()
        self._unloaded: set[str] = set()
        self._pending_manager: _ManagerMemory | None = None

    @property
    def is_first_sight(self) -> bool:
        """Return whether nothing is remembered of this host yet."""
        return self._manager is None

    def begin(self, mark: str) -> None:
        """Take up what is known into this run of the manager."""
        if mark != self._mark:
            self._mark = mark
            self._known = {unit: carry_over(known, mark) for unit, known in self._known.items()}
            remembered = self._manager
            self._is_learning = remembered is None or (remembered.learning and remembered.mark == mark)

    def refresh_names(self) -> None:
        """Look again which unit files there are: an alias may be new."""
        self._scope.refresh()

    def doubts(self, loaded: Collection[str]) -> list[str]:
        """Return which entries fit no service of this host, as far as its unit files can be read."""
        files = self._scope.unit_files
        return list(doubts(self._scope.entries, files, loaded)) if files.names else []

    def matches(self, unit: str) -> bool:
        """Return whether the configuration is about the unit."""
        try:
            return self._scope.matches(unit)
        except Exception as error:  # noqa: BLE001 - whatever its name makes Python do, it is this unit's trouble
            self.troubles.met(unit, error)
            return False

    def known(self, unit: str, kind: Kind | None) -> Known:
        """Return what is known of a unit, with what has been learnt about its kind."""
        known = self._pending.get(unit) or self._known.get(unit) or Known(mark=self._mark)
        if kind is not None:
            known = replace(known, quiet=kind.quiet, on_demand=kind.on_demand)
        return known

    def differs(self, unit: str, invocation: str, phase: Phase) -> bool:
        """Return whether a listed unit is not as it is known to be."""
        known = self._known.get(unit)
        if known is None or not invocation:
            return bool(invocation) or (known is not None and known.phase is Phase.UP)
        return invocation != known.invocation or phase is not known.phase

    def up_or_expected(self) -> list[tuple[str, Known]]:
        """Return the units that ought to be there."""
        return [
            (unit, known)
            for unit, known in self._all()
            if known.expected or known.phase in {Phase.UP, Phase.RESTARTING}
        ]

    def flapping(self) -> list[tuple[str, Known]]:
        """Return the units that keep ending."""
        return [(unit, known) for unit, known in self._all() if known.flapping_told]

    def take(self, unit: str, known: Known, steps: Sequence[Step]) -> None:
        """Note what is known of a unit now, and what is to be told of the way there."""
        before = self._pending.get(unit) or self._known.get(unit)
        if self._is_first_sight(unit):
            steps = ()
        fresh: list[Step] = []
        for step in steps:
            if (known.quiet and step.what not in _TOLD_OF_QUIET) or self._is_part_of_the_boot(step):
                continue
            known, told = fold(known, step)
            if told is not None:
                fresh.append(told)
        if fresh or _is_worth_keeping(before, known):
            self._worth_keeping.add(unit)
        # Last, and at once: where anything above raised, nothing of this unit has moved.
        self._steps += fresh
        self._pending[unit] = known

    def forget_all_but(self, loaded: Container[str]) -> None:
        """Forget units that the manager has forgotten, unless they ought to be there."""
        for unit, known in self._known.items():
            if unit not in loaded and not known.expected and known.phase is not Phase.UP:
                self._unloaded.add(unit)

    def revise(self, change: Callable[[Step, int], Step]) -> None:
        """Pass each failure that is to be told, and how many lines of its log go with it, through `change`.

        Only the journal of the system can be asked by run.
        """
        for index, step in enumerate(self._steps):
            if self._user_manager or step.what not in {What.FAILED, What.GAVE_UP} or not step.invocation:
                continue
            with suppress(Exception):  # whatever the journal holds: the failure is told without its log
                if lines := self._scope.log_lines(step.unit):
                    self._steps[index] = change(step, lines)

    def attribute(self, origin_of: Callable[[Step], Origin]) -> None:
        """Have each step that is to be told say whose doing it was; one of which that cannot be asked says nothing."""
        for index, step in enumerate(self._steps):
            with suppress(Exception):  # whatever the host says of it: the step is told all the same
                self._steps[index] = replace(step, origin=origin_of(step))

    def compared(self, *, boot_is_over: bool) -> None:
        """Note that everything was compared; the first sight of a host lasts to the end of its boot."""
        self._pending_manager = _ManagerMemory(self._mark, self._is_learning and not boot_is_over)

    def has_news(self) -> bool:
        """Return whether there is anything to tell or to remember."""
        return bool(
            self._steps or self._worth_keeping or self._manager_memory() or self.troubles.to_remember()
        )

    def commit(self, emit: Emit, *, while_agent_down: bool = False) -> None:
        """Emit what is to be told with what is to be remembered, and make the pending part the known one."""
        if self.has_news():
            events = list(self._events(while_agent_down=while_agent_down))
            emit(
                [*events, *self.troubles.news(int(time.time()))],
                {**self._unit_memory(), **self._manager_memory(), **self.troubles.to_remember()},
            )
            self.troubles.kept()
        self._known |= self._pending
        for unit in self._unloaded - self._pending.keys():
            self._known.pop(unit, None)
        if self._pending_manager is not None:
            self._manager = self._pending_manager
            self._is_learning = self._manager.learning
            self._former_patterns = self._scope.encode()
            self._has_compared = True
        self.forgo()

    def forgo(self) -> None:
        """Drop the pending part."""
        self.troubles.forgo()
        self._pending = {}
        self._steps = []
        self._worth_keeping = set()
        self._unloaded = set()
        self._pending_manager = None

    def _all(self) -> Iterator[tuple[str, Known]]:
        for unit, known in (self._known | self._pending).items():
            if self.matches(unit):
                yield unit, known

    def _is_first_sight(self, unit: str) -> bool:
        """Return whether the unit was in nobody's sight until the compare that is going on."""
        if self._has_compared or unit in self._known:
            return False
        return self._former_scope is None or not self._former_scope.matches(unit)

    def _is_part_of_the_boot(self, step: Step) -> bool:
        """Return whether it is a start of the first boot that the agent sees."""
        finished = self.boot_finished_monotonic
        is_after = 0 < finished < step.look.activated_monotonic
        return self._is_learning and step.what is What.STARTED and not is_after

    def _unit_memory(self) -> dict[str, bytes | None]:
        memory: dict[str, bytes | None] = {
            UNIT + unit: msgspec.json.encode(self._pending[unit]) for unit in self._worth_keeping
        }
        memory |= {UNIT + unit: None for unit in self._unloaded if unit not in self._pending}
        if not self._has_compared:
            memory |= {UNIT + unit: None for unit in self._known if not self.matches(unit)}
        return memory

    def _manager_memory(self) -> dict[str, bytes | None]:
        if self._pending_manager is None or (
            self._pending_manager == self._manager and self._former_patterns == self._scope.encode()
        ):
            return {}
        return {_MANAGER: msgspec.json.encode(self._pending_manager), _SCOPE: self._scope.encode()}

    def _events(self, *, while_agent_down: bool) -> Iterator[Event]:
        for step in self._steps:
            try:
                yield self._event(step, while_agent_down=while_agent_down)
            except Exception as error:  # noqa: BLE001 - whatever its values make Python do, it is this unit's trouble
                self.troubles.met(step.unit, error)

    def _event(self, step: Step, *, while_agent_down: bool) -> Event:
        tags, element_identifiers = self._scope.attributes(step.unit)
        return tell(
            step,
            while_agent_down=while_agent_down,
            user_manager=self._user_manager,
            tags=tags,
            element_identifiers=element_identifiers,
        )


def _is_worth_keeping(before: Known | None, known: Known) -> bool:
    """Return whether a change must be on disk: not what quiet units do all day, nor half-way states."""
    before = before or Known(mark=known.mark)
    if known.phase is Phase.COMING or _essence(before) == _essence(known):
        return False
    if known.flapping_told and known.flapping_told == before.flapping_told:
        return False  # each turn of a loop would be a write
    return not known.quiet or Phase.FAILED in {before.phase, known.phase}


def _essence(known: Known) -> tuple[str, Phase, bool, int]:
    return known.invocation, known.phase, known.expected, known.flapping_told
