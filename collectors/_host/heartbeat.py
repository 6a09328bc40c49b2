"""What the collector remembers: one small value, the mark, written whenever something was told, and once an hour.

It says which boot was seen last, when, and what the agent was doing then. Whoever reads it in the next
boot knows from it how the boot before may have ended. In between, at every heartbeat, the time alone is stamped beside it:
a stamp says of which mark it is a later time, and counts for no other.
"""

import zlib
from typing import Literal

import msgspec

from collectors._host.accounting import Place
from collectors._host.boot import Boot
from collectors._host.clock import Instant
from collectors.collector import recall

State = Literal["running", "stopped", "ended", "suspended", "announced", "down"]
"""What the agent was at when it last wrote.

running     looking; nothing was on its way to stop it
stopped     the agent ended alone, and saw nothing after that
ended       the agent was told to end, and there was nobody to ask whether the host ends too
suspended   the host was about to sleep, and this was told
announced   a shutdown was announced; it is not told yet, because its kind was not known
down        a shutdown was told
"""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The last that was seen of this host."""

    boot: Boot
    at: Instant
    state: State = "running"
    kind: str = ""
    """Of the shutdown that was told."""
    shutdowns: int = 0
    """Told in this boot so far: more than one where a soft-reboot or a cancelled one came before."""
    accounting: Place | None = None
    """How far the host's wtmp reached."""


class Stamped(msgspec.Struct, frozen=True, array_like=True):
    """A later time at which the host was as a mark says."""

    of: int
    """The checksum of the mark, as it is remembered."""
    at: Instant
    accounting: Place | None = None


def stamp_of(remembered: bytes, at: Instant, accounting: Place | None) -> bytes:
    """Return what to stamp beside a mark that is remembered."""
    return msgspec.json.encode(Stamped(zlib.crc32(remembered), at, accounting))


def last_seen(remembered: bytes | None, stamped: bytes | None) -> Heartbeat | None:
    """Return the mark with the time of its last stamp; None where there is no mark that this version understands."""
    mark, stamp = decode(remembered), recall(stamped, Stamped)
    if mark is None or stamp is None or remembered is None or stamp.of != zlib.crc32(remembered):
        return mark
    return msgspec.structs.replace(mark, at=stamp.at, accounting=stamp.accounting)


def encode(mark: Heartbeat) -> bytes:
    """Return what to remember."""
    return msgspec.json.encode(mark)


def decode(remembered: bytes | None) -> Heartbeat | None:
    """Return the mark; None where there is none, or none that this version understands."""
    return recall(remembered, Heartbeat)
