"""The events of the `host` collector, as values made from what was seen."""

from collectors._host.boot import Boot
from collectors._host.heartbeat import Heartbeat
from collectors._host.previous_shutdown import Ending
from collectors._redaction.passing import name_without_secrets
from collectors._sha256 import sha256_of
from collectors.event import AlertType, Category, Event

NAME = "boot"


def booted(
    boot: Boot,
    started: int,
    *,
    before: Heartbeat,
    previous_shutdown: str,
    ending: Ending | None,
    downtime_seconds: int | None,
    boots_missed: int = 0,
    repetition: int = 0,
) -> Event:
    """Make the event of a boot; `before` is the last that was seen of the boot before.

    `repetition` counts the times that one boot of the kernel brought up its userspace again.
    """
    data: dict[str, str | int | float | bool | None] = {
        "boot_id": boot.boot_id,
        "kernel": boot.kernel,
        "os": name_without_secrets(boot.os),
        "previous_boot_id": before.boot.boot_id,
        "previous_kernel": before.boot.kernel,
        "previous_shutdown": previous_shutdown,
        "last_seen": int(before.at.wall),
        "downtime_seconds": downtime_seconds,
    }
    if before.state == "down":
        data["previous_kind"] = before.kind
    elif ending is not None:
        data |= {"shutdown_noted_by": ending.noted_by, "shutdown_noted_at": ending.timestamp}
    if boots_missed:
        data["boots_missed"] = boots_missed
    return Event(
        name=NAME,
        event_type="HostBootedEvent",
        category=Category.ACTIVITIES,
        title="Host booted",
        text=" ".join(_booted_sentences(boot, before, previous_shutdown, ending, downtime_seconds)),
        timestamp=started,
        data=data,
        source_identifier=_identifier(boot, "booted", repetition),
    )


def booted_first(boot: Boot, started: int) -> Event:
    """Make the event of the first boot that the agent sees, of a host that was switched on with the agent in it."""
    return Event(
        name=NAME,
        event_type="HostBootedEvent",
        category=Category.ACTIVITIES,
        title="Host booted",
        text=f"Kernel {boot.kernel}. The agent sees this host for the first time; it knows nothing of a boot before.",
        timestamp=started,
        data={
            "boot_id": boot.boot_id,
            "kernel": boot.kernel,
            "os": name_without_secrets(boot.os),
            "previous_boot_id": "",
            "previous_kernel": "",
            "previous_shutdown": "unknown",
            "last_seen": None,
            "downtime_seconds": None,
        },
        source_identifier=_identifier(boot, "booted"),
    )


def shut_down(mark: Heartbeat, timestamp: int, kind: str, *, noted_by: str = "") -> Event:
    """Make the event of a shutdown that begins, or that somebody else noted in our place."""
    data: dict[str, str | int | float | bool | None] = {"boot_id": mark.boot.boot_id, "kind": kind}
    if noted_by:
        data["noted_by"] = noted_by
    title = _SHUTDOWN_TITLES.get(kind, "Host goes down")
    return Event(
        name=NAME,
        event_type="HostShutdownEvent",
        category=Category.ACTIVITIES,
        title=title,
        text=f"{title}. It was booted with kernel {mark.boot.kernel}.",
        timestamp=timestamp,
        data=data,
        source_identifier=_identifier(mark.boot, "shutdown", mark.shutdowns),
    )


def crashed(mark: Heartbeat) -> Event:
    """Make the event of a boot that ended without a shutdown, at the time it was last seen alive."""
    asleep = " while it slept" if mark.state == "suspended" else ""
    return Event(
        name=NAME,
        event_type="HostCrashedEvent",
        category=Category.ALERTS,
        title=f"Host crashed or lost power{asleep}",
        text="The boot ended without a shutdown that anybody noted. The time is when it was last seen alive.",
        timestamp=int(mark.at.wall),
        data={
            "boot_id": mark.boot.boot_id,
            "kernel": mark.boot.kernel,
            "last_seen": int(mark.at.wall),
        },
        source_identifier=_identifier(mark.boot, "crashed"),
        alert_type=AlertType.ERROR,
    )


