"""What could not be known at capture, put right at delivery: the time, and this host's name.

An event captured before the clock was set has a time that is off by as much as the clock was. Within
the same boot CLOCK_BOOTTIME tells by how much; across boots nothing does, and the event says so.
It never touches an event whose clock was trusted and whose host was known.
"""

from typing import Protocol

import msgspec

from agent.events import stored_event
from agent.events.identity import HOST_IDENTIFIER
from agent.events.stored_event import StoredEvent
from spool import Record

UNTRUSTED_TAG = "clock:untrusted"
"""On events whose timestamp may be off by any amount."""

_BELONGS_TO_CAPTURE_SECONDS = 86_400
"""A timestamp further than this from the capture came from another clock than this host's."""


class Clocks(Protocol):
    """The clocks of this host, now."""

    @property
    def boot_id(self) -> str:
        """Return the name of this boot."""
        ...

    def wall(self) -> float:
        """Return seconds since the epoch, as far as this host knows."""
        ...

    def boottime(self) -> float:
        """Return seconds since this boot, sleep included."""
        ...

    def is_trusted(self) -> bool:
        """Return whether something keeps the wall clock right."""
        ...


class Correction(msgspec.Struct, frozen=True):
    """Corrects the events of one batch; the clocks were read once, when it was made."""

    hostname: str
    boot_id: str
    wall: float
    boottime: float
    trusted: bool

    def __call__(self, record: Record, body: bytes) -> bytes:
        """Return the event's JSON, corrected; what is no event of the usual shape stays as it is."""
        event = stored_event.read(body)
        if event is None:
            return body
        fields: dict[str, object] = {}
        context: dict[str, object] = {}
        if not record.clock_trusted:
            fields = self._correct_time(record, event)
        if not record.hostname:
            context = self._name_host(event, fields)
        if not fields and not context:
            return body
        try:
            return stored_event.with_fields(body, fields, context)
        except msgspec.MsgspecError:
            return body  # it was read leniently: what some reader cannot take is not made worse

    def _correct_time(self, record: Record, event: StoredEvent) -> dict[str, object]:
        if self.trusted and self.boot_id and record.boot_id == self.boot_id:
            off = (self.wall - self.boottime) - (record.captured - record.boottime)
            if (
                event.timestamp is None
                or abs(event.timestamp - record.captured) > _BELONGS_TO_CAPTURE_SECONDS
                or abs(off) < 1
            ):
                return {}
            return {"timestamp": max(0, event.timestamp + round(off))}
        tags = event.tags or ()
        return {} if UNTRUSTED_TAG in tags else {"tags": (*tags, UNTRUSTED_TAG)}

    def _name_host(self, event: StoredEvent, fields: dict[str, object]) -> dict[str, object]:
        """Put this host's name where it was missing; an event that names another host says what it says."""
        if not event.host:
            fields["host"] = self.hostname
        identifiers = (event.context and event.context.element_identifiers) or ()
        if HOST_IDENTIFIER not in identifiers:
            return {}
        own = HOST_IDENTIFIER + self.hostname
        known = tuple(one for one in identifiers if one != HOST_IDENTIFIER)
        return {"element_identifiers": known if own in known else (own, *known)}


def correction(hostname: str, clocks: Clocks) -> Correction:
    """Return a correction as of now."""
    return Correction(hostname, clocks.boot_id, clocks.wall(), clocks.boottime(), clocks.is_trusted())
