"""How late an answer and a change are on a host of the smallest kind: a tenth of a processor, 64 MiB, 20 ms a flush.

    python bench/small_box_figures.py        (as root, after make test-deps; part of make bench)

The host is the one of tests/host/test_small_box.py. A single post is timed until its answer, which means that it is synced; a
file from just before the write until its event can be read in the spool, which SQLite lets nobody before the sync. The floor is the bare program of
`small_box_floor.py`, on the same host and disk and within limits of its own that are as the agent's: both take turns, so that what else the machine does
meets both. A sample that is late for want of its share of the processor
shows in the periods that were waited out.
"""

import json
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import booted
from rows import Row, load
from sizes import SIZES, Sizes
from small_box_floor import PAGE_BYTES

_WATCHED = "files:\n  - paths: ['/etc/app/**']\n    settle: {settle_ms}ms\n"
SETTLE_MS = 100
_SOCKET = "/run/sts-agent/intake.sock"
_APART_SECONDS = 0.25
_PATIENCE_SECONDS = 120
_FLOOR = "/run/small_box_floor.py"
_FLOOR_SOCKET = "/run/floor-of-{what}.sock"
_FLOOR_WATCHES = "/srv/floor"
_FLOOR_ARGUMENTS: dict[str, list[str]] = {"posts": [], "changes": [_FLOOR_WATCHES, str(SETTLE_MS)]}
_IN_TURN = 25
"""So many samples of one are taken before it is the other's turn."""


@contextmanager
def box() -> Iterator[Any]:
    """Yield such a host, up and watching, whose receiver takes everything."""
    from harness import image
    from harness.host import Host, agent_layer
    from harness.receiver import Receiver
    from harness.small_box import small_box

    base = image.base()
    receiver = Receiver()
    host = Host([agent_layer(base), base], receiver)
    try:
        host.write("/etc/sts-agent/conf.d/app.yaml", _WATCHED.format(settle_ms=SETTLE_MS))
        host.path("/etc/app").mkdir()
        host.path(_FLOOR_WATCHES).mkdir()
        with small_box(host) as made:
            made.boot()
            host.wait_until_watching("files", timeout_seconds=_PATIENCE_SECONDS)
            yield made
    finally:
        host.close()
        receiver.go_away()


def posts(host: Any, count: int) -> list[float]:
    """Post single events with a pause between them; return how many ms each answer took."""
    from agent.cli.daemon_client import ask

    body = json.dumps({"events": {"custom": [{"event_type": "BenchEvent", "msg_title": "one"}]}}).encode()
    took = []
    for _ in range(count):
        began = time.monotonic()
        answer = ask(host.path(_SOCKET), "POST", "/stsAgent/intake", body, timeout_seconds=_PATIENCE_SECONDS)
        took.append(1000 * (time.monotonic() - began))
        if answer.status != 200:
            raise SystemExit(f"answered {answer.status}")
        time.sleep(_APART_SECONDS)
    return took


def changes(made: Any, first: int, count: int) -> list[float]:
    """Make files, one after the other, numbered from the `first`; return how many ms each took to the disk."""
    spool = f"file:{made.disk}/spool.db?mode=ro"
    took = []
    with closing(sqlite3.connect(spool, uri=True)) as reader:
        kept = _kept(reader)
        for number in range(first, first + count):
            path = made.host.path(f"/etc/app/file-{number}")
            began = time.monotonic()
            path.write_text(f"key = {number}\n")
            while _kept(reader) == kept:
                if time.monotonic() - began > _PATIENCE_SECONDS:
                    raise SystemExit("a change never came to the disk")
                time.sleep(0.002)
            took.append(1000 * (time.monotonic() - began))
            kept = _kept(reader)
            time.sleep(_APART_SECONDS)
    return took


def _kept(reader: sqlite3.Connection) -> int:
    found = reader.execute("SELECT coalesce(max(number), 0) FROM records WHERE name = 'config'").fetchone()
    return int(found[0])


