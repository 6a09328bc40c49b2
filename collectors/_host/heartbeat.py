"""What the collector remembers: one small value, written at every heartbeat.

It says which boot was seen last, when, and what the agent was doing then. Whoever reads it in the next
boot knows from it how the boot before may have ended.
"""

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


def encode(mark: Heartbeat) -> bytes:
    """Return what to remember."""
    return msgspec.json.encode(mark)


def decode(remembered: bytes | None) -> Heartbeat | None:
    """Return the mark; None where there is none, or none that this version understands."""
    return recall(remembered, Heartbeat)
