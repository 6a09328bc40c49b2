"""What could not be known at capture, put right at delivery: the time, and this host's name.

An event captured before the clock was set has a time that is off by as much as the clock was. Within
the same boot CLOCK_BOOTTIME tells by how much; across boots nothing does, and the event says so.
It never touches an event whose clock was trusted and whose host was known.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from spool import Record

UNTRUSTED_TAG = "clock:untrusted"
"""On events whose timestamp may be off by any amount."""

HOST_IDENTIFIER = "urn:host:/"

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


@dataclass(frozen=True, slots=True)
class Correction:
    """Corrects the events of one batch; the clocks were read once, when it was made."""

    hostname: str
    boot_id: str
    wall: float
    boottime: float
    trusted: bool

    def __call__(self, record: Record, body: bytes) -> bytes:
        """Return the event's JSON, corrected; what is no object of the usual shape stays as it is."""
        event = msgspec.json.decode(body)
        if not isinstance(event, dict):
            return body
        if not record.clock_trusted:
            self._correct_time(record, event)
        if not record.hostname:
            self._name_host(event)
        return msgspec.json.encode(event)

    def _correct_time(self, record: Record, event: dict[str, Any]) -> None:
        timestamp = event.get("timestamp")
        if self.trusted and self.boot_id and record.boot_id == self.boot_id:
            off = (self.wall - self.boottime) - (record.captured - record.boottime)
            if (
                isinstance(timestamp, int)
                and abs(timestamp - record.captured) <= _BELONGS_TO_CAPTURE_SECONDS
                and abs(off) >= 1
            ):
                event["timestamp"] = max(0, timestamp + round(off))
            return
        tags = event.get("tags", [])
        if isinstance(tags, list) and UNTRUSTED_TAG not in tags:
            event["tags"] = [*tags, UNTRUSTED_TAG]

    def _name_host(self, event: dict[str, Any]) -> None:
        if not event.get("host"):
            event["host"] = self.hostname
        context = event.get("context")
        if not isinstance(context, dict):
            return
        identifiers = context.get("element_identifiers")
        known = (
            [one for one in identifiers if one != HOST_IDENTIFIER] if isinstance(identifiers, list) else []
        )
        own = HOST_IDENTIFIER + self.hostname
        context["element_identifiers"] = known if own in known else [own, *known]


def correction(hostname: str, clocks: Clocks) -> Correction:
    """Return a correction as of now."""
    return Correction(hostname, clocks.boot_id, clocks.wall(), clocks.boottime(), clocks.is_trusted())
