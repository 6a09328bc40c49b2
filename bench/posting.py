"""What a posted event costs the agent, beside a loop of what cannot be left out.

    python bench/posting.py [--rounds 40] [--directory /var/tmp]

The floor reads a request with httptools, decodes and checks its events with msgspec, commits them to SQLite in one synced
transaction, and answers: no limits, no memory, no delivery, nothing filled. It and the agent, a recorder, take turns in one run, so that the ratio
holds on a busy machine too, where the figures themselves do not. The event is the example of the receiver's documentation, complete, or
without its host, or without host and links. The median of the rounds, in microseconds of CPU an event of all threads, and bytes written an event.
"""

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from delivery import end, usage, wait_until

BURST = 200
HEAD = b"POST /stsAgent/intake HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
LACKING: Mapping[str, tuple[str, ...]] = {
    "complete": (),
    "lacks its host": ("host",),
    "lacks host and links": ("host", "source_links"),
}
FLOOR = """
import socket, sqlite3, sys
import httptools, msgspec
class Context(msgspec.Struct):
    category: str
    source: str
    source_identifier: str
    element_identifiers: list[str]
    data: dict[str, msgspec.Raw]
class Event(msgspec.Struct):
    event_type: str
    msg_title: str
    msg_text: str
    source_type_name: str
    tags: list[str]
    timestamp: int
    context: Context
class Body(msgspec.Struct):
    events: dict[str, list[Event]]
class Request:
    body, done = b"", False
    def on_body(self, body): self.body += body
    def on_message_complete(self): self.done = True
decode = msgspec.json.Decoder(Body).decode
database = sqlite3.connect(sys.argv[1] + "/floor.db", isolation_level=None)
for pragma in ("journal_mode = WAL", "synchronous = FULL"):
    database.execute("PRAGMA " + pragma)
database.execute("CREATE TABLE records (number INTEGER PRIMARY KEY, body BLOB)")
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + "/intake.sock")
listener.listen()
while True:
    connection, _ = listener.accept()
    request = Request()
    parser = httptools.HttpRequestParser(request)
    while data := connection.recv(256 * 1024):
        parser.feed_data(data)
        if request.done:
            decode(request.body)
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO records (body) VALUES (?)", (request.body,))
            database.execute("COMMIT")
            connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nOK\\n')
            request.body, request.done = b"", False
"""


@dataclass
class Program:
    """One of the two while it runs, and what each round of it has cost, by case."""

    name: str
    command: list[str]
    directory: Path
    costs: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def start(self) -> None:
        """Run it until it listens."""
        with (self.directory / "log").open("wb") as log:
            self.process = subprocess.Popen(self.command, stderr=log)
        self.connection = socket.socket(socket.AF_UNIX)
        path = str(self.directory / "intake.sock")
        wait_until(lambda: self.connection.connect_ex(path) == 0, f"{self.name} to listen")

    def post(self, body: bytes) -> None:
        """Post one body and wait for its answer."""
        self.connection.sendall(HEAD % len(body) + body)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"\n"):
            answer += self.connection.recv(65536)
        if b" 200 " not in answer:
            raise SystemExit(f"{self.name} answered {answer!r}")

    def round(self, case: str, bodies: list[bytes], size: int) -> None:
        """Post bodies, the first of them uncounted: it finds cold caches."""
        self.post(bodies[0])
        before, written = cpu_seconds(self.process.pid), usage(self.process.pid).written_bytes
        for body in bodies[1:]:
            self.post(body)
        events = size * (len(bodies) - 1)
        spent = (cpu_seconds(self.process.pid) - before) / events * 1e6
        self.costs.setdefault(case, []).append(
            (spent, (usage(self.process.pid).written_bytes - written) / events)
        )


