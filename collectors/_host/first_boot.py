"""Whether the boot in which the agent is seen for the first time is news: it is where the agent was in the image.

A host that is switched on with the agent in it has booted, and nobody else tells. On a host that was running when the agent
was installed the boot is old. systemd says when the boot was over; without it, the files of the agent and the time since the
boot tell.
"""

import os
from collections.abc import Callable
from pathlib import Path

from collectors._dbus import Bus, BusError, Call
from collectors._host.boot import Boot, parse_start_ticks
from collectors._host.clock import Instant
from collectors._host.shutdown_state import MANAGER, SYSTEMD, SYSTEMD_PATH, open_system_bus

LONGEST_BOOT_SECONDS = 600.0
"""A boot that never is over, as where a unit starts for ever, counts as over after so long."""
_ANSWER_SECONDS = 2.0


def started_with_boot(
    boot: Boot,
    now: Instant,
    root: Path = Path("/"),
    *,
    ask: Callable[[], float | None] | None = None,
    installed_at: float | None = None,
) -> bool:
    """Return whether this process belongs to the boot that is seen for the first time.

    `ask` returns when that boot was over by CLOCK_MONOTONIC, 0 where it is not, None where nobody knows; `installed_at` is
    when the files of the agent came here.
    """
    started = _read_started(root)
    over = (ask or ask_manager_when_over)()
    if over:
        return started - now.slept <= over
    soon = started - boot.init_started < LONGEST_BOOT_SECONDS
    if over is not None:
        return soon
    if installed_at is None:
        installed_at = Path(__file__).stat().st_ctime
    return soon and installed_at < now.wall - (now.boottime - boot.init_started)


def ask_manager_when_over(open_bus: Callable[[], Bus] = open_system_bus) -> float | None:
    """Ask systemd when the boot was over; None where it does not run this host, or does not answer."""
    properties = "org.freedesktop.DBus.Properties"
    question = Call(SYSTEMD, SYSTEMD_PATH, properties, "Get", "ss", (MANAGER, "FinishTimestampMonotonic"))
    try:
        with open_bus() as bus:
            [(_, microseconds)] = bus.call(question, timeout_seconds=_ANSWER_SECONDS)
    except BusError:
        return None
    return float(microseconds) / 1_000_000


def _read_started(root: Path) -> float:
    """Return when this process started, in seconds of CLOCK_BOOTTIME."""
    return parse_start_ticks((root / "proc/self/stat").read_text(errors="replace")) / os.sysconf("SC_CLK_TCK")
