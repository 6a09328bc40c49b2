"""What is known to run, compared with what runs: the one compare of the collector. Pure.

A process is known by pid and start time within one boot. What ran before a boot is expected back under the
label of its entry: its coming is silent, and its absence is told once the boot has had its time.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress

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
    odd: MutableMapping[int, Exception] = msgspec.field(default_factory=dict)
    """Why processes cannot be followed, by pid: these are kept as they are known, and compared again."""


def take_up(kept: Mapping[str, bytes], mark: str) -> State:
    """Return what is remembered, as it is to be seen in this boot."""
    known, expected = {}, {}
    for key, value in kept.items():
        if key.startswith((PROCESS, EXPECTED)):
            item = None
            with suppress(Exception):  # one that cannot be recalled is learnt anew, the others are known
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
    """Return the state after a sight of the host, and what is to be told of the difference.

    A process that raises anything on the way is added to what is odd in the sight.
    """
    by_label: dict[str, tuple[Wanted, ...]] = {}
    for entry in wanted:
        by_label[entry.label] = (*by_label.get(entry.label, ()), entry)
    coming = {key: running for key, running in sight.running.items() if key not in state.known}
    back = {entry.label for running in coming.values() for entry in running.entries}
    missing = {
        label: item for label, item in state.expected.items() if label not in back and label in by_label
    }
    known = {key: item for key, item in state.known.items() if key in sight.running or item.pid in sight.odd}
    away = {} if sight.boot_is_over else missing
    events: list[Event] = []
    for key, item in state.known.items():
        if key not in known and item.label in by_label:
            with _apart(item.pid, sight, known, key, item):
                ending = sight.endings.get(key, Ending(sight.now))
                events.append(tell_ended(item, ending, by_label[item.label], late=sight.late))
    for key, running in coming.items():
        with _apart(running.process.pid, sight, known, key, None):
            known[key] = _known(running, mark)
            if _is_news(state, running):
                events.append(tell_started(known[key], running.entries, late=sight.late))
    for label, item in missing.items() if sight.boot_is_over else ():
        with _apart(item.pid, sight, away, label, item):
            events.append(tell_missing(item, sight.now, by_label[label]))
    scope = frozenset(entry.signature for entries in by_label.values() for entry in entries)
    return State(known, away, scope), events


@contextmanager
def _apart(pid: int, sight: Sight, kept: dict[str, Known], key: str, before: Known | None) -> Iterator[None]:
    """Keep the trouble of one process to that process: it stays as it was known, so that it is compared again."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are told
        sight.odd[pid] = error
        kept.pop(key, None)
        if before is not None:
            kept[key] = before


def _is_news(state: State, running: Running) -> bool:
    """Return whether a process that came is to be told: one that is looked for anew, or was expected back, is not."""
    in_scope = state.scope is not None and any(entry.signature in state.scope for entry in running.entries)
    return in_scope and not any(entry.label in state.expected for entry in running.entries)


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
