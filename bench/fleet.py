"""A fleet coming back: many agents, one receiver of limited capacity, an outage of an hour.

Simulates the agents' own backoff (`agent.delivery.backoff`) against a receiver that serves so many
requests a second from a short queue and answers 503 to the rest, and says what the receiver sees
when it is back: requests a second at the peak, time until everybody is served, and how evenly. The worst case:
what broke the receiver touched every host, so that all have an event in the same second. Beside it
the same fleet without jitter, and with the jitter applied only after the first retry, as others have it.

    python bench/fleet.py --agents 10000 --svg docs/fleet.svg
"""

import argparse
import heapq
import random
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent.delivery.backoff import Backoff

INITIAL_SECONDS, MAX_SECONDS = 1.0, 300.0  # the defaults of `backoff:` in agent.yaml
ANSWER_SECONDS = 0.05


@dataclass
class Receiver:
    """Serves `capacity` requests a second; at most `queue` seconds of them may wait."""

    capacity: float
    queue_seconds: float
    down_from: float
    down_until: float
    busy_until: float = 0.0
    seen: Counter[int] = field(default_factory=Counter)

    def request(self, now: float) -> float | None:
        """Return when the request is answered with success, or None for a refusal."""
        self.seen[int(now)] += 1
        if self.down_from <= now < self.down_until:
            return None
        start = max(now, self.busy_until)
        if start - now > self.queue_seconds:
            return None
        self.busy_until = start + 1 / self.capacity
        return self.busy_until + ANSWER_SECONDS


@dataclass
class Agent:
    """One host: an event every `interval` seconds on average, requests of at most `batch` events."""

    waiting: int = 0
    failures: int = 0
    last_event: float = 0.0
    caught_up_at: float | None = None


@dataclass(frozen=True)
class Result:
    """What the receiver and the agents went through after the outage."""

    name: str
    per_second: list[int]
    drained: list[float]

    def line(self) -> str:
        """Return the row of the table."""
        drained = sorted(self.drained)
        cuts = [drained[int(len(drained) * share) - 1] for share in (0.5, 0.95, 1.0)]
        peak = max(self.per_second)
        mean = statistics.fmean(self.per_second[: int(cuts[2]) + 1])
        return f"{self.name:26} {peak:8d} {mean:8.0f} {cuts[0]:8.0f} {cuts[1]:8.0f} {cuts[2]:8.0f}"


Delay = Callable[[int], float]


def strategies(rng: random.Random) -> dict[str, Delay]:
    """Return the waits to compare, by the number of failures so far."""
    ours = Backoff(INITIAL_SECONDS, MAX_SECONDS, rng.uniform)

    def without_jitter(failures: int) -> float:
        return ours.window(failures)

    def first_retry_fixed(failures: int) -> float:
        return INITIAL_SECONDS if failures == 1 else ours.delay(failures)

    return {
        "this agent (full jitter)": ours.delay,
        "first retry not jittered": first_retry_fixed,
        "no jitter": without_jitter,
    }


def simulate(name: str, delay: Delay, options: argparse.Namespace, rng: random.Random) -> Result:
    """Run one fleet through one outage and return what happened after it."""
    down_from, down_until = 0.0, float(options.outage)
    receiver = Receiver(options.capacity, options.queue_seconds, down_from, down_until)
    agents = [Agent(last_event=down_from) for _ in range(options.agents)]
    moments = [(down_from + rng.random(), number) for number in range(options.agents)]
    heapq.heapify(moments)
    behind = options.agents
    end = down_until + options.patience
    while moments and behind:
        now, number = heapq.heappop(moments)
        if now > end:
            break
        agent = agents[number]
        agent.waiting += max(1, round((now - agent.last_event) / options.interval))
        agent.last_event = now
        answered = receiver.request(now)
        if answered is None:
            agent.failures += 1
            heapq.heappush(moments, (now + delay(agent.failures), number))
            continue
        agent.failures = 0
        agent.waiting = max(0, agent.waiting - options.batch)
        if agent.waiting:
            heapq.heappush(moments, (answered, number))
            continue
        if now >= down_until and agent.caught_up_at is None:
            agent.caught_up_at = answered
            behind -= 1
        heapq.heappush(moments, (answered + rng.expovariate(1 / options.interval), number))
    seconds = range(int(down_until), int(end))
    drained = [(agent.caught_up_at or end) - down_until for agent in agents]
    return Result(name, [receiver.seen[second] for second in seconds], drained)


def draw(results: list[Result], capacity: float, path: Path, seconds: int = 360) -> None:
    """Write a plot of requests a second after the outage."""
    width, height, margin = 760, 300, 45
    top = max(max(result.per_second[:seconds]) for result in results)
    colours = ("#0b6e4f", "#c98a00", "#b3261e")

    def point(second: float, rate: float) -> str:
        return f"{margin + second / seconds * (width - margin):.1f},{height - rate / top * (height - 20):.1f}"

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 10} {height + 40}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width + 10}" height="{height + 40}" fill="white"/>',
        f'<text x="{margin}" y="{height + 32}">seconds after the receiver is back (0 to {seconds})</text>',
        f'<text x="4" y="14">{top}/s</text><text x="4" y="{height}">0</text>',
        f'<polyline fill="none" stroke="#777" stroke-dasharray="4" points="{point(0, capacity)} {point(seconds, capacity)}"/>',
        f'<text x="{width - 120}" y="{height - capacity / top * (height - 20) - 4:.0f}" fill="#777">capacity {capacity:.0f}/s</text>',
    ]
    for result, colour in reversed(list(zip(results, colours, strict=True))):
        points = " ".join(point(second, rate) for second, rate in enumerate(result.per_second[:seconds]))
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>')
    for row, (result, colour) in enumerate(zip(results, colours, strict=True)):
        lines.append(f'<text x="{width - 200}" y="{20 + 16 * row}" fill="{colour}">{result.name}</text>')
    path.write_text("\n".join([*lines, "</svg>", ""]))


def main() -> None:
    """Run every strategy on the same fleet and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--outage", type=float, default=3600, help="seconds")
    parser.add_argument("--capacity", type=float, default=200, help="requests a second")
    parser.add_argument("--queue-seconds", type=float, default=1)
    parser.add_argument("--interval", type=float, default=60, help="seconds between a host's events")
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--patience", type=float, default=3600, help="seconds to watch after the outage")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    print(
        f"{options.agents} agents, outage {options.outage:.0f} s, capacity {options.capacity:.0f} requests/s"
    )
    print(f"{'':26} {'peak/s':>8} {'mean/s':>8} {'50% s':>8} {'95% s':>8} {'all s':>8}")
    results = []
    for name in strategies(random.Random()):
        rng = random.Random(options.seed)
        results.append(simulate(name, strategies(rng)[name], options, rng))
        print(results[-1].line())
    if options.svg:
        draw(results, options.capacity, options.svg)


if __name__ == "__main__":
    main()
