"""Where destinations start, how they move on, and what they never get.

A position moves only by an acknowledgement, or because what stood there was dropped; either way every
entry it passes is counted: delivered, filtered, rejected or dropped for a reason.
"""

from collections.abc import Collection
from typing import Literal

from spool import rejected
from spool.record import Position
from spool.state import AGE, DAMAGED, DISK_FULL, FULL, Standing
from spool.store import Store

_REMEMBERED_DETACHED = 32
OLDEST = 1
"""No record has a smaller number."""


def attach(
    store: Store, name: str, identity: str, start: Literal["now", "oldest"], in_use: Collection[str]
) -> None:
    """Make `name` a destination; `in_use` are the names that keep theirs whatever the identity says.

    An identity takes its position along to another name. A name that has another identity now, as after a
    correction of its address, goes on where it stood: what waits there is not forgotten.
    """
    standings = store.state.standings
    known = standings.get(name)
    if known is None or known.identity != identity:
        earlier = _same_identity(store, identity, in_use)
        if earlier is not None:
            known = _change_places(store, earlier, name)
        elif known is not None and known.attached:
            known.identity = identity
        else:
            standings.pop(name, None)
            record, entry = _first_position(store, start)
            known = standings[name] = Standing(name, identity, attached=False, record=record, entry=entry)
    if not known.attached:
        _begin(store, known)
    store.touch()


def detach(store: Store, name: str) -> None:
    """Let `name` hold back nothing from now on; its position is remembered in case it comes again."""
    standing = store.state.standings.get(name)
    if standing is None or not standing.attached:
        return
    standing.attached = False
    store.state.note_acknowledged(standing.position)
    detached = [other.name for other in store.state.standings.values() if not other.attached]
    for forgotten in detached[:-_REMEMBERED_DETACHED]:
        del store.state.standings[forgotten]
    store.touch()


def acknowledge(
    store: Store, name: str, upto: Position, *, delivered: int, filtered: int, rejected: int, now: float
) -> None:
    """Move `name` to `upto`; what was dropped under it while it was being delivered counts as delivered."""
    standing = store.state.standings.get(name)
    if standing is None:
        return
    upto = store.normal(upto)
    passed = _advance(store, standing, upto) if upto > standing.position else 0
    surplus = delivered + filtered + rejected - passed
    if surplus < 0:
        store.state.lose(name, DAMAGED, -surplus, now, now)
    elif surplus > 0:
        delivered -= surplus - _take_back(store, name, surplus)
    standing.delivered += delivered
    standing.filtered += filtered
    standing.rejected += rejected
    if delivered > 0:
        standing.last_success = now
    store.state.note_acknowledged(standing.position)
    store.touch()


def pass_over(store: Store, before: int, reason: str, now: float) -> int:
    """Move every destination that stands before record `before` there, and count what it loses."""
    lost = 0
    for standing in store.state.attached():
        if standing.record < before:
            first, last = store.times_between(standing.record, before) or (now, now)
            store.state.take_back_tellings(standing, before)
            passed = _advance(store, standing, Position(before, 0))
            store.state.lose(standing.name, reason, passed, first, last)
            lost = max(lost, passed)
    store.state.note_acknowledged(Position(before, 0))
    store.touch()
    return lost


def step_over(store: Store, number: int, now: float) -> None:
    """Move destinations that stand at a record that is gone behind it; others find the gap later."""
    for standing in store.state.attached():
        if standing.record == number:
            passed = _advance(store, standing, Position(number + 1, 0))
            store.state.lose(standing.name, DAMAGED, passed, now, now)
    store.touch()


def set_aside(store: Store, reason: str, now: float) -> int:
    """Let nothing of what is there be delivered to anybody; return how many entries were to be."""
    end = store.state.last_number + 1
    lost = pass_over(store, end, reason, now)
    for standing in store.state.standings.values():
        standing.record, standing.entry = max(standing.record, end), 0
    return lost


def _same_identity(store: Store, identity: str, in_use: Collection[str]) -> Standing | None:
    for standing in store.state.standings.values():
        if standing.identity == identity and standing.name not in in_use:
            return standing
    return None


def _change_places(store: Store, earlier: Standing, name: str) -> Standing:
    """Give `earlier` this name, and its own to the one that had it: that one's turn to be attached may still come."""
    standings, left = store.state.standings, earlier.name
    there = [one for one in (standings.pop(left), standings.pop(name, None)) if one]
    for one, new in zip(there, (name, left), strict=False):
        one.name = new
        standings[new] = one
    names = {left: name, name: left}
    store.state.rename_losses(names)
    rejected.rename(store, names)
    return earlier


def _first_position(store: Store, start: Literal["now", "oldest"]) -> Position:
    state = store.state
    if state.positions_lost or (state.attached() and start == "oldest"):
        return Position(OLDEST, 0)
    if state.attached():
        return Position(state.last_number + 1, 0)
    acknowledged = Position(state.acknowledged[0], state.acknowledged[1])
    return max([acknowledged, *(other.position for other in state.standings.values())])


def _begin(store: Store, standing: Standing) -> None:
    """Attach it where it stands; what passed in the meantime was never its own."""
    standing.attached = True
    events, size = store.cumulative_at(standing.position)
    standing.events_before += events - standing.events_done
    standing.events_done, standing.bytes_done = events, size


def _advance(store: Store, standing: Standing, to: Position) -> int:
    events, size = store.cumulative_at(to)
    passed = events - standing.events_done
    standing.record, standing.entry = to
    standing.events_done, standing.bytes_done = events, size
    return passed


def _take_back(store: Store, name: str, count: int) -> int:
    """Return how many of `count` had been counted as dropped; they are no longer."""
    taken = 0
    for reason in (FULL, DISK_FULL, AGE, DAMAGED):
        loss = store.state.losses.get((name, reason))
        if loss is not None and taken < count:
            back = min(loss.count, count - taken)
            loss.count -= back
            taken += back
    return taken
