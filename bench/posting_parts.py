"""What taking in a burst and a single post costs at the very least: each part that cannot be left out, in bare calls of C libraries.

    python bench/posting_parts.py [--rounds 300] [--directory /var/tmp]

In one thread that does nothing else, without a socket, so with warm caches and no change of threads: less than any program pays. The least of all rounds, in
microseconds of CPU an event, the kernel's part in it. The events are complete, and checked by the agent's own types.
"""

import argparse
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httptools
import msgspec
from posting import BURST, HEAD, bodies

from agent.events.chunk import MAX_CHUNK_EVENTS
from agent.events.usual_event import CompleteEvent
from spool import compress


class Checked(msgspec.Struct):
    """A body whose events are decoded whole, which checks them."""

    events: dict[str, list[CompleteEvent]]


class Bytes(msgspec.Struct):
    """A body whose events are found, and stay bytes."""

    events: dict[str, list[msgspec.Raw]]


class Received:
    """What httptools calls."""

    body = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""

    def on_body(self, body: bytes) -> None:
        """Take the body."""
        self.body += body


check, find = msgspec.json.Decoder(Checked).decode, msgspec.json.Decoder(Bytes).decode


def receive(request: bytes) -> None:
    """Read a request that has come whole."""
    httptools.HttpRequestParser(Received()).feed_data(request)


def chunked(body: bytes) -> list[bytes]:
    """Return the JSON of each chunk."""
    found = find(body).events["event.test"]
    return [b",".join(found[at : at + MAX_CHUNK_EVENTS]) for at in range(0, len(found), MAX_CHUNK_EVENTS)]


def database(directory: Path) -> Callable[[list[bytes]], None]:
    """Return what commits rows in one synced transaction."""
    connection = sqlite3.connect(directory / "floor.db", isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE records (number INTEGER PRIMARY KEY, body BLOB)")

    def commit(rows: list[bytes]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO records (body) VALUES (?)", [(row,) for row in rows])
        connection.execute("COMMIT")

    return commit


def least(call: Callable[[], object], rounds: int) -> float:
    """Return the least CPU of this thread for a call, in microseconds."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.thread_time_ns()
        call()
        best = min(best, (time.thread_time_ns() - begun) / 1000)
    return best


def parts(size: int, directory: Path, rounds: int) -> dict[str, float]:
    """Return what each part costs for a request of so many events."""
    (body,) = bodies(0, 1, size, ())
    request = HEAD % len(body) + body
    chunks = chunked(body)
    rows = [compress(chunk).deflated for chunk in chunks]
    commit = database(directory)
    return {
        "httptools reads the request": least(lambda: receive(request), rounds),
        "msgspec decodes and checks the events": least(lambda: check(body), rounds),
        "msgspec finds their bytes": least(lambda: find(body), rounds),
        "they are compressed": least(lambda: [compress(chunk) for chunk in chunks], rounds),
        "SQLite commits, one sync": least(lambda: commit(rows), rounds),
    }


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--directory", type=Path, default=Path("/var/tmp"), help="on the disk that is meant")
    options = parser.parse_args()
    columns = []
    for size in (1, BURST):
        directory = Path(tempfile.mkdtemp(prefix="sts-bench-", dir=options.directory))
        try:
            found = parts(size, directory, options.rounds)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        columns.append({what: cost / size for what, cost in found.items()})
    load = Path("/proc/loadavg").read_text().split()[0]
    print(f"Load {load}, {time.strftime('%Y-%m-%d')}\n")
    print(f"| µs of CPU an event, at least | 1 a request | {BURST} a request |\n|---|---:|---:|")
    for what, single in columns[0].items():
        print(f"| {what} | {single:.1f} | {columns[1][what]:.2f} |")
    print(f"| together | {sum(columns[0].values()):.1f} | {sum(columns[1].values()):.2f} |")


if __name__ == "__main__":
    main()
