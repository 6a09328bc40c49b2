"""This agent and syslog-ng side by side: the same events through each into the same HTTP sink.

    make bench-delivery        (or: python bench/delivery.py --events 200000 --backlog 1000000)

Five runs of each, in turn: batches of 200 and of 1, each with the sink there and after an outage, and a
long outage with a restart in it. The figures are of the forwarder's process alone, after a warm-up: CPU
seconds, wall seconds until the sink has every event, peak resident memory, bytes written to disk. What differs is said beside the table: this agent has synced
every event before it acknowledges it; syslog-ng (reliable disk buffer) acknowledges nothing on a stream and syncs nothing.
"""

import argparse
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Protocol

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE_SECONDS = 900
WARM_UP_EVENTS = 2_000
STARTS = 5


def event(number: int) -> bytes:
    """Return one event of about 490 bytes, no two alike."""
    value = {
        "context": {
            "category": "Activities",
            "source": "bench",
            "source_identifier": f"019f0000-0000-7000-8000-{number:012x}",
            "element_identifiers": ["urn:host:/bench.example.com"],
            "source_links": [],
            "data": {"unit": f"worker-{number % 97}.service", "state": "active", "main_pid": number},
        },
        "event_type": "ServiceStartedEvent",
        "msg_title": f"worker-{number % 97}.service started",
        "msg_text": f"Started worker {number} with {number * 2654435761 % 2**32:08x}",
        "source_type_name": "bench",
        "host": "bench.example.com",
        "tags": ["env:bench", f"shard:{number % 13}"],
        "timestamp": 1_750_000_000 + number // 100,
    }
    return json.dumps(value, separators=(",", ":")).encode()


class Forwarder(Protocol):
    """A program under test: how it starts, and how events are handed to it."""

    name: str

    def configure(self, directory: Path, port: int) -> None: ...

    def start(self, directory: Path) -> subprocess.Popen[bytes]: ...

    def feed(self, directory: Path, batches: Iterator[list[bytes]]) -> None: ...


class ThisAgent:
    """`sts-agent run`, fed by HTTP through its socket; every batch is on disk when it is answered."""

    name = "sts-agent"

    def configure(self, directory: Path, port: int) -> None:
        """Write a configuration with one destination, no collectors, and a cap that holds the backlog."""
        (directory / "conf.d").mkdir()
        (directory / "agent.yaml").write_text(
            "hostname: bench.example.com\nhost: false\nservices: false\npackages: false\n"
            f"destinations:\n  sink:\n    type: stackstate\n    url: http://127.0.0.1:{port}/stsAgent\n"
            "    api_key: bench\n    backoff: {initial: 100ms, max: 1s}\n"
            f"spool: {{directory: {directory}/spool, max_size: 8GiB}}\nintake: {{socket: {directory}/intake.sock}}\n"
        )

    def start(self, directory: Path) -> subprocess.Popen[bytes]:
        """Run until it listens."""
        program = str(Path(sys.executable).with_name("sts-agent"))
        command = [program, "run", "--config", str(directory / "agent.yaml")]
        process = subprocess.Popen(command, stderr=(directory / "log").open("wb"))
        wait_until(lambda: connects(directory / "intake.sock"), "the agent's socket")
        return process

    def feed(self, directory: Path, batches: Iterator[list[bytes]]) -> None:
        """Post each batch; wait for the answer; come again when told to slow down."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(directory / "intake.sock"))
        for batch in batches:
            body = b'{"internalHostname":"bench.example.com","events":{"bench":[' + b",".join(batch) + b"]}}"
            while True:
                connection.request("POST", "/stsAgent/intake", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != http.client.TOO_MANY_REQUESTS:
                    break
                time.sleep(float(answer.headers.get("Retry-After", "0.1")))
            if answer.status != http.client.OK:
                raise SystemExit(f"sts-agent answered {answer.status}: {text[:300]!r}")
        connection.close()


class SyslogNg:
    """syslog-ng with a reliable disk buffer and its HTTP destination, fed by lines through a Unix stream."""

    name = "syslog-ng"

    def configure(self, directory: Path, port: int) -> None:
        """Write a configuration with everything of its own below `directory`."""
        (directory / "buffers").mkdir()
        (directory / "syslog-ng.conf").write_text(
            f"""@version: 3.35
options {{ stats-freq(0); time-reopen(1); log-msg-size(65536); }};
source s {{ unix-stream("{directory}/in.sock" flags(no-parse) max-connections(10) log-iw-size(20000) log-fetch-limit(1000)); }};
destination d {{ http(url("http://127.0.0.1:{port}/stsAgent/intake") method("POST") headers("Content-Type: application/json")
  body-prefix('{{"internalHostname":"bench.example.com","events":{{"bench":[') delimiter(",") body-suffix("]}}}}")
  body("$MSG") batch-lines(1000) batch-bytes(900kB) batch-timeout(250) retries(1000000)
  disk-buffer(reliable(yes) disk-buf-size(4294967296) mem-buf-size(16777216) dir("{directory}/buffers"))); }};
