"""How the cost of one thing grows with how many there are: backlog, watched files, units, destinations. Flat is good.

    make bench        (or: python bench/growth.py --only backlog,files,units,destinations)

Each part starts a real agent and reads its CPU time from /proc. The units need a booted host; where none can be had they
are left out, and that is said.
"""

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import booted
import delivery
import tree_scan
from plot import Plot

BATCH = 200
_WARM_UP = 2_000
"""So many events go before what is counted: the first requests load what the others use."""


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a directory that is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="sts-bench-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def backlog(sizes: Sequence[int]) -> Plot:
    """Let a backlog grow to each size in turn, and shrink again when the receiver is back."""
    port, agent = delivery.free_port(), delivery.ThisAgent()
    fed: list[tuple[float, float]] = []
    with scratch() as directory:
        agent.configure(directory, port)
        for before, size in zip([0, *sizes], sizes, strict=False):
            with delivery.ending(agent.start(directory)) as process:
                agent.feed(directory, delivery.batches(_WARM_UP, BATCH))
                began = _cpu_at_rest(process.pid)
                counted = size - before - _WARM_UP
                agent.feed(directory, delivery.batches(counted, BATCH))
                fed.append((size, 1e6 * (_cpu_at_rest(process.pid) - began) / counted))
        drained = _drained(agent, directory, port, sizes)
    return Plot(
        "Backlog", "events that wait", "µs of CPU for one event", {"taken in": fed, "delivered": drained}
    )


def _drained(
    agent: delivery.ThisAgent, directory: Path, port: int, sizes: Sequence[int]
) -> list[tuple[float, float]]:
    """Return (events that waited still, µs an event) of the way down, from what the sink has at each look."""
    points = []
    with delivery.ending(agent.start(directory)) as process:
        used, seen = _cpu_at_rest(process.pid), 0
        with delivery.ending(delivery.start_sink(port)):
            for left in [*reversed(sizes[:-1]), 0]:
                _wait_for(port, sizes[-1] - left)
                now, spent = delivery.count(port), delivery.usage(process.pid).cpu_seconds
                if now - seen >= _WARM_UP:  # less is gone between two looks
                    points.append((sizes[-1] - seen, 1e6 * (spent - used) / (now - seen)))
                    seen, used = now, spent
    return sorted(points)


def _cpu_at_rest(pid: int) -> float:
    """Return the CPU seconds that a process has used when it has nothing to do."""
    delivery.wait_until(lambda: delivery.quiet(pid), "the agent to rest")
    return delivery.usage(pid).cpu_seconds


def files(sizes: Sequence[int]) -> Plot:
    """Watch trees of so many files: the first look, and the look after a restart."""
    first: list[tuple[float, float]] = []
    again: list[tuple[float, float]] = []
    with scratch() as directory:
        (directory / "empty").mkdir()
        starts = tree_scan.of_starts(directory / "start", directory / "empty")
        for size in sizes:
            root, own = directory / f"tree-{size}", directory / f"agent-{size}"
            tree_scan.make_tree(root, size, 1024)
            for name, points in (("first look", first), ("restart", again)):
                cost = tree_scan.of_agent(own, root, size, "never").cpu_seconds - starts[name].cpu_seconds
                points.append((size, 1e6 * max(cost, 0) / size))
            shutil.rmtree(root)
    return Plot(
        "Watched files",
        "files",
        "µs of CPU for one file",
        {"first look": first, "after a restart": again},
    )


def destinations(counts: Sequence[int], events: int) -> Plot:
    """Give the same events to more and more destinations."""
    points = []
    for count in counts:
        port, agent = delivery.free_port(), delivery.ThisAgent()
        with scratch() as directory, delivery.ending(delivery.start_sink(port)):
            agent.configure(directory, port)
            multiply(directory / "agent.yaml", count)
            with delivery.ending(agent.start(directory)) as process:
                agent.feed(directory, delivery.batches(_WARM_UP, BATCH))
                _wait_for(port, _WARM_UP * count)
                began = _cpu_at_rest(process.pid)
                agent.feed(directory, delivery.batches(events, BATCH))
                _wait_for(port, (_WARM_UP + events) * count)
                spent = delivery.usage(process.pid).cpu_seconds - began
        points.append((count, 1e6 * spent / events))
    return Plot("Destinations", "destinations", "µs of CPU for one event", {"taken in and delivered": points})


def _wait_for(port: int, events: int) -> None:
    delivery.wait_until(lambda: delivery.count(port) >= events, f"the sink to have {events} events")


def multiply(configuration: Path, count: int) -> None:
    """Give the one destination so many names."""
    head, _, rest = configuration.read_text().partition("  sink:\n")
    body, _, tail = rest.partition("spool:")
    sinks = "".join(f"  sink-{number}:\n{body}" for number in range(count))
    configuration.write_text(f"{head}{sinks}spool:{tail}")


def units(sizes: Sequence[int]) -> Plot:
    """Start the agent beside so many services more that are up, on a booted host."""
    points = []
    with booted.sink() as port, booted.host(port) as host:
        host.write(
            "/etc/systemd/system/grown@.service",
            "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
        )
        alone = _cpu_of_a_start(host)
        for before, size in zip([0, *sizes], sizes, strict=False):
            for first in range(before, size, BATCH):
                names = (f"grown@{one}" for one in range(first, min(first + BATCH, size)))
                host.run("systemctl", "start", *names, timeout_seconds=300)
            points.append((size, 1000 * (_cpu_of_a_start(host) - alone) / size))
    return Plot("Units", "services of the host", "ms of CPU for one service", {"a start": points})


def _cpu_of_a_start(host: Any) -> float:
    """Return the CPU seconds from the start of the agent until it watches."""
    host.run("systemctl", "restart", "sts-agent.service", timeout_seconds=300)
    host.wait_until_watching("services", timeout_seconds=300)
    pid = host.property("sts-agent.service", "MainPID")
    fields = host.read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / delivery.TICKS


def parts(*, small: bool) -> dict[str, Callable[[], Plot]]:
    """Return what can be measured, by its name, in one of two sizes."""
    up_to = (3_000, 10_000, 30_000) if small else (10_000, 100_000, 300_000, 1_000_000)
    trees = (300, 1_000, 3_000) if small else (1_000, 3_000, 10_000, 30_000, 100_000, 300_000)
    found: dict[str, Callable[[], Plot]] = {
        "backlog": lambda: backlog(up_to),
        "files": lambda: files(trees),
        "destinations": lambda: destinations((1, 2, 4, 8), 5_000 if small else 40_000),
    }
    if booted.missing() is None:
        found["units"] = lambda: units((100, 300) if small else (100, 300, 1_000, 2_000))
    return found


def main() -> None:
    """Measure what is asked for and write the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=("small", "full"), default="full")
    parser.add_argument("--only", default="backlog,files,units,destinations")
    parser.add_argument("--into", type=Path, required=True, help="the folder of the pictures")
    options = parser.parse_args()
    for name, measure in parts(small=options.size == "small").items():
        if name in options.only.split(","):
            drawn = measure()
            (options.into / f"growth-{name}.svg").write_text(drawn.svg())
            print(name, drawn.lines, flush=True)


if __name__ == "__main__":
    main()
