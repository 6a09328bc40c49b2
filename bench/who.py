"""What it costs to see who changes a file: one installed agent on a booted host, in turn with `who: true` and `who: false`.

    python bench/who.py [--edits 60] [--idle-seconds 60]

Prints a table of how late an edit arrives and what the agent uses while nothing happens. Needs root, and what the host tests need.
"""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/host")]

from booted import use_of  # noqa: E402 - found by the line above
from harness import image  # noqa: E402 - likewise
from harness.files import CHANGED, Files  # noqa: E402 - likewise
from harness.host import Host, agent_layer  # noqa: E402 - likewise
from harness.receiver import Receiver  # noqa: E402 - likewise
from rows import HEAD, RULE, Row, load  # noqa: E402 - likewise

ROUNDS = 3
SETTLE_SECONDS = 30.0
"""A thread that ends takes what is counted of it along: after so long none does."""
ALLOWED = ("--system-call-filter=fanotify_init fanotify_mark",)
"""What systemd-nspawn has to be told to let a host have fanotify, as a machine of its own has."""
CONF = "files:\n  - paths: ['/etc/app/**']\n    settle: 100ms\n"
_IDLE = ("voluntary", "rss_kib", "anonymous_kib", "threads")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both in turn, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--edits", type=int, default=60, help="for each of both, in each of three rounds")
    options.add_argument("--idle-seconds", type=float, default=60)
    asked = options.parse_args(arguments)
    base = image.base()
    receiver = Receiver()
    host = Host([agent_layer(base), base], receiver)
    try:
        files = Files(host, CONF)
        files.boot(options=ALLOWED)
        numbers = itertools.count()
        late: dict[bool, list[float]] = {True: [], False: []}
        idle: dict[bool, list[dict[str, float]]] = {True: [], False: []}
        for _ in range(ROUNDS):
            for on in (True, False):
                _switch(files, on=on)
                idle[on].append(_idle(host, asked.idle_seconds / ROUNDS))
                late[on] += [_edit(host, next(numbers)) for _ in range(asked.edits)]
    finally:
        host.close()
        receiver.go_away()
    for line in _table(late, idle):
        print(line)


def _switch(files: Files, *, on: bool) -> None:
    files.host.configure(f"who: {str(on).lower()}\n")
    files.host.run("systemctl", "restart", "sts-agent")
    files.wait_until_watching()
    said = files.host.agent("status").stdout
    if ("who: on" in said) is not on:
        sys.exit(f"who changes what should be {'on' if on else 'off'}:\n{said}")


def _edit(host: Host, number: int) -> float:
    """Write a file of its own; return after how many milliseconds the receiver has the event."""
    name = f"/etc/app/edit-{number}"
    path = host.path(name)
    began = time.monotonic()
    path.write_text("new\n")
    host.receiver.wait_for_event(CHANGED, path=name)
    return (time.monotonic() - began) * 1000


def _idle(host: Host, seconds: float) -> dict[str, float]:
    """Return what the agent uses while nothing happens, context switches for a minute."""
    pid = host.property("sts-agent.service", "MainPID")
    time.sleep(SETTLE_SECONDS)
    before, began = use_of(host, pid), time.monotonic()
    time.sleep(seconds)
    after, minutes = use_of(host, pid), (time.monotonic() - began) / 60
    return {key: float(after[key]) for key in _IDLE} | {
        "voluntary": (after["voluntary"] - before["voluntary"]) / minutes
    }


def _table(late: dict[bool, list[float]], idle: dict[bool, list[dict[str, float]]]) -> list[str]:
    def late_by(share: float) -> list[float]:
        return [statistics.quantiles(late[on], n=100)[round(share * 100) - 1] for on in (True, False)]

    def of(key: str) -> list[float]:
        return [statistics.median(one[key] for one in idle[on]) for on in (True, False)]

    figures = [
        ("an edit until the receiver has it, p50", "ms", *late_by(0.5)),
        ("an edit until the receiver has it, p99", "ms", *late_by(0.99)),
        ("idle: context switches of its own accord", "a minute", *of("voluntary")),
        ("idle: resident memory", "MiB", *(kib / 1024 for kib in of("rss_kib"))),
        ("idle: of it private", "MiB", *(kib / 1024 for kib in of("anonymous_kib"))),
        ("idle: threads", "", *of("threads")),
    ]
    rows = [Row(what, unit, on, "with `who: false`", off, load=load()) for what, unit, on, off in figures]
    return [HEAD.replace("sts-agent", "`who: true`"), RULE, *(row.line() for row in rows)]


if __name__ == "__main__":
    main()
