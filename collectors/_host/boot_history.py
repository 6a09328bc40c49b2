"""What became of the host between the last mark and now. Pure: every fact comes in as a value.

The rules: a boot is told once; how the one before ended is told as far as it is known; a crash only
where the agent was running when it last wrote and nobody noted a shutdown after that.
"""

import re
from itertools import zip_longest

from collectors._host import events
from collectors._host.boot import Boot
from collectors._host.clock import Instant
from collectors._host.heartbeat import Heartbeat
from collectors._host.previous_shutdown import Ended, Ending
from collectors.event import Event

_SLEEP_SECONDS = 1.0
"""The two clocks drift apart by less than this while the host is awake."""

_STEP_SECONDS = 5.0
"""Two clocks that differ by less ran side by side without a step."""


def is_another_boot(mark: Heartbeat | None, boot: Boot, now: Instant) -> bool:
    """Return whether the host booted since the mark.

    A soft-reboot of a systemd-nspawn container uncovers the boot_id of its host, under the same init.
    """
    if mark is None or mark.boot.identity == boot.identity:
        return False
    is_same_init = boot.in_container and boot.init_started == mark.boot.init_started
    return not (is_same_init and _is_same_kernel(mark, boot, now))


def begin(
    mark: Heartbeat | None, boot: Boot, now: Instant, ended: Ended | None, *, started_with_boot: bool = False
) -> list[Event]:
    """Return what happened since the mark; `ended` is how the boot before did, None within the same boot.

    First sight is silent, since the boot in which the agent was installed is not news, unless the agent started with it.
    """
    if mark is None:
        return [events.booted_first(boot, started_at(boot, now))] if started_with_boot else []
    if ended is not None:
        return [*_another_boot(mark, boot, now, ended), *_versions(mark, boot, now)]
    if mark.state == "down" and mark.kind == "soft-reboot":
        return [_soft_rebooted(mark, boot, now), *_versions(mark, boot, now)]
    return [*wake(mark, now, noticed_by="clocks"), *_versions(mark, boot, now)]


def slept_since(mark: Heartbeat, now: Instant) -> bool:
    """Return whether the host slept since the mark."""
    return now.slept - mark.at.slept >= _SLEEP_SECONDS


def wake(mark: Heartbeat, now: Instant, *, noticed_by: str) -> list[Event]:
    """Return the sleep since the mark, if there was one, with its beginning where that was not told."""
    if not slept_since(mark, now) and mark.state != "suspended":
        return []
    slept_seconds = max(0, round(now.slept - mark.at.slept))
    resumed = events.resumed(mark.boot, int(now.wall), slept_seconds, noticed_by=noticed_by)
    if mark.state == "suspended":
        return [resumed]
    return [events.suspended(mark.boot, int(mark.at.wall)), resumed]


def started_at(boot: Boot, now: Instant) -> int:
    """Return when the boot began, by today's wall clock, in seconds since the epoch."""
    return max(0, int(now.wall - (now.boottime - boot.init_started)))


def _another_boot(mark: Heartbeat, boot: Boot, now: Instant, ended: Ended) -> list[Event]:
    shutdown = ended.shutdown
    told: list[Event] = []
    match mark.state:
        case "down":
            previous = "clean"
        case "announced":
            previous = "clean"
            told.append(_shutdown_told_late(mark, shutdown))
        case "ended" if shutdown is not None:
            previous = "clean"
            told.append(_shutdown_told_late(mark, shutdown))
        case "running" | "suspended" if shutdown is None:
            previous = "unclean"
            told.append(events.crashed(mark))
        case _:
            previous = "unknown"
    booted = events.booted(
        boot,
        started_at(boot, now),
        before=mark,
        previous_shutdown=previous,
        ending=shutdown,
        downtime_seconds=_downtime(mark, boot, now, previous, ended),
        boots_missed=max(0, ended.boots - 1),
    )
    return [*told, booted]


def _shutdown_told_late(mark: Heartbeat, shutdown: Ending | None) -> Event:
    kind = shutdown.kind if shutdown is not None else ""
    noted_by = shutdown.noted_by if shutdown is not None else ""
    return events.shut_down(mark, int(mark.at.wall), kind or "unknown", noted_by=noted_by)


def _soft_rebooted(mark: Heartbeat, boot: Boot, now: Instant) -> Event:
    return events.booted(
        boot,
        int(now.wall),
        before=mark,
        previous_shutdown="clean",
        ending=None,
        downtime_seconds=max(0, round(now.boottime - mark.at.boottime)),
        repetition=mark.shutdowns,
    )


def _downtime(mark: Heartbeat, boot: Boot, now: Instant, previous: str, ended: Ended) -> int | None:
    """Return how long the host was down; None rather than a guess."""
    went_down = mark.at.wall
    if previous == "unknown":  # the host outlived the mark
        if ended.shutdown is None:
            return None
        went_down = ended.shutdown.timestamp
    if not _is_same_kernel(mark, boot, now) and not (mark.at.trusted and now.trusted):
        return None
    seconds = round(now.wall - (now.boottime - boot.init_started) - went_down)
    return seconds if seconds >= 0 else None


def _is_same_kernel(mark: Heartbeat, boot: Boot, now: Instant) -> bool:
    """Return whether the kernel below a container ran on since the mark: all its clocks did, side by side."""
    elapsed = now.boottime - mark.at.boottime
    return boot.in_container and abs(now.wall - mark.at.wall - elapsed) < _STEP_SECONDS


def _versions(mark: Heartbeat, boot: Boot, now: Instant) -> list[Event]:
    told = []
    for package, old, new in (
        ("kernel", mark.boot.kernel, boot.kernel),
        ("os-release", mark.boot.os, boot.os),
    ):
        if old and new and old != new:
            action = "upgraded" if is_newer(new, old) else "downgraded"
            at = started_at(boot, now) if is_another_boot(mark, boot, now) else int(now.wall)
            told.append(events.version_changed(boot, at, package, (old, new), action))
    return told


def is_newer(new: str, old: str) -> bool:
    """Return whether a version is later than another: numbers by value, the rest by letters."""
    parts = [re.findall(r"[0-9]+|[^0-9]+", version) for version in (new, old)]
    for left, right in zip_longest(*parts, fillvalue=""):
        if left != right:
            return _weight(left) > _weight(right) if _is_number(left) and _is_number(right) else left > right
    return False


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdecimal()


def _weight(digits: str) -> tuple[int, str]:
    """Return what orders numbers of any length: `int` refuses those of thousands of digits."""
    significant = digits.lstrip("0")
    return len(significant), significant
