"""Whether the host is going down right now, and how. Asked once, when the agent is told to stop.

It must never take long: the host waits for the answer.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from collectors._dbus import Bus, BusError, Call, find_address
from collectors._host.accounting import read_run_level
from collectors._host.previous_shutdown import KINDS

SYSTEMD = "org.freedesktop.systemd1"
SYSTEMD_PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"

NOT_GOING_DOWN = ""
KIND_UNKNOWN = "unknown"
"""The host goes down, nobody knows how."""
NOBODY_TO_ASK = "?"
"""Nobody here knows whether the host goes down."""

_ANSWER_SECONDS = 1.0
_RUN_LEVELS = {"0": "poweroff", "6": "reboot"}


def read_kind(root: Path = Path("/"), open_bus: Callable[[], Bus] | None = None) -> str:
    """Return the kind of the shutdown under way, or one of the three below.

    systemd says so itself, also to somebody without any right. A System V init leaves it in utmp.
    """
    try:
        with (open_bus or open_system_bus)() as bus:
            return ask_manager(bus)
    except BusError:
        if (root / "run/systemd/system").is_dir():
            return NOBODY_TO_ASK  # systemd keeps no run level up to date
        return parse_run_level_kind(read_run_level(root))


def parse_run_level_kind(level: str) -> str:
    """Return what a run level means: init changes it before it ends anybody."""
    return _RUN_LEVELS.get(level, NOT_GOING_DOWN) if level else NOBODY_TO_ASK


def open_system_bus() -> Bus:
    """Open the system bus for a few questions that no stop may cut short."""
    return Bus(find_address("system"))


def ask_manager(bus: Bus) -> str:
    """Ask systemd for its state and its jobs; raise `BusError` where it does not answer."""
    state, jobs = bus.calls(
        [
            Call(
                SYSTEMD,
                SYSTEMD_PATH,
                "org.freedesktop.DBus.Properties",
                "Get",
                "ss",
                (MANAGER, "SystemState"),
            ),
            Call(SYSTEMD, SYSTEMD_PATH, MANAGER, "ListJobs"),
        ],
        timeout_seconds=_ANSWER_SECONDS,
        heed_stop=False,
    )
    if isinstance(state, BusError):
        raise state
    kind = None if isinstance(jobs, BusError) else parse_jobs(jobs[0])
    is_stopping = state[0][1] == "stopping"
    return kind or (KIND_UNKNOWN if is_stopping else NOT_GOING_DOWN)


def parse_jobs(jobs: Sequence[Sequence[Any]]) -> str | None:
    """Return the kind of shutdown among the jobs of systemd, `(id, unit, type, state, …)` each."""
    starting = {unit for _, unit, type_, *_ in jobs if type_ == "start"}
    return next((kind for unit, kind in KINDS.items() if unit in starting), None)
