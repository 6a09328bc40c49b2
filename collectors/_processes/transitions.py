"""What is known to run, compared with what runs: the one compare of the collector. Pure.

A process is known by pid and start time within one boot. What ran before a boot is expected back under the
label of its entry: its coming is silent, and its absence is told once the boot has had its time.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from collectors._processes.events import tell_ended, tell_missing, tell_started
from collectors._processes.match import Known, Process, Wanted
from collectors._processes.proc import Ending
from collectors.collector import recall
from collectors.event import Event

PROCESS = "process/"
EXPECTED = "expected/"
SCOPE = "scope"
"""Keys, or what they begin with, of what is remembered."""


class Running(msgspec.Struct, frozen=True):
    """A process that runs, and the entries that mean it."""

    process: Process
    entries: tuple[Wanted, ...]


class State(msgspec.Struct, frozen=True):
    """What is remembered: processes by key, those expected back by label, and what was in scope."""

    known: Mapping[str, Known]
    expected: Mapping[str, Known]
    scope: frozenset[str] | None = None


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the whole host; `late` when the agent was not running before it."""

    running: Mapping[str, Running]
    endings: Mapping[str, Ending]
    now: float
    boot_is_over: bool = True
    late: bool = False


def take_up(kept: Mapping[str, bytes], mark: str) -> State:
    """Return what is remembered, as it is to be seen in this boot."""
    known, expected = {}, {}
    for key, value in kept.items():
        if key.startswith((PROCESS, EXPECTED)):
            item = recall(value, Known)
            if item is None:
                continue
            if key.startswith(PROCESS) and item.mark == mark:
                known[key.removeprefix(PROCESS)] = item
            else:
                expected[item.label] = item
    scope = recall(kept[SCOPE], frozenset[str]) if SCOPE in kept else None
    return State(known, expected, scope)


def encode(state: State) -> dict[str, bytes]:
    """Return what is to be remembered of a state."""
    kept = {PROCESS + key: msgspec.json.encode(item) for key, item in state.known.items()}
    kept |= {EXPECTED + label: msgspec.json.encode(item) for label, item in state.expected.items()}
    if state.scope is not None:
        kept[SCOPE] = msgspec.json.encode(sorted(state.scope))
    return kept


def compare(state: State, sight: Sight, wanted: Iterable[Wanted], mark: str) -> tuple[State, list[Event]]:
    """Return the state after a sight of the host, and what is to be told of the difference."""
    by_label: dict[str, tuple[Wanted, ...]] = {}
    for entry in wanted:
        by_label[entry.label] = (*by_label.get(entry.label, ()), entry)
    coming = {key: running for key, running in sight.running.items() if key not in state.known}
    back = {entry.label for running in coming.values() for entry in running.entries}
    away = {
        label: item
        for label, item in state.expected.items()
        if label not in back and label in by_label and not sight.boot_is_over
    }
    known = {key: item for key, item in state.known.items() if key in sight.running}
    known |= {key: _known(running, mark) for key, running in coming.items()}
    events = [
        *_tell_gone(state, sight, by_label),
        *_tell_coming(state, sight, coming, mark),
        *(
            tell_missing(item, sight.now, by_label[label])
            for label, item in state.expected.items()
            if label not in back and label not in away and label in by_label
        ),
    ]
    scope = frozenset(entry.signature for entries in by_label.values() for entry in entries)
    return State(known, away, scope), events


def _tell_gone(state: State, sight: Sight, by_label: Mapping[str, tuple[Wanted, ...]]) -> Iterator[Event]:
    for key, item in state.known.items():
        if key not in sight.running and item.label in by_label:
            ending = sight.endings.get(key, Ending(sight.now))
            yield tell_ended(item, ending, by_label[item.label], late=sight.late)


def _tell_coming(state: State, sight: Sight, coming: Mapping[str, Running], mark: str) -> Iterator[Event]:
    for running in coming.values():
        in_scope = state.scope is not None and any(e.signature in state.scope for e in running.entries)
        if in_scope and not any(entry.label in state.expected for entry in running.entries):
            yield tell_started(_known(running, mark), running.entries, late=sight.late)


def _known(running: Running, mark: str) -> Known:
    process = running.process
    return Known(
        mark=mark,
        label=running.entries[0].label,
        pid=process.pid,
        ticks=process.ticks,
        created=process.created,
        exe=process.exe,
        user=process.user,
    )
