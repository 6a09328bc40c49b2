"""The intake of this agent, dialect by dialect, beside the TCP intakes of syslog-ng and rsyslog with their disk queues.

    make bench-intake        (or: python bench/intake.py --singles 2000 --batches 50 --write)

Single events, and batches of 200 where the dialect knows such, by one client that waits for each answer. The figures are of the
program's process alone, after a warm-up: events per CPU second, and the time until the answer, which with this agent means
that all is synced to the disk. The two others answer nothing on TCP: theirs is the time until the last line is in a file of
the queue. rsyslog was told to sync it, syslog-ng's reliable disk buffer syncs nothing. It also
says what memory this agent holds with every port open, at rest and after all of it.
"""

import argparse
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delivery import ending, quiet, usage, wait_until
from intake_contenders import CONTENDERS, Contender, Rsyslog, SyslogNg, ThisAgent
from intake_events import DIALECTS, Dialect, Post

BATCH = 200
WARM_UP_EVENTS = 1_000
"""So many at most, in at most as many requests as are measured."""
MEMORY_EVENTS = 50
DOCUMENT = Path(__file__).parent.parent / "docs/benchmarks.md"
_BEGIN, _END = "<!-- make bench-intake writes from here -->", "<!-- to here -->"


@dataclass(frozen=True)
class Figures:
    """One contender, one dialect, one size."""

    per_cpu_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Row:
    """One dialect and size, by contender."""

    dialect: str
    size: int
    by_name: dict[str, Figures]


def requests(dialect: Dialect, size: int, count: int, first: int) -> Iterator[list[dict[str, Any]]]:
    """Yield requests of so many events each, no two events alike."""
    for number in range(first, first + count * size, size):
        yield [dialect.event(each) for each in range(number, number + size)]


def measure(pid: int, post: Post, dialect: Dialect, size: int, count: int) -> Figures:
    """Post so many requests and return what they cost the process."""
    for events in requests(dialect, size, min(WARM_UP_EVENTS // size, count), 10**9):
        post(events)
    wait_until(lambda: quiet(pid), "the program to rest")
    before = usage(pid).cpu_seconds
    seconds = []
    for events in requests(dialect, size, count, 0):
        began = time.perf_counter()
        post(events)
        seconds.append(time.perf_counter() - began)
    wait_until(lambda: quiet(pid), "the program to rest")
    cpu = max(usage(pid).cpu_seconds - before, 0.01)
    seconds.sort()
    return Figures(size * count / cpu, seconds[count // 2] * 1000, seconds[int(count * 0.99)] * 1000)


@contextmanager
def running(contender: Contender) -> Iterator[int]:
    """Run one in a directory of its own; yield its pid."""
    directory = Path(tempfile.mkdtemp(prefix="sts-bench-"))
    try:
        with ending(contender.start(directory)) as process:
            yield process.pid
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def measured(contenders: Sequence[type[Contender]], singles: int, batches: int) -> list[Row]:
    """Have the contenders take turns, each anew for every dialect and size."""
    rows = []
    for dialect in DIALECTS:
        for size, count in ((1, singles), (BATCH, batches)):
            if size > 1 and not dialect.takes_several:
                continue
            by_name = {}
            for kind in contenders:
                contender = kind()
                with running(contender) as pid:
                    by_name[contender.name] = measure(pid, contender.post(dialect), dialect, size, count)
            rows.append(Row(dialect.name, size, by_name))
            print(shown([rows[-1]])[-1], flush=True)
    return rows


def memory() -> tuple[float, float]:
    """Return the MiB that this agent holds with every port open: at rest, and after each dialect was spoken a while."""
    agent = ThisAgent()
    with running(agent) as pid:
        wait_until(lambda: quiet(pid), "the agent to rest")
        at_rest = resident_mib(pid)
        for dialect in DIALECTS:
            post = agent.post(dialect)
            for events in requests(dialect, 1, MEMORY_EVENTS, 0):
                post(events)
        wait_until(lambda: quiet(pid), "the agent to rest")
        return at_rest, resident_mib(pid)


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def shown(rows: Sequence[Row]) -> list[str]:
    """Return the table, a line of Markdown each."""
    names = list(rows[0].by_name)
    heads = [
        "Dialect",
        "events a request",
        *(f"{name}: {what}" for name in names for what in ("events/CPU s", "p50 ms", "p99 ms")),
    ]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for row in rows:
        cells = [row.dialect, str(row.size)]
        for one in row.by_name.values():
            cells += [
                f"{one.per_cpu_second:,.0f}".replace(",", " "),
                f"{one.p50_ms:.2f}",
                f"{one.p99_ms:.2f}",
            ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def with_lines(text: str, lines: Sequence[str]) -> str:
    """Return the document with these lines between its marks."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n" + "\n".join(lines) + f"\n\n{_END}{after}"


def main() -> None:
    """Run everything, print the table, and put it into the document when asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--singles", type=int, default=2_000, help="requests of one event")
    parser.add_argument("--batches", type=int, default=50, help=f"requests of {BATCH} events")
    parser.add_argument("--write", action="store_true", help=f"write the table into {DOCUMENT.name}")
    options = parser.parse_args()
    if not CONTENDERS.exists():
        raise SystemExit("needs syslog-ng and rsyslog: run packaging/install-bench-contenders")
    rows = measured([ThisAgent, SyslogNg, Rsyslog], options.singles, options.batches)
    at_rest, after = memory()
    text = f"Resident memory of this agent with every port open: {at_rest:.1f} MiB at rest, {after:.1f} MiB after each was used (goal: at most 48)."
    lines = [*shown(rows), "", text]
    print("\n".join(lines))
    if options.write:
        DOCUMENT.write_text(with_lines(DOCUMENT.read_text(), lines))


if __name__ == "__main__":
    main()