@contextmanager
def floor_of(made: Any, what: str) -> Iterator[Path]:
    """Have the bare program serve beside the agent; yield its socket."""
    from harness.small_box import SPOOL

    made.host.write(_FLOOR, Path(__file__).with_name("small_box_floor.py").read_text())
    name = _FLOOR_SOCKET.format(what=what)
    with made.running_beside("/usr/bin/python3", _FLOOR, what, SPOOL, name, *_FLOOR_ARGUMENTS[what]):
        yield made.host.path(name)


def connected(path: Path, patience_seconds: float = _PATIENCE_SECONDS) -> socket.socket:
    """Return a connection to a bare program, once it listens."""
    began = time.monotonic()
    while time.monotonic() - began < patience_seconds:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(patience_seconds)
        with suppress(FileNotFoundError, ConnectionRefusedError):
            connection.connect(str(path))
            return connection
        connection.close()
        time.sleep(0.01)
    raise SystemExit("the floor does not listen")


def floor_posts(path: Path, count: int) -> list[float]:
    """Post to the bare program, a connection each; return how many ms each answer took."""
    took = []
    for _ in range(count):
        began = time.monotonic()
        with connected(path) as connection:
            connection.sendall(bytes(PAGE_BYTES))
            if not connection.recv(PAGE_BYTES):
                raise SystemExit("the floor has ended")
        took.append(1000 * (time.monotonic() - began))
        time.sleep(_APART_SECONDS)
    return took


def floor_changes(connection: socket.socket, watched: Path, first: int, count: int) -> list[float]:
    """Make files where the bare program watches; return how many ms each took to the disk."""
    took = []
    for number in range(first, first + count):
        began = time.monotonic()
        (watched / f"file-{number}").write_text(f"key = {number}\n")
        if not connection.recv(PAGE_BYTES):
            raise SystemExit("the floor has ended")
        took.append(1000 * (time.monotonic() - began))
        time.sleep(_APART_SECONDS)
    return took


Samples = Callable[[int, int], list[float]]
"""Takes so many, numbered from the first."""


def in_turn(count: int, ours: Samples, floor: Samples) -> tuple[list[float], list[float]]:
    """Take samples of the agent and of the floor in turn; return both, sorted."""
    took: list[float] = []
    bare: list[float] = []
    for first in range(0, count, _IN_TURN):
        at_once = min(_IN_TURN, count - first)
        took += ours(first, at_once)
        bare += floor(first, at_once)
    return sorted(took), sorted(bare)


def rows(sizes: Sizes) -> Iterator[Row]:
    """Yield the figures; none where no such host can be had."""
    if reason := booted.missing():
        print(f"the small box is left out: {reason} (make test-deps, as root)", file=sys.stderr)
        return
    count = sizes.slow
    with box() as made:
        posts(made.host, 5)
        waited = made.throttled()
        with floor_of(made, "posts") as path:
            connected(path).close()
            posted = in_turn(count, lambda _, so: posts(made.host, so), lambda _, so: floor_posts(path, so))
        watched = made.host.path(_FLOOR_WATCHES)
        with floor_of(made, "changes") as path, connected(path) as told:
            changed = in_turn(count, partial(changes, made), partial(floor_changes, told, watched))
        waited = made.throttled() - waited
        peak = int(made.limits.read("memory.max_usage_in_bytes")) / 1024 / 1024
        killed = sum(made.restarts())
    goals = (100, 100 + SETTLE_MS)
    for what, (took, floor), goal in zip(_WHAT, (posted, changed), goals, strict=True):
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            at, bare = (one[min(count - 1, int(share * count))] for one in (took, floor))
            row = Row(f"small box: {what}, {name} of {count}", "ms", at, load=load(), floor=bare)
            yield row.within(goal, bare) if name == "p99" else row
    yield Row("small box: periods of 100 ms in which its share was used up", "", waited, load=load())
    yield Row("small box: most memory, file cache and all, limit 64", "MiB", peak, load=load()).within(64)
    yield Row("small box: killed or started again", "", killed, load=load()).within(0)


_WHAT = ("a single post is answered", f"a file change is on disk, settle {SETTLE_MS} ms")


if __name__ == "__main__":
    for row in rows(SIZES[sys.argv[1] if len(sys.argv) > 1 else "full"]):
        print(row.line(), flush=True)
