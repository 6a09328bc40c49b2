"""Attacks on an installed agent, and what they cost the host's record: deaths, blind seconds, lost events.

    make attacks        (or: python bench/attacks.py --only files,flood)

Boots a real Debian in a container with the agent as `packaging/install` leaves it, under its unit, with `max_size: 8MiB`
on a disk of 32 MiB. Each attack of `attack_kinds.py` runs while a file is changed and an event is sent every second. Two
receivers listen: one all the time, one only when the attack is over. After it the service is restarted, and the witnesses go on.

inputs: hostile files, posts, connections, signals or units. deaths: the process ended without being asked to. restarted: collectors
that ended and were started again. blind: the longest from a witness to its event in the host's own history (`sts-agent
log -f`), or at the first receiver where it comes there first. dropped: witnesses that a receiver never got because there was no room, as the agent counted and told by
itself. lost: others that were accepted and never came to both. refused: `event send` said that it could not. Needs root and what
`make test-deps` installs.
"""

import argparse
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "tests/host"))

from harness import image
from harness.host import Host, agent_layer
from harness.receiver import Receiver

CHANGED, SENT = "ConfigurationChangedEvent", "WitnessEvent"
UNIT = "sts-agent.service"
WITNESSES = "/etc/witness"
FILES = 60
PATIENCE_SECONDS = 120.0
AFTERWARDS_SECONDS = 5.0
HEADER = ("attack", "inputs", "deaths", "restarted", "blind s", "dropped", "lost", "refused", "peak MiB")


class Stamped(Receiver):
    """Notes when each witness came."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.dropped = 0
        super().__init__()

    def _take(self, received: Any) -> None:
        super()._take(received)
        event = received.event
        if event["event_type"] == SENT:
            self.arrived.setdefault(event["msg_title"], time.monotonic())
        elif event["event_type"] == "EventsDroppedEvent":
            self.dropped += event["context"]["data"]["count"]
        elif str(event["context"]["data"].get("path")).startswith(WITNESSES):
            self.arrived.setdefault(str(event["context"]["data"].get("new_sha256")), time.monotonic())


class Recorded:
    """When each witness was in the host's own history, as `sts-agent log -f` shows it.

    Events that were sent by hand as well: else they would be known from a receiver alone, which has them when its backlog is done.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._ending = threading.Event()
        self.seen: dict[str, float] = {}
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()

    def _follow(self) -> None:
        types = ("--type", CHANGED, "--type", SENT)
        command = ("/opt/sts-agent/bin/sts-agent", "log", "-f", "--json", "-n", "200", *types)
        while not self._ending.is_set():
            with self._host.running(*command) as log:
                for line in log.stdout or ():
                    with suppress(ValueError, KeyError, TypeError):
                        event = json.loads(line)
                        data = event["context"]["data"]
                        which = event["msg_title"] if event["event_type"] == SENT else data["new_sha256"]
                        self.seen.setdefault(str(which), time.monotonic())
            self._ending.wait(1)


class Witnesses:
    """Changes a file and sends an event every second, each on a thread of its own, while it is not held."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.made: dict[str, float] = {}
        self.refused = 0
        self._may_go = threading.Lock()
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(make,)) for make in (self._change, self._send)
        ]

    def start(self) -> None:
        for number in range(FILES):
            self._host.write(f"{WITNESSES}/{number}", "before\n")
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ending.set()
        for thread in filter(threading.Thread.is_alive, self._threads):
            thread.join()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make none within the block."""
        with self._may_go:
            yield

    def take(self) -> tuple[dict[str, float], int]:
        """Return when each was made since the last time, and how many sends were refused."""
        with self._may_go:
            made, self.made = self.made, {}
            refused, self.refused = self.refused, 0
        return made, refused

    def _run(self, make: Callable[[int], None]) -> None:
        number = 0
        while not self._ending.wait(1):
            with self._may_go:
                make(number)
            number += 1

    def _change(self, number: int) -> None:
        text = f"{number}\n"
        self._host.path(f"{WITNESSES}/{number % FILES}").write_text(text)
        self.made[hashlib.sha256(text.encode()).hexdigest()] = time.monotonic()

    def _send(self, number: int) -> None:
        done = self._host.agent("event", "send", SENT, "--title", f"{number}", check=False)
        if done.returncode == 0:
            self.made[f"{number}"] = time.monotonic()
        else:
            self.refused += 1
            print(f"  refused: {done.stderr.strip()}", file=sys.stderr, flush=True)


