"""How many instructions an event of a burst takes on its way in and out: what other load on the machine hardly disturbs.

    python bench/delivery_instructions.py [CHECKOUT …]

The events and the sink of `bench/delivery.py`, 200 a request: taken in while the sink is away, taken in and delivered while it is there, and
delivered when it is back. Each checkout's agent runs under valgrind's callgrind, as in `bench/posting_instructions.py`, with the libraries of the
Python that runs this. Instructions of the process itself are counted, the kernel's part is not.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from delivery import batches, count, end, ending, free_port, start_sink, wait_until
from posting import BURST, Program
from posting_instructions import agent, control, counted_since

WARM, BURSTS, BACKLOG = 5, 25, 100
"""How many requests: uncounted, counted on the way in, and drained."""
SOON, LATE = 2, 600
"""At most so many seconds until a sink that is away is asked again; so late it is not asked while the way in is counted."""


def bodies(first: int, requests: int) -> list[bytes]:
    """Return bodies of requests with the events from number `first` on."""
    found = batches(first + requests * BURST, BURST)
    return [
        b'{"internalHostname":"bench.example.com","events":{"bench":[' + b",".join(events) + b"]}}"
        for at, events in enumerate(found)
        if at * BURST >= first
    ]


@contextmanager
def running(checkout: Path, port: int, backoff_seconds: int) -> Iterator[Program]:
    """Run the agent of a checkout with one destination, and let it deliver its first events to a sink, which is ended."""
    directory = Path(tempfile.mkdtemp(prefix="sts-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    program = agent(checkout, directory)
    with (directory / "agent.yaml").open("a") as config:
        config.write(
            f"destinations:\n  sink:\n    type: stackstate\n    url: http://127.0.0.1:{port}/stsAgent\n"
            f"    api_key: bench\n    backoff: {{initial: {backoff_seconds}s, max: {backoff_seconds}s}}\n"
        )
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        sink = stack.enter_context(ending(start_sink(port)))
        program.start()
        stack.callback(end, program.process)
        control(program, "--instr=on")
        for body in bodies(0, WARM):
            program.post(body)
        wait_until(lambda: count(port) >= WARM * BURST, "the first events to be delivered")
        end(sink)
        yield program


def away(checkout: Path) -> int:
    """Return the instructions of an event that is taken in while the sink is away."""
    with running(checkout, free_port(), LATE) as program:
        taken_in, *others = bodies(WARM * BURST, 1 + BURSTS)
        program.post(taken_in)  # after which the sink was asked once
        time.sleep(1)
        control(program, "--zero")
        for body in others:
            program.post(body)
        return counted_since(program) // (BURSTS * BURST)


def there(checkout: Path) -> int:
    """Return the instructions of an event that is taken in and delivered."""
    port = free_port()
    with running(checkout, port, SOON) as program, ending(start_sink(port)):
        control(program, "--zero")
        for body in bodies(WARM * BURST, BURSTS):
            program.post(body)
        wait_until(lambda: count(port) >= BURSTS * BURST, "the events to be delivered")
        return counted_since(program) // (BURSTS * BURST)


def drained(checkout: Path) -> int:
    """Return the instructions of an event that is delivered when the sink is back."""
    port = free_port()
    with running(checkout, port, SOON) as program:
        control(program, "--instr=off")
        for body in bodies(WARM * BURST, BACKLOG):
            program.post(body)
        control(program, "--instr=on")
        control(program, "--zero")
        with ending(start_sink(port)):
            wait_until(lambda: count(port) >= BACKLOG * BURST, "the backlog to be delivered")
        return counted_since(program) // (BACKLOG * BURST)


CASES = {
    "taken in, the sink away": away,
    "taken in and delivered": there,
    "delivered after an outage": drained,
}


def main() -> None:
    """Print a table in Markdown: the cases, and a column for each checkout."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkouts", nargs="*", type=Path, default=[Path(__file__).parents[1]])
    checkouts = parser.parse_args().checkouts
    print(f"| instructions an event | {' | '.join(checkout.resolve().name for checkout in checkouts)} |")
    print(f"|---|{'---:|' * len(checkouts)}")
    for case, measure in CASES.items():
        found = [f"{measure(checkout):,}".replace(",", " ") for checkout in checkouts]
        print(f"| {case} | {' | '.join(found)} |", flush=True)


if __name__ == "__main__":
    main()
