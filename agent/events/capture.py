"""The one way into the spool: what was seen or handed in becomes records, and is on disk.

Here an event gets what only the agent knows: this host's name, its tags, its identifiers. An event
that somebody else made keeps what it has. Nothing is acknowledged to anybody before the spool has it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from copy import copy
from threading import Lock
from typing import Any

import msgspec

from agent.events import clock
from agent.events.chunk import Captured, Items, Stamp, Together, chunk, chunk_items
from agent.events.identity import Identity, united
from agent.events.plans import Plan
from agent.events.preceding import FAILURES, Preceding
from collectors.event import MAX_EVENT_BYTES, Category, Event, encode
from spool import Record, Spool, SpoolFull, stored_bytes

log = logging.getLogger(__name__)

_CUT = "\n(cut: the event was too large)"

INTAKE = "intake"
"""The origin of what was handed in."""


class Clocks(msgspec.Struct, frozen=True):
    """The clocks a capture is stamped with."""

    wall: Callable[[], float] = time.time
    boottime: Callable[[], float] = clock.boottime
    is_trusted: Callable[[], bool] = msgspec.field(default_factory=clock.RecentTrust)
    boot_id: str = msgspec.field(default_factory=clock.read_boot_id)


Observing = Callable[[Sequence[Event]], AbstractContextManager[Mapping[str, bytes | None]]]
"""Lends what is to be remembered of events for as long as they are being kept."""


class Capture:
    """Completes events, makes records of them and appends these; any thread may call it."""

    def __init__(self, spool: Spool, identity: Identity, clocks: Clocks | None = None) -> None:
        self._spool = spool
        self.clocks = clocks or Clocks()
        self.on_kept: Callable[[], None] = _nothing
        """Called after each append, in whichever thread it was."""
        self.observers: Mapping[str, Observing] = {}
        """By whose memory it is: who remembers something of collectors' events in their own transaction."""
        self.planned: Callable[[float], Sequence[Plan]] = _no_plans
        """Which planned work was under way at a moment, in seconds since the epoch."""
        self.preceding = Preceding()
        self._lock = Lock()
        self.identity = identity
        self.counts: Counter[str] = Counter()
        """How many events were captured since the start, by who saw them or handed them in."""

    @property
    def identity_now(self) -> Identity:
        """What is said of this host on what is handed in now: with the tags of planned work."""
        identity = self.identity
        plans = self.planned(self.clocks.wall())
        if not plans:
            return identity
        return msgspec.structs.replace(
            identity, tags=united(identity.tags, tuple(plan.tag for plan in plans))
        )

    def rename(self, hostname: str) -> None:
        """Go on under this host name."""
        with self._lock:
            self.identity = msgspec.structs.replace(self.identity, hostname=hostname)

    def keep(
        self,
        events: Sequence[Event],
        owner: str,
        remember: Mapping[str, bytes | None],
        texts: Mapping[str, bytes | None] = {},
    ) -> int:
        """Put a collector's events and its memory on disk together; raises what `Spool.append` raises.

        Returns the number of the last record.
        """
        identity = self.identity
        self.preceding.notice(events)  # what fails in the same breath was preceded by it
        captured = [
            Captured(event.name, _encoded(event), event.timestamp, event.event_type, event.tags)
            for event in (self._complete(event, identity) for event in events)
        ]
        records = chunk(captured, self._stamp(identity), owner)
        with ExitStack() as observed:
            beside = {
                name: observed.enter_context(observing(events)) for name, observing in self.observers.items()
            }
            number = self._spool.records.append(
                records, owner=owner, remember=remember, texts=texts, beside=beside
            )
        self._count(owner, records)
        self.on_kept()
        return number

    def _complete(self, event: Event, identity: Identity) -> Event:
        completed = complete(event, identity, self.planned(event.timestamp))
        if event.event_type in FAILURES and (before := self._before(event, identity)):
            data = {**event.data, "preceded_by": before}
            msgspec.structs.force_setattr(completed, "data", data)
        return completed

    def _before(self, failure: Event, identity: Identity) -> list[dict[str, Any]]:
        """Return what changed before a failure; a failure is kept whether that can be told or not."""
        try:
            return self.preceding.before(failure, (*identity.tags, *identity.identifiers))
        except Exception:
            log.exception("what changed before %s cannot be told", failure.title)
            return []

    def keep_posted(
        self,
        captured: Sequence[Captured | Together],
        identity: Identity,
        taken: Sequence[str] = (),
        has_room: Callable[[int], bool] = lambda _: True,
        items: Sequence[Items] = (),
        *,
        owner: str = INTAKE,
        remember: Mapping[str, bytes | None] = {},
    ) -> None:
        """Put what was handed in on disk, with which files of `incoming/` it was and what `owner` remembers of it.

        `identity` is the one that they were completed with. Raises `SpoolFull` unless `has_room` for so many bytes,
        as they are stored.
        """
        stamp = self._stamp(identity)
        records = chunk(captured, stamp, INTAKE)
        for part in items:
            records += chunk_items(part, stamp, INTAKE)
        size_bytes = stored_bytes(records)
        if not has_room(size_bytes):
            raise SpoolFull(
                "what was handed in fills half of the spool", "it takes more when some is delivered"
            )
        self._spool.records.append(
            records, ingested=taken, refusable_bytes=size_bytes, owner=owner, remember=remember
        )
        self._count(owner, records)
        self.on_kept()

    def _count(self, owner: str, records: Sequence[Record]) -> None:
        count = 0
        for record in records:
            count += record.count
        with self._lock:
            self.counts[owner] += count

    def _stamp(self, identity: Identity) -> Stamp:
        clocks = self.clocks
        return Stamp(identity.hostname, clocks.boot_id, clocks.boottime(), clocks.wall(), clocks.is_trusted())


def _nothing() -> None:
    pass


def _no_plans(_: float) -> Sequence[Plan]:
    return ()


def complete(event: Event, identity: Identity, planned: Sequence[Plan] = ()) -> Event:
    """Return one of our own events with what the agent adds; it was checked before, and is not again.

    A failure during planned work says so.
    """
    completed = copy(event)
    tags = identity.tags + tuple(plan.tag for plan in planned)
    for name, value in (
        ("host", event.host or identity.hostname),
        ("tags", united(event.tags, tags)),
        ("text", _in_plans(event.text, planned) if event.category == Category.ALERTS else event.text),
        ("element_identifiers", united(identity.identifiers, event.element_identifiers)),
    ):
        msgspec.structs.force_setattr(completed, name, value)
    return completed


def _in_plans(text: str, planned: Sequence[Plan]) -> str:
    """Return a failure's text with the planned work that it happened in."""
    works = (f"During planned work: {plan.name}{plan.text and f' ({plan.text})'}" for plan in planned)
    return "\n".join(filter(None, (text, *works)))


def _encoded(event: Event) -> bytes:
    """Return the event's JSON; where what was added made it too large, its text gives way and says so."""
    body = encode(event)
    too_many = len(body) - MAX_EVENT_BYTES
    if too_many <= 0:
        return body
    kept = max(0, len(event.text) - too_many - len(msgspec.json.encode(_CUT)))
    shorter = copy(event)
    msgspec.structs.force_setattr(shorter, "text", event.text[:kept] + _CUT)
    return encode(shorter)
