"""A booted Debian on which dpkg installed the package, as an operator has it, and what its agent uses there, read from out here.

Its spool lies on the machine's own disk, since the file system of such a host is memory. It has one destination, which takes
everything, and may see who changes a file, as a machine of its own. What is done once in the life of a host is done: a quarter of an hour stands for a day.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import quiet_day

UNIT = "sts-agent.service"
SPOOL = "/var/lib/sts-agent"
SOCKET = "/run/sts-agent/intake.sock"
_ALLOWED = "--system-call-filter=fanotify_init fanotify_mark"
_DISK = Path("/var/tmp")
_PYTHON = ("/usr/bin/python3.11", "-I", "-S", "-B", "-c")
_STAMPED_TWICE = f"""
import sys
sys.path.append("/opt/sts-agent/lib")
from pathlib import Path
from spool.stamp import Stamp
for _ in range(2):
    Stamp(Path("{SPOOL}"), "host").write(b"")
"""
"""What a host that has run for ten minutes has: the files of its stamps, each of which takes one more sync once in its life."""


class Use(NamedTuple):
    """What the agent's process has used so far, and what it holds."""

    wakeups: int
    """Context switches of its own accord, of all threads."""
    cpu_seconds: float
    written_bytes: int
    rss_mib: float
    pss_mib: float


def missing() -> str | None:
    """Return why no such host can be had here, or None."""
    sys.path[:0] = [str(Path(__file__).parents[1] / "tests/host"), str(Path(__file__).parents[1])]
    from harness import image

    return image.missing()


@contextmanager
def host() -> Iterator[Any]:
    """Yield one that watches, with what docs/quiet-day.md needs on it."""
    from harness import image
    from harness.host import Host
    from harness.packages import VERSION, apt, bring, built
    from harness.receiver import Receiver

    base = image.base(quiet_day.PACKAGES)
    receiver = Receiver()
    made = Host([base], receiver)
    disk = Path(tempfile.mkdtemp(prefix="sts-bench-", dir=_DISK))
    try:
        quiet_day.prepare(made)
        made.boot(options=[_ALLOWED, f"--bind={disk}:{SPOOL}"])
        apt(made, "install", bring(made, built("deb", VERSION)))
        made.configure()
        made.run("systemctl", "stop", UNIT)
        made.run("runuser", "-u", "sts-agent", "--", *_PYTHON, _STAMPED_TWICE)
        restart(made)
        yield made
    finally:
        made.close()
        receiver.go_away()
        shutil.rmtree(disk, ignore_errors=True)


def restart(made: Any) -> None:
    """Start the agent anew, and wait until it watches."""
    made.run("systemctl", "restart", UNIT)
    made.wait_until_watching("services", "files")


def pid_of(made: Any) -> int:
    """Return the pid of the agent as it is called out here."""
    inside, room = made.property(UNIT, "MainPID"), Path(f"/proc/{made.leader}/ns/pid").readlink()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_there = (process / "ns/pid").readlink() == room
            if is_there and _fields(process / "status")["NSpid"].split()[-1] == inside:
                return int(process.name)
        except OSError:
            continue  # it has ended meanwhile
    raise SystemExit(f"no process is {UNIT}")


def scrape(made: Any) -> None:
    """Read the metrics once, as a Prometheus does."""
    from agent.cli.daemon_client import ask

    answer = ask(made.path(SOCKET), "GET", "/metrics")
    if answer.status != 200:
        raise SystemExit(f"the metrics were answered with {answer.status}: {answer.reason}")


def use_of(pid: int) -> Use:
    """Return what a process has used so far; nothing of it is woken to tell."""
    process = Path(f"/proc/{pid}")
    tasks = list((process / "task").iterdir())
    memory = _fields(process / "smaps_rollup")
    return Use(
        sum(int(_fields(task / "status")["voluntary_ctxt_switches"]) for task in tasks),
        sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9,
        int(_fields(process / "io")["write_bytes"]),
        int(memory["Rss"].split()[0]) / 1024,
        int(memory["Pss"].split()[0]) / 1024,
    )


def _fields(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines()
    return {name: value for name, colon, value in (line.partition(":") for line in lines) if colon}
