"""What the agent takes of a host on which nothing happens, as its package installs it: memory, wake-ups, wear of the disk; and its commands.

    python bench/at_rest.py [--minutes 20]        (as root, after make test-deps; part of make bench)

Memory, wake-ups and writes are counted from out here while the host rests, so that nothing is woken to tell; they depend little on
the load. A day's writes are those of the time of rest, so many times over; the busy day has once more what docs/quiet-day.md does.
"""

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import installed
import quiet_day
import syncs
from installed import UNIT, Use
from rows import HEAD, RULE, Row, load

SETTLE_SECONDS = 30.0
HEARTBEAT_SECONDS = 300.0
DAY_SECONDS = 86400.0
_ROUNDS = 9
_OBJECT = "/org/freedesktop/systemd1/unit/sts_2dagent_2eservice"
_BEGAN = 4  # of what systemd tells of a step: its path, words, whether it may fail, its begin by the wall and since the boot
_PYTHON = ("/usr/bin/python3.11", "-I", "-S", "-B", "-c")
_COMMANDS = {
    "`event send`": (60, ["sts-agent", "event", "send", "BenchEvent", "--title", "one"]),
    "`status`": (120, ["sts-agent", "status"]),
    "`log`": (120, ["sts-agent", "log"]),
}
"""The goal in ms, and the words."""
_BARE = "a bare Python"
_TIMING = """
import json, os, subprocess, sys, time
rounds, commands = json.loads(sys.argv[1])
took = {name: [] for name in commands}
for _ in range(rounds):
    for name, words in commands.items():
        began = time.perf_counter()
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, use = os.wait4(child.pid, 0)
        took[name].append((time.perf_counter() - began, use.ru_utime + use.ru_stime))
        child.returncode = status
        if status:
            sys.exit(f"{words} ended with {status}")
print(json.dumps(took))
"""
_RECORDER = "sqlite3, msgspec, yaml, httptools, schedule, watchdog.observers.inotify, jeepney.io.blocking, argparse, logging"
_DELIVERING = f"{_RECORDER}, requests"
_FLOOR = """
import sys
sys.path.append("/opt/sts-agent/lib")
sys.modules["charset_normalizer"] = sys.modules["chardet"] = None
import warnings
warnings.simplefilter("ignore")
import {modules}
print(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])
"""
"""The least a Python with these modules can hold: those are loaded, and nothing else."""


class Rest(NamedTuple):
    """A host that rests, and what its agent had used when it began to."""

    host: Any
    pid: int
    counted: syncs.Syncs
    began: float
    before: Use
    syncs_before: int


@contextmanager
def resting() -> Iterator[Rest]:
    """Yield a host that rests from now on; whoever does other work meanwhile disturbs it little."""
    with installed.host() as host:
        time.sleep(SETTLE_SECONDS)
        installed.scrape(host)
        time.sleep(SETTLE_SECONDS)
        pid = installed.pid_of(host)
        with syncs.counting(pid) as counted:
            yield Rest(host, pid, counted, time.monotonic(), installed.use_of(pid), counted.count())


def rows(rest: Rest, at_least_seconds: float) -> Iterator[Row]:
    """Yield the figures of the time of rest, made so long, and then those of what needs the host awake."""
    _wait_for_whole_heartbeats(rest, at_least_seconds)
    yield from _of_rest(rest)
    yield from _of_starts(rest.host)
    yield from _of_commands(rest.host)
    yield from _of_a_recorder(rest.host)


