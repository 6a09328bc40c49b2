"""How late an answer and a change are on a host of the smallest kind: a tenth of a processor, 64 MiB, 20 ms a flush.

    python bench/small_box_figures.py        (as root, after make test-deps; part of make bench)

The host is the one of tests/host/test_small_box.py. A single post is timed until its answer, which means that it is synced; a
file from just before the write until its event can be read in the spool, which SQLite lets nobody before the sync.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import booted
from rows import Row, load
from sizes import SIZES, Sizes

_WATCHED = "files:\n  - paths: ['/etc/app/**']\n    settle: {settle_ms}ms\n"
SETTLE_MS = 100
_SOCKET = "/run/sts-agent/intake.sock"
_APART_SECONDS = 0.25
_PATIENCE_SECONDS = 120


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
        with small_box(host) as made:
            made.boot()
            host.wait_until_watching("files", timeout_seconds=_PATIENCE_SECONDS)
            yield made
    finally:
        host.close()
        receiver.go_away()


def posts(host: Any, count: int) -> list[float]:
    """Post single events with a pause between them; return how many ms each answer took, sorted."""
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
    return sorted(took)


def changes(made: Any, count: int) -> list[float]:
    """Change files, one after the other; return how many ms each took to the disk, sorted."""
    spool = f"file:{made.disk}/spool.db?mode=ro"
    took = []
    with closing(sqlite3.connect(spool, uri=True)) as reader:
        kept = _kept(reader)
        for number in range(count):
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
    return sorted(took)


def _kept(reader: sqlite3.Connection) -> int:
    found = reader.execute("SELECT coalesce(max(number), 0) FROM records WHERE name = 'config'").fetchone()
    return int(found[0])


def rows(sizes: Sizes) -> Iterator[Row]:
    """Yield the figures; none where no such host can be had."""
    if reason := booted.missing():
        print(f"the small box is left out: {reason} (make test-deps, as root)", file=sys.stderr)
        return
    count = sizes.slow
    with box() as made:
        posts(made.host, 5)
        for what, took, goal in (
            ("a single post is answered", posts(made.host, count), 100),
            (f"a file change is on disk, settle {SETTLE_MS} ms", changes(made, count), 100 + SETTLE_MS),
        ):
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                at = took[min(len(took) - 1, int(share * len(took)))]
                row = Row(f"small box: {what}, {name} of {count}", "ms", at, load=load())
                yield row.within(goal) if name == "p99" else row
        peak = int(made.limits.read("memory.max_usage_in_bytes")) / 1024 / 1024
        yield Row("small box: most memory, file cache and all, limit 64", "MiB", peak, load=load()).within(64)
        yield Row("small box: killed or started again", "", sum(made.restarts()), load=load()).within(0)


if __name__ == "__main__":
    for row in rows(SIZES[sys.argv[1] if len(sys.argv) > 1 else "full"]):
        print(row.line(), flush=True)