@dataclass
class Arena:
    """What an attack may use: the host, the receivers, and restarts that are not deaths."""

    host: Host
    live: Stamped
    late: Stamped
    witnesses: Witnesses
    recorded: Recorded
    deaths: int = 0
    restarted: int = 0
    peak_kib: int = 0
    _pid: str = ""
    _restarts: dict[str, int] = field(default_factory=dict)

    def pid(self) -> str:
        return self.host.property(UNIT, "MainPID")

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.host.agent("status", "--json").stdout))

    def begin(self) -> None:
        """Take the process that runs now for the one that has to live."""
        self.deaths = self.restarted = self.peak_kib = 0
        self._take_over()

    def look(self) -> None:
        """Count whether it still runs, and what its collectors went through."""
        pid = self.pid()
        if pid != self._pid:
            self.deaths += max(1, int(self.host.property(UNIT, "NRestarts")))
        for name, restarts in self._collectors().items():
            self.restarted += max(0, restarts - self._restarts.get(name, 0)) if pid == self._pid else restarts
        status = self.host.path(f"/proc/{pid}/status").read_text()
        self.peak_kib = max(self.peak_kib, int(status.partition("VmHWM:")[2].split()[0]))
        self._take_over()

    def restart(self) -> None:
        """Restart the service as an operator does; return when it watches."""
        with self.witnesses.held():
            self.look()
            self.host.run("systemctl", "restart", UNIT, timeout_seconds=120)
            self.host.wait_until_watching("files", timeout_seconds=120)
            self._take_over()

    def _take_over(self) -> None:
        self._pid, self._restarts = self.pid(), self._collectors()

    def _collectors(self) -> dict[str, int]:
        return {name: one.get("restarts", 0) for name, one in self.status()["collectors"].items()}


Attack = Callable[[Arena], int]


def measure(arena: Arena, attack: Attack) -> tuple[str, ...]:
    """Run one attack; return its line of the table."""
    arena.witnesses.take()
    arena.late.go_away()
    arena.begin()
    dropped_before = arena.live.dropped
    inputs = attack(arena)
    time.sleep(AFTERWARDS_SECONDS)
    arena.restart()
    time.sleep(AFTERWARDS_SECONDS)
    arena.late.come_back()
    made, refused = arena.witnesses.take()
    missing = _missing(arena, made)
    arena.look()
    dropped = min(len(missing), arena.live.dropped - dropped_before)
    blind = _waits(made, [arena.recorded.seen, arena.live.arrived])
    if missing:
        print(f"  missing: {sorted(missing)[:5]}", file=sys.stderr, flush=True)
    name = str(attack.__doc__).partition("\n")[0].rstrip(".")
    figures = (
        f"{inputs:,}",
        arena.deaths,
        arena.restarted,
        f"{max(blind, default=0):.1f}",
        dropped,
        len(missing) - dropped,
        refused,
    )
    return (name, *map(str, figures), f"{arena.peak_kib / 1024:.0f}")


def _waits(made: dict[str, float], known: Sequence[dict[str, float]]) -> list[float]:
    """Return how long each witness that is known anywhere waited until it was known first."""
    return [
        min(one[which] for one in known if which in one) - at
        for which, at in made.items()
        if any(which in one for one in known)
    ]


def _missing(arena: Arena, made: dict[str, float]) -> set[str]:
    end = time.monotonic() + PATIENCE_SECONDS
    while missing := made.keys() - (arena.live.arrived.keys() & arena.late.arrived.keys()):
        if time.monotonic() > end:
            break
        time.sleep(0.2)
    return set(missing)


def prepare(host: Host, late: Stamped) -> None:
    """Configure a host that is off: two destinations, a small spool on a small disk, everything watched."""
    host.configure(
        f"  late:\n    type: stackstate\n    url: {late.url}\n    api_key_file: /etc/sts-agent/api_key\n"
        "    backoff: {initial: 100ms, max: 500ms}\nspool: {max_size: 8MiB}\n"
    )
    host.write(
        "/etc/sts-agent/conf.d/attacked.yaml",
        f"files:\n  - paths: ['{WITNESSES}/**', '/etc/app/**']\n"
        "processes:\n  - name: any\n    match: {cmdline: '*odd*'}\n"
        "puppet: {report_dir: /var/lib/reports}\n",
    )
    for directory in (WITNESSES, "/etc/app", "/var/lib/reports/edge"):
        host.path(directory).mkdir(parents=True)
    host.write("/etc/fstab", "tmpfs /var/lib/sts-agent tmpfs size=32m,mode=0710 0 0\n")


def main() -> None:
    from attack_kinds import ATTACKS

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(ATTACKS), help="which, with commas: %(default)s")
    options = parser.parse_args()
    if reason := image.missing():
        raise SystemExit(f"needs a booted host: {reason} (make test-deps, as root)")
    base = image.base()
    live, late = Stamped(), Stamped()
    host = Host([agent_layer(base), base], live)
    witnesses = Witnesses(host)
    recorded = None
    try:
        prepare(host, late)
        host.boot()
        host.wait_until_watching("files")
        witnesses.start()
        print(f"| {' | '.join(HEADER)} |\n|---|{'---:|' * (len(HEADER) - 1)}", flush=True)
        recorded = Recorded(host)
        arena = Arena(host, live, late, witnesses, recorded)
        for name in options.only.split(","):
            print(f"| {' | '.join(measure(arena, ATTACKS[name]))} |", flush=True)
    finally:
        witnesses.stop()
        if recorded is not None:
            recorded.stop()
        host.close()
        live.go_away()
        late.go_away()


if __name__ == "__main__":
    main()