def cpu_seconds(pid: int) -> float:
    """Return what all threads have used, by the scheduler's own count."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def example(number: int, lacking: tuple[str, ...]) -> dict[str, Any]:
    """Return the example of the documentation, without some fields."""
    context = {
        "category": "Changes",
        "data": {"data_key1": "data_value1", "data_key2": "data_value2"},
        "element_identifiers": ["element_identifier1", "element_identifier2"],
        "source": "source_system",
        "source_identifier": f"source_identifier_value{number}",
        "source_links": [{"title": "link_title", "url": "link_url"}],
    }
    event = {
        "context": {key: value for key, value in context.items() if key not in lacking},
        "event_type": "event_typeEvent",
        "msg_title": "event_title",
        "msg_text": f"event_text {number}",
        "source_type_name": "source_event_type",
        "host": "local.test",
        "tags": ["tag_key1:tag_value1", "tag_key2:tag_value2"],
        "timestamp": 1_607_432_944,
    }
    return {key: value for key, value in event.items() if key not in lacking}


def bodies(first: int, count: int, size: int, lacking: tuple[str, ...]) -> list[bytes]:
    """Return bodies of so many events each, no two events alike."""
    starts = range(first, first + count * size, size)
    return [
        json.dumps(
            {
                "collection_timestamp": 1_607_432_944,
                "internalHostname": "local.test",
                "events": {"event.test": [example(number, lacking) for number in range(start, start + size)]},
            },
            separators=(",", ":"),
        ).encode()
        for start in starts
    ]


def programs(directory: Path) -> list[Program]:
    """Return the agent and the floor, each in a folder of its own."""
    found = []
    for name in ("sts-agent", "floor"):
        (own := directory / name).mkdir()
        (own / "agent.yaml").write_text(
            f"hostname: bench\nhost: false\nservices: false\npackages: false\n"
            f"spool: {{directory: {own}/spool, max_size: 1GiB}}\nintake: {{socket: {own}/intake.sock}}\n"
        )
        agent = [str(Path(sys.executable).with_name("sts-agent")), "run", "--config", str(own / "agent.yaml")]
        found.append(
            Program(name, agent if name == "sts-agent" else [sys.executable, "-c", FLOOR, str(own)], own)
        )
    return found


@dataclass(frozen=True, slots=True)
class Case:
    """What an event of one kind of request has cost, in the median of the rounds, and what the floor did."""

    name: str
    size: int
    cpu_us: float
    written: float
    least_cpu_us: float
    least_written: float


def measure(rounds: int, where: Path) -> list[Case]:
    """Run both in turn, in a folder of their own on the disk of `where`."""
    directory = Path(tempfile.mkdtemp(prefix="sts-bench-", dir=where))
    both = programs(directory)
    number = 0
    sizes: dict[str, int] = {}
    try:
        for program in both:
            program.start()
        for size, count in ((1, 40), (BURST, 6)):  # apart: a checkpoint writes what came before it
            for what, lacking in [*LACKING.items()] * rounds:
                posted = bodies(number, count, size, lacking)
                number += count * size
                sizes[case := f"{size} a request, {what}"] = size
                for program in both:
                    program.round(case, posted, size)
    finally:
        for program in both:
            end(program.process)
        shutil.rmtree(directory, ignore_errors=True)
    return [_case(name, size, *(program.costs[name] for program in both)) for name, size in sizes.items()]


def _case(name: str, size: int, *costs: list[tuple[float, float]]) -> Case:
    (cpu, written), (least_cpu, least_written) = (
        (statistics.median(cpu for cpu, _ in rounds), statistics.mean(size for _, size in rounds))
        for rounds in costs
    )
    return Case(name, size, cpu, written, least_cpu, least_written)


def main() -> None:
    """Run both in turn and print what they cost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--directory", type=Path, default=Path("/var/tmp"), help="on the disk that is meant")
    options = parser.parse_args()
    cases = measure(options.rounds, options.directory)
    load = Path("/proc/loadavg").read_text().split()[0]
    print(f"Load {load}, {time.strftime('%Y-%m-%d')}\n")
    print("| case | median µs | floor | ratio | bytes written | floor |")
    print("|---|---:|---:|---:|---:|---:|")
    for case in cases:
        print(
            f"| {case.name} | {case.cpu_us:.1f} | {case.least_cpu_us:.1f} | {case.cpu_us / case.least_cpu_us:.2f} "
            f"| {case.written:,.0f} | {case.least_written:,.0f} |".replace(",", " ")
        )


if __name__ == "__main__":
    main()
