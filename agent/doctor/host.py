"""What the daemon needs of the host itself: a name, a clock, a directory, room, inotify, a bus."""

import os
from collections.abc import Callable
from pathlib import Path

from agent.configuration.units import format_size
from agent.runtime.status import LITTLE_ROOM_BYTES
from agent.systems.finding import Finding, Level
from collectors._portable import counted

INOTIFY = Path("/proc/sys/fs/inotify")
SYSTEMD = Path("/run/systemd/system")

_LEAST_INSTANCES = 16


def look_at_name(name: str | None) -> Finding:
    """Tell the name events are filed under."""
    if name is None:
        return Finding(
            "hostname", "fail", "this host has no name of its own", "set one, or `hostname:` in agent.yaml"
        )
    return Finding("hostname", "ok", f"events are filed under urn:host:/{name}")


def look_at_clock(*, is_trusted: bool) -> Finding:
    """Tell whether the wall clock is right: it is not where a program that sets it runs, and has not done so."""
    if is_trusted:
        return Finding("clock", "ok", "the clock is kept right")
    return Finding(
        "clock",
        "warn",
        "the clock has not been set by a time server (yet): times may be wrong, and nothing is dropped by age",
        "look at `timedatectl`, or `chronyc sources`: a time server has to be reached",
    )


def look_at_spool(directory: Path, max_size_bytes: int) -> list[Finding]:
    """Tell whether events can be kept, and whether there is room for as many as configured."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        advice = (
            f"under systemd the service may write to its state directory alone: `systemctl edit sts-agent`, and write"
            f" [Service] and below it ReadWritePaths={directory}; make the directory first, owned by sts-agent"
        )
        return [Finding("spool", "fail", f"{directory} is read-only for the agent", advice)]
    if not there.is_dir():
        return [Finding("spool", "fail", f"{there} is no directory", "name another spool.directory")]
    if there != directory and not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
        advice = f"make it, owned by the service's user; systemd does so by StateDirectory= for {directory}"
        level: Level = "warn" if directory == Path("/var/lib/sts-agent") else "fail"
        return [Finding("spool", level, f"{directory} does not exist yet", advice)]
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        advice = f"give it to the service's user: chown -R sts-agent: {directory}"
        return [Finding("spool", "fail", f"{directory} may not be written", advice)]
    return [
        Finding("spool", "ok", f"{directory} may be written"),
        _look_at_room(there, directory, max_size_bytes),
    ]


def _look_at_room(there: Path, directory: Path, max_size_bytes: int) -> Finding:
    status = os.statvfs(there)
    free = status.f_bavail * status.f_frsize
    used = (
        sum(file.stat().st_size for file in directory.glob("*") if file.is_file())
        if there == directory
        else 0
    )
    text = f"{free // 2**20} MiB are free below {there}"
    if free < LITTLE_ROOM_BYTES:
        return Finding("disk space", "fail", text, "make room, or name another spool.directory")
    if free < max_size_bytes - used:
        advice = f"make room, or lower spool.max_size from {format_size(max_size_bytes)}"
        return Finding("disk space", "warn", text, advice)
    return Finding("disk space", "ok", text)


def look_at_inotify(directories: int, root: Path = INOTIFY) -> list[Finding]:
    """Tell whether the kernel lets a user watch so many directories."""
    try:
        watches = int((root / "max_user_watches").read_text())
        instances = int((root / "max_user_instances").read_text())
    except (OSError, ValueError):
        return [
            Finding(
                "inotify",
                "warn",
                "the limits cannot be read",
                "files will be found changed by a slow compare",
            )
        ]
    findings = []
    if watches < 2 * directories:
        text = (
            f"to be watched: {counted(directories, 'directory', 'directories')}; {watches} is all a user may"
        )
        advice = f"sysctl fs.inotify.max_user_watches={max(4 * directories, 65536)}"
        findings.append(Finding("inotify", "fail" if watches < directories else "warn", text, advice))
    if instances < _LEAST_INSTANCES:
        text = f"a user may have only {instances} inotify instances"
        findings.append(Finding("inotify", "warn", text, "sysctl fs.inotify.max_user_instances=128"))
    return findings or [
        Finding(
            "inotify", "ok", f"{counted(directories, 'directory', 'directories')} to watch, {watches} allowed"
        )
    ]


def look_at_bus(connect: Callable[[], str], systemd: Path = SYSTEMD) -> Finding:
    """Tell whether systemd can be asked about its units; `connect` returns its version, or raises."""
    if not systemd.is_dir():
        return Finding(
            "D-Bus", "warn", "systemd does not run here: services are not watched", "watch processes instead"
        )
    try:
        version = connect()
    except Exception as error:  # noqa: BLE001 - whatever keeps us from the bus is the finding
        text = f"systemd cannot be asked over the system bus: {error or type(error).__name__}"
        return Finding(
            "D-Bus", "fail", text, "start dbus, and look whether its policy lets the service's user in"
        )
    return Finding("D-Bus", "ok", f"systemd {version} answers")


def ask_systemd_version() -> str:
    """Return systemd's version as it says over the system bus."""
    from jeepney import DBusAddress, Properties
    from jeepney.io.blocking import open_dbus_connection

    systemd = DBusAddress(
        "/org/freedesktop/systemd1", "org.freedesktop.systemd1", "org.freedesktop.systemd1.Manager"
    )
    with open_dbus_connection(bus="SYSTEM") as bus:
        reply = bus.send_and_get_reply(Properties(systemd).get("Version"), timeout=5)
    return str(reply.body[0][1])