log {{ source(s); destination(d); flags(flow-control); }};
"""
        )

    def start(self, directory: Path) -> subprocess.Popen[bytes]:
        """Run in the foreground until it listens."""
        command = ["syslog-ng", "-F", "--no-caps", "-f", f"{directory}/syslog-ng.conf"]
        command += ["-R", f"{directory}/persist"]
        command += ["-p", f"{directory}/pid", "-c", f"{directory}/ctl"]
        process = subprocess.Popen(command, stderr=(directory / "log").open("wb"))
        wait_until(lambda: connects(directory / "in.sock"), "syslog-ng's socket")
        return process

    def feed(self, directory: Path, batches: Iterator[list[bytes]]) -> None:
        """Write each batch as lines with one call."""
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(str(directory / "in.sock"))
            for batch in batches:
                stream.sendall(b"\n".join(batch) + b"\n")


@dataclass(frozen=True)
class Usage:
    """What a process has used since it started."""

    cpu_seconds: float
    peak_bytes: int
    written_bytes: int


def usage(pid: int) -> Usage:
    """Read /proc for one process: its CPU time, peak resident memory, and bytes sent to the disk."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    io = dict(line.split(": ", 1) for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    cpu = (int(fields[11]) + int(fields[12])) / TICKS
    return Usage(cpu, int(status["VmHWM"].split()[0]) * 1024, int(io["write_bytes"]))


@dataclass(frozen=True)
class Figures:
    """One run of one forwarder; CPU of feeding and delivering apart."""

    fed_cpu: float
    drained_cpu: float
    fed_wall: float
    drained_wall: float
    peak: int
    idle: int
    written: int
    empty_start: float = 0.0
    """The shortest of some starts, until it listens; 0 where it was not measured."""
    full_start: float = 0.0

    @property
    def cpu(self) -> float:
        """Return the CPU seconds of feeding and delivering together."""
        return self.fed_cpu + self.drained_cpu