def _wait_for_whole_heartbeats(rest: Rest, seconds: float) -> None:
    """Sleep on until the end of a heartbeat's time: whole ones have as many in them, wherever they begin."""
    rested = max(time.monotonic() - rest.began, seconds)
    whole = -(-rested // HEARTBEAT_SECONDS) * HEARTBEAT_SECONDS if seconds >= HEARTBEAT_SECONDS else rested
    time.sleep(max(rest.began + whole - time.monotonic(), 0))


def _of_rest(rest: Rest) -> Iterator[Row]:
    now, synced = installed.use_of(rest.pid), rest.counted.count() - rest.syncs_before
    seconds = time.monotonic() - rest.began
    title = f"of {seconds / 60:.0f} minutes"
    least = _floor(rest.host, _DELIVERING)
    yield Row("idle: resident memory, one destination, scraped", "MiB", now.rss_mib, load=load()).within(
        40, least
    )
    yield Row("idle: of it its own and its share", "MiB", now.pss_mib, load=load())
    woken = (now.wakeups - rest.before.wakeups) / seconds * 60
    yield Row(f"idle: wake-ups, {title}", "a minute", woken, load=load()).within(8)
    days = seconds / DAY_SECONDS
    quiet = Wear(synced / days, (now.written_bytes - rest.before.written_bytes) / days / 1e6)
    yield Row(f"quiet day: syncs, {title}", "", quiet.syncs, load=load()).within(
        300, DAY_SECONDS / HEARTBEAT_SECONDS
    )
    yield Row(f"quiet day: written, {title}", "MB", quiet.megabytes, load=load()).within(5)
    more = _of_busy_hours(rest)
    yield Row("busy day: syncs", "", quiet.syncs + more.syncs, load=load())
    yield Row("busy day: written", "MB", quiet.megabytes + more.megabytes, load=load())


class Wear(NamedTuple):
    """What was done to the disk."""

    syncs: float
    megabytes: float


def _of_busy_hours(rest: Rest) -> Wear:
    """Return what the events of an ordinary day cost, all but its reboot."""
    synced, written = rest.counted.count(), installed.use_of(rest.pid).written_bytes
    for _, script in quiet_day.DAY:
        rest.host.run("sh", "-c", script, check=False, timeout_seconds=300)
    rest.host.catch_up()
    time.sleep(SETTLE_SECONDS)
    return Wear(rest.counted.count() - synced, (installed.use_of(rest.pid).written_bytes - written) / 1e6)


def _of_starts(host: Any) -> Iterator[Row]:
    """Start the agent by its unit, until it says that it is ready."""
    ready, used = [], []
    for _ in range(_ROUNDS):
        host.run("systemctl", "restart", UNIT)
        used.append(installed.use_of(installed.pid_of(host)).cpu_seconds)
        ready.append((_ready_at(host) - int(host.property(UNIT, "ExecMainStartTimestampMonotonic"))) / 1e6)
        host.wait_until_watching("services", "files")
    yield Row("start until READY", "s", statistics.median(ready), load=load()).within(0.25)
    yield Row("start until READY was seen, CPU", "s", statistics.median(used), load=load())


def _ready_at(host: Any) -> int:
    """Return when READY was heard, in microseconds: with that systemd begins the step after the start, which would count as well until it is over."""
    words = ("org.freedesktop.systemd1", _OBJECT, "org.freedesktop.systemd1.Service", "ExecStartPost")
    said = json.loads(host.run("busctl", "--json=short", "get-property", *words).stdout)
    return int(said["data"][0][_BEGAN])


def _of_commands(host: Any) -> Iterator[Row]:
    bare = {_BARE: ["/bin/sh", "-c", f"exec {' '.join(_PYTHON)} pass"]}
    words = bare | {name: words for name, (_, words) in _COMMANDS.items()}
    said = host.run(_PYTHON[0], "-c", _TIMING, json.dumps([_ROUNDS, words]), timeout_seconds=300).stdout
    found = {
        name: [1000 * statistics.median(one) for one in zip(*took, strict=True)]
        for name, took in json.loads(said).items()
    }
    for name, (goal, _) in _COMMANDS.items():
        for what, mine, least in zip((name, f"{name}, CPU"), found[name], found[_BARE], strict=True):
            yield Row(what, "ms", mine, load=load()).within(goal, least)


def _of_a_recorder(host: Any) -> Iterator[Row]:
    least = _floor(host, _RECORDER)
    host.write("/etc/sts-agent/agent.yaml", f"hostname: {host.name}\n")
    installed.restart(host)
    time.sleep(SETTLE_SECONDS)
    now = installed.use_of(installed.pid_of(host))
    yield Row("idle: resident memory, a recorder", "MiB", now.rss_mib, load=load()).within(32, least)


def _floor(host: Any, modules: str) -> float:
    return int(host.run(*_PYTHON, _FLOOR.format(modules=modules)).stdout) / 1024


def main() -> None:
    """Let a host rest, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20, help="of rest: %(default)s")
    options = parser.parse_args()
    if reason := installed.missing() or syncs.missing():
        raise SystemExit(f"needs a booted host: {reason} (make test-deps, as root)")
    print(HEAD, RULE, sep="\n", flush=True)
    with resting() as rest:
        for row in rows(rest, 60 * options.minutes):
            print(row.line(), flush=True)


if __name__ == "__main__":
    main()
