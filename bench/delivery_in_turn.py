"""What the CPU takes for events of a burst in two checkouts, in turn: what counting instructions does not see.

    python bench/delivery_in_turn.py CHECKOUT [CHECKOUT] [--rounds 50] [--sink]

Each checkout's agent is posted 20 requests of 200 events of `bench/delivery.py`, then the other, and so on, so that other load on the machine is
the same for both. With `--sink` each has a destination, and a round ends when all has arrived; without, it is a recorder. All
threads are counted, by the scheduler. Printed are microseconds an event, least, lower quartile and median, and the median of the ratios of
rounds beside each other.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from delivery import batches, count, end, ending, free_port, start_sink, wait_until
from posting import BURST, Program, cpu_seconds

REQUESTS = 20
UNCOUNTED_ROUNDS = 2
AGENT = (
    "import sys; sys.argv = ['sts-agent', 'run', '--config', {config!r}]; from agent.cli import main; main()"
)


@contextmanager
def running(checkout: Path, port: int) -> Iterator[Program]:
    """Run the agent of a checkout, with a destination on a port unless that is 0."""
    directory = Path(tempfile.mkdtemp(prefix="sts-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    config = directory / "agent.yaml"
    destination = (
        f"  sink:\n    type: stackstate\n    url: http://127.0.0.1:{port}/stsAgent\n    api_key: bench\n"
    )
    config.write_text(
        "hostname: bench\nhost: false\nservices: false\npackages: false\n"
        f"{'destinations:' + chr(10) + destination if port else ''}"
        f"spool: {{directory: {directory}/spool, max_size: 1GiB}}\nintake: {{socket: {directory}/intake.sock}}\n"
    )
    environment = ["env", f"PYTHONPATH={checkout.resolve()}"]
    script = AGENT.format(config=str(config))
    program = Program(checkout.name, [*environment, sys.executable, "-P", "-c", script], directory)
    program.start()
    try:
        yield program
    finally:
        end(program.process)
        shutil.rmtree(directory, ignore_errors=True)


def round_of(program: Program, port: int, bodies: list[bytes]) -> float:
    """Return the microseconds an event that one round takes."""
    seen = count(port) if port else 0
    before = cpu_seconds(program.process.pid)
    for body in bodies:
        program.post(body)
    events = len(bodies) * BURST
    if port:
        wait_until(lambda: count(port) >= seen + events, "the events to be delivered")
    return (cpu_seconds(program.process.pid) - before) / events * 1e6


def measure(checkouts: list[Path], rounds: int, *, sink: bool) -> list[list[float]]:
    """Return the microseconds of each round, for each checkout."""
    costs: list[list[float]] = [[] for _ in checkouts]
    with ExitStack() as stack:
        ports = [free_port() if sink else 0 for _ in checkouts]
        for port in filter(None, ports):
            stack.enter_context(ending(start_sink(port)))
        both = [
            stack.enter_context(running(checkout, port))
            for checkout, port in zip(checkouts, ports, strict=True)
        ]
        events = batches(10**9, BURST)
        for number in range(UNCOUNTED_ROUNDS + rounds):
            bodies = [
                b'{"internalHostname":"bench","events":{"bench":[%b]}}' % b",".join(next(events))
                for _ in range(REQUESTS)
            ]
            order = list(range(len(both)))[:: 1 if number % 2 else -1]
            for at in order:
                cost = round_of(both[at], ports[at], bodies)
                if number >= UNCOUNTED_ROUNDS:
                    costs[at].append(cost)
    return costs


def main() -> None:
    """Print a line for each checkout, and the ratio of two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkouts", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--sink", action="store_true")
    options = parser.parse_args()
    costs = measure(options.checkouts, options.rounds, sink=options.sink)
    for checkout, found in zip(options.checkouts, costs, strict=True):
        least, quartile, median = min(found), statistics.quantiles(found)[0], statistics.median(found)
        print(f"{checkout.resolve().name:24} {least:8.2f} {quartile:8.2f} {median:8.2f}")
    if len(costs) > 1:
        ratios = [second / first for first, second in zip(costs[0], costs[1], strict=True)]
        print(f"{'the second to the first':24} {statistics.median(ratios):26.3f}")


if __name__ == "__main__":
    main()