def suspended(boot: Boot, timestamp: int) -> Event:
    """Make the event of a host that falls asleep."""
    return Event(
        name=NAME,
        event_type="HostSuspendedEvent",
        category=Category.ACTIVITIES,
        title="Host suspended",
        text="The host goes to sleep.",
        timestamp=timestamp,
        data={"boot_id": boot.boot_id},
    )


def resumed(boot: Boot, timestamp: int, slept_seconds: int, *, noticed_by: str) -> Event:
    """Make the event of a host that woke up; `noticed_by` is `logind` or `clocks`."""
    return Event(
        name=NAME,
        event_type="HostResumedEvent",
        category=Category.ACTIVITIES,
        title="Host resumed",
        text=f"The host slept for {_in_words(slept_seconds)}.",
        timestamp=timestamp,
        data={"boot_id": boot.boot_id, "slept_seconds": slept_seconds, "noticed_by": noticed_by},
    )


def version_changed(
    boot: Boot, timestamp: int, package: str, versions: tuple[str, str], action: str
) -> Event:
    """Make the event of another kernel that runs, or of another release of the system."""
    old, new = (name_without_secrets(version) for version in versions)
    what = {"kernel": "Kernel", "os-release": "Operating system"}[package]
    return Event(
        name="package",
        event_type="VersionChangedEvent",
        category=Category.DEPLOYMENTS,
        title=f"{what} {action}: {new}",
        text=f"{what} {new} runs, {old} ran before.",
        timestamp=timestamp,
        data={
            "package": package,
            "old_version": old,
            "new_version": new,
            "action": action,
            "manager": "host",
            "boot_id": boot.boot_id,
        },
        source_identifier=_identifier(boot, f"{package}:{_told_apart(versions[1], new)}"),
    )


def _told_apart(version: str, shown: str) -> str:
    """Return what stands for a version in an identifier, which is the same at every run: its hash where not all of it may be told."""
    if version == shown:
        return version
    return sha256_of(version.encode("utf-8", "replace")).hex()[:12]


def _identifier(boot: Boot, kind: str, repetition: int = 0) -> str:
    """Name the fact as the host does; a soft-reboot and a cancelled shutdown repeat one within a boot."""
    return f"{boot.identity}:{kind}:{repetition}" if repetition else f"{boot.identity}:{kind}"


_SHUTDOWN_TITLES = {
    "reboot": "Host reboots",
    "poweroff": "Host powers off",
    "halt": "Host halts",
    "kexec": "Host restarts into a new kernel",
    "soft-reboot": "Host restarts its userspace",
}


def _booted_sentences(
    boot: Boot, before: Heartbeat, previous_shutdown: str, ending: Ending | None, downtime_seconds: int | None
) -> list[str]:
    was = "" if boot.kernel == before.boot.kernel else f" (was {before.boot.kernel})"
    sentences = [f"Kernel {boot.kernel}{was}."]
    match previous_shutdown:
        case "clean":
            kind = f" ({before.kind})" if before.kind and before.kind != "unknown" else ""
            sentences.append(f"The boot before ended cleanly{kind}.")
        case "unclean":
            sentences.append("The boot before ended without a shutdown.")
        case _ if ending is not None:
            sentences.append(
                f"The agent did not see the boot before end; {ending.noted_by} noted a shutdown."
            )
        case _:
            sentences.append("The agent did not see the boot before end.")
    if downtime_seconds is not None:
        sentences.append(f"The host was down for {_in_words(downtime_seconds)}.")
    return sentences


def _in_words(seconds: int) -> str:
    """Return a duration as people say it, as `2 h 5 min`."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    told = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(told[:2]) or "less than a second"
