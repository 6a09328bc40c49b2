"""Which boot this is: its identity, and what came up with it.

`psutil.boot_time()` moves with the wall clock, so it is never an identity: the kernel's boot_id is, and
in a container, where that may be the host's, the moment at which the container's init was started too.
"""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from collectors.collector import CollectorError, NotApplicable

INITIAL_PID_NAMESPACE = "pid:[4026531836]"
"""PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h: the same on every host."""

BOOT_ID = Path("proc/sys/kernel/random/boot_id")

_INITS = frozenset(
    {"systemd", "init", "openrc-init", "runit", "s6-svscan", "dinit", "shepherd", "finit", "procd"}
)


class Boot(msgspec.Struct, frozen=True, kw_only=True):
    """One boot of this host, and the system that it brought up."""

    boot_id: str
    kernel: str
    os: str = ""
    """What /etc/os-release calls the system."""
    init_started: float = 0.0
    """In a container, when its init was started, in seconds of CLOCK_BOOTTIME; else 0."""
    in_container: bool = False

    @property
    def identity(self) -> str:
        """The name of this boot, which no other boot of any host shares."""
        return f"{self.boot_id}:{self.init_started}" if self.in_container else self.boot_id


def read_boot(
    root: Path = Path("/"),
    *,
    read_kernel: Callable[[], str] = lambda: os.uname().release,
    ticks_per_second: int = os.sysconf("SC_CLK_TCK"),
) -> Boot:
    """Read which boot this is; raise `NotApplicable` in a container that never boots."""
    in_container = _read_pid_namespace(root) not in {INITIAL_PID_NAMESPACE, ""}
    if in_container and not _has_init(root):
        raise NotApplicable("a container without an init of its own has no boots")
    return Boot(
        boot_id=_read_boot_id(root, in_container=in_container),
        kernel=read_kernel(),
        os=parse_os_release(_read(root / "etc/os-release") or _read(root / "usr/lib/os-release")),
        init_started=parse_start_ticks(_read(root / "proc/1/stat")) / ticks_per_second if in_container else 0,
        in_container=in_container,
    )


def parse_os_release(text: str) -> str:
    """Return the name of the system for people, as `Debian GNU/Linux 12 (bookworm)`; see os-release(5)."""
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return fields.get("PRETTY_NAME", fields.get("NAME", "")).strip("\"'")


def parse_start_ticks(stat: str) -> int:
    """Return field 22 of /proc/PID/stat, the clock ticks from boot to the start of the process; else 0."""
    _, _, after_name = stat.rpartition(")")
    fields = after_name.split()
    start_time = 22 - 3  # the name is field 2; what follows it starts with field 3
    return int(fields[start_time]) if len(fields) > start_time else 0


def _read_boot_id(root: Path, *, in_container: bool) -> str:
    """Read the boot_id as init sees it.

    systemd-nspawn gives a container a boot_id of its own by a mount over this file, and a unit with
    ProtectKernelTunables or ProtectControlGroups gets a /proc without that mount (tried, systemd 252).
    """
    if in_container and (boot_id := _read(root / "proc/1/root" / BOOT_ID).strip()):
        return boot_id
    boot_id = _read(root / BOOT_ID).strip()
    if not boot_id:
        raise CollectorError(f"{root / BOOT_ID} cannot be read", "the unit must not set ProcSubset=pid")
    return boot_id


def _read_pid_namespace(root: Path) -> str:
    try:
        return str((root / "proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _has_init(root: Path) -> bool:
    name = _read(root / "proc/1/comm").strip()
    # hidepid and ProtectProc hide init from us; systemd is then known by its directory
    return name in _INITS if name else (root / "run/systemd/system").is_dir()


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