def in_turn(
    forwarders: Sequence[Forwarder], events: int, batch: int, turns: int, *, outage: bool
) -> list[Figures]:
    """Run some forwarders one after the other, so many times; return of each the run with the median CPU."""
    found = [[run(one, events, batch, outage=outage) for one in forwarders] for _ in range(turns)]
    return [sorted(of_one, key=attrgetter("cpu"))[turns // 2] for of_one in zip(*found, strict=True)]


def run(forwarder: Forwarder, events: int, batch: int, *, outage: bool, restart: bool = False) -> Figures:
    """Feed and drain `events`; with `outage` the sink is away until all are fed, with `restart` it is started anew in between."""
    directory = Path(tempfile.mkdtemp(prefix="sts-bench-"))
    port = free_port()
    forwarder.configure(directory, port)
    empty_start = shortest_start(forwarder, directory) if restart else 0.0
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory)
        sink = stack.enter_context(ending(start_sink(port)))
        process = stack.enter_context(ending(forwarder.start(directory)))
        idle = usage(process.pid).peak_bytes
        warm_up(forwarder, directory, process.pid, port)
        seen = count(port)
        if outage:
            end(sink)
            seen = 0
        began, before = time.monotonic(), usage(process.pid)
        forwarder.feed(directory, batches(events, batch))
        fed_at, fed = time.monotonic(), usage(process.pid)
        drain_began, rested, full_start = began, fed, 0.0
        if outage:
            wait_until(lambda: quiet(process.pid), "the forwarder to rest")
            fed = rested = usage(process.pid)
            if restart:
                end(process)
                full_start = shortest_start(forwarder, directory)
                process = stack.enter_context(ending(forwarder.start(directory)))
                wait_until(lambda: quiet(process.pid), "the forwarder to rest")
                rested = usage(process.pid)
            drain_began = time.monotonic()
            stack.enter_context(ending(start_sink(port)))
        wait_until(lambda: count(port) >= seen + events, f"{forwarder.name} to deliver {events} events")
        drained_at, after = time.monotonic(), usage(process.pid)
    return Figures(
        fed_cpu=fed.cpu_seconds - before.cpu_seconds,
        drained_cpu=after.cpu_seconds - rested.cpu_seconds,
        fed_wall=fed_at - began,
        drained_wall=drained_at - drain_began,
        peak=max(fed.peak_bytes, after.peak_bytes),
        idle=idle,
        written=fed.written_bytes - before.written_bytes + after.written_bytes - rested.written_bytes,
        empty_start=empty_start,
        full_start=full_start,
    )


def warm_up(forwarder: Forwarder, directory: Path, pid: int, port: int) -> None:
    """Let some events through, so that nothing of the first use is counted."""
    forwarder.feed(directory, batches(WARM_UP_EVENTS, 200))
    wait_until(lambda: count(port) >= WARM_UP_EVENTS, f"{forwarder.name} to deliver its first events")
    wait_until(lambda: quiet(pid), "the forwarder to rest")


def shortest_start(forwarder: Forwarder, directory: Path) -> float:
    """Return the seconds until it listens: the least of some starts, the rest being the machine's noise."""
    seconds = []
    for _ in range(STARTS):
        began = time.monotonic()
        process = forwarder.start(directory)
        seconds.append(time.monotonic() - began)
        end(process)
    return min(seconds)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours, if it has not ended."""
    process.terminate()
    process.wait(60)


@contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End the process at the end of the block."""
    try:
        yield process
    finally:
        end(process)


def batches(events: int, size: int) -> Iterator[list[bytes]]:
    """Yield `events` events in lists of `size`."""
    for first in range(0, events, size):
        yield [event(number) for number in range(first, min(first + size, events))]


@contextmanager
def _closing(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def count(port: int) -> int:
    """Return how many events the sink has."""
    try:
        with _closing(port) as connection:
            connection.request("GET", "/")
            return int(connection.getresponse().read().split()[0])
    except ConnectionError:
        return -1


def start_sink(port: int) -> subprocess.Popen[bytes]:
    """Start the sink and return when it answers."""
    process = subprocess.Popen([sys.executable, HERE / "sink.py", str(port)])
    wait_until(lambda: count(port) >= 0, "the sink")
    return process


def connects(path: Path) -> bool:
    """Return whether somebody listens on the Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def quiet(pid: int) -> bool:
    """Return whether the process used no CPU for half a second."""
    before = usage(pid).cpu_seconds
    time.sleep(0.5)
    return usage(pid).cpu_seconds - before <= 1 / TICKS


def wait_until(condition: object, what: str) -> None:
    """Poll until `condition()` holds; give up after a quarter of an hour."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {PATIENCE_SECONDS} s for {what}")
        time.sleep(0.02)


def free_port() -> int:
    """Return a port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def report(title: str, events: int, ours: Figures, theirs: Figures, *, outage: bool) -> None:
    """Print both and the ratio; above 1 means that this agent does better."""

    def row(what: str, mine: float, other: float, *, more_is_better: bool = False) -> None:
        ratio = (mine / other if more_is_better else other / mine) if mine and other else float("nan")
        print(f"  {what:34} {mine:14,.2f} {other:14,.2f} {ratio:8.2f}x")

    mib = 1024 * 1024
    print(f"\n{title}\n  {'':34} {'sts-agent':>14} {'syslog-ng':>14} {'ratio':>9}")
    whole = [figures.cpu for figures in (ours, theirs)]
    row("events per CPU second, in and out", events / whole[0], events / whole[1], more_is_better=True)
    if outage:
        drain = [figures.drained_cpu or 1 / TICKS for figures in (ours, theirs)]
        row("events per CPU second, drain alone", events / drain[0], events / drain[1], more_is_better=True)
        row("wall seconds to feed", ours.fed_wall, theirs.fed_wall)
        row("wall seconds to drain", ours.drained_wall, theirs.drained_wall)
    else:
        row("wall seconds until all arrived", ours.drained_wall, theirs.drained_wall)
    row("peak memory, MiB", ours.peak / mib, theirs.peak / mib)
    row("peak memory above idle, MiB", (ours.peak - ours.idle) / mib, (theirs.peak - theirs.idle) / mib)
    row("disk bytes written per event", ours.written / events, theirs.written / events)
    if ours.full_start:
        row("start-up with an empty spool, ms", ours.empty_start * 1000, theirs.empty_start * 1000)
        row("start-up with the backlog, ms", ours.full_start * 1000, theirs.full_start * 1000)


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--events", type=int, default=200_000, help="events in batches of 200; 0 leaves it out"
    )
    parser.add_argument("--singles", type=int, default=5_000, help="events in batches of 1; 0 leaves it out")
    parser.add_argument(
        "--backlog", type=int, default=1_000_000, help="events of the long outage; 0 leaves it out"
    )
    options = parser.parse_args()
    if shutil.which("syslog-ng") is None:
        raise SystemExit("needs syslog-ng: apt install syslog-ng-core syslog-ng-mod-http (make test-deps)")
    runs = [
        (f"{options.events:,} events in batches of 200, sink there", options.events, 200, False, False),
        (f"{options.events:,} events in batches of 200, after an outage", options.events, 200, True, False),
        (f"{options.singles:,} events one by one, sink there", options.singles, 1, False, False),
        (f"{options.singles:,} events one by one, after an outage", options.singles, 1, True, False),
        (f"{options.backlog:,} events, after an outage and a restart", options.backlog, 200, True, True),
    ]
    for title, events, size, outage, restart in runs:
        if events:
            ours = run(ThisAgent(), events, size, outage=outage, restart=restart)
            theirs = run(SyslogNg(), events, size, outage=outage, restart=restart)
            report(title, events, ours, theirs, outage=outage)


if __name__ == "__main__":
    main()
