"""All the benches in one go, this agent in turn with its peers, in one table; and how costs grow, in pictures.

    make bench        (SIZE=small for a quick one: python bench/everything.py --size small --only files,tree)

Above 1x this agent does better. Every figure is of one run, with the load of the machine beside it: where that is more than about
0.5 for each processor the ratios still mean something, the times do not. Peers are those that packaging/install-bench-contenders
unpacks. With --write the table and the pictures are put into docs/.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import at_rest
import booted
import delivery
import delivery_floor
import file_latency
import growth
import installed
import intake
import posting
import small_box_figures
import syncs
import tree_scan
from intake_contenders import CONTENDERS
from intake_contenders import Rsyslog as RsyslogQueue
from intake_contenders import SyslogNg as SyslogNgQueue
from intake_contenders import ThisAgent as Recorder
from intake_events import DIALECTS
from rows import HEAD, RULE, Row, between, load
from sizes import SIZES, Sizes

DOCS = Path(__file__).parent.parent / "docs"
BEGIN, END = "<!-- make bench writes from here -->", "<!-- make bench writes to here -->"
MIB = 1024 * 1024


def of_delivery(sizes: Sizes) -> Iterator[Row]:
    """Take events in and deliver them, beside syslog-ng with its reliable disk buffer: online, and after an outage.

    Bursts in turn with a bare loop too, each some times: of each the run with the median CPU counts.
    """
    bursts = [delivery.ThisAgent(), delivery.SyslogNg(), delivery_floor.Floor()]
    for title, outage in (("200 a request", False), ("200 a request, after an outage", True)):
        ours, theirs, least = delivery.in_turn(bursts, sizes.events, 200, sizes.turns, outage=outage)
        yield from _delivered(title, sizes.events, ours, theirs, least, outage=outage)
    ours, theirs = delivery.in_turn(bursts[:2], sizes.singles, 1, 1, outage=False)
    yield from _delivered("one a request", sizes.singles, ours, theirs, None, outage=False)


def _delivered(
    title: str,
    events: int,
    ours: delivery.Figures,
    theirs: delivery.Figures,
    least: delivery.Figures | None,
    *,
    outage: bool,
) -> Iterator[Row]:
    def row(what: str, unit: str, mine: float, other: float, *, more: bool = False) -> Row:
        return Row(f"{what}, {title}", unit, mine, "syslog-ng", other, more, load())

    def rate(cpu: float) -> float:
        return events / max(cpu, 1 / delivery.TICKS)

    in_and_out = row("in and out", "events/CPU s", rate(ours.cpu), rate(theirs.cpu), more=True)
    yield in_and_out.within_times(1, rate(least.cpu)) if least else in_and_out
    if outage:
        yield row(
            "delivered alone",
            "events/CPU s",
            rate(ours.drained_cpu),
            rate(theirs.drained_cpu),
            more=True,
        )
    yield row("written", "B/event", ours.written / events, theirs.written / events)
    yield row("peak memory", "MiB", ours.peak / MIB, theirs.peak / MIB)


def of_intake(sizes: Sizes) -> Iterator[Row]:
    """Take events in, the example of the receiver's documentation, beside two that queue on disk; rsyslog syncs as we do."""
    dialect = DIALECTS[0]
    for size, count in ((1, sizes.posts), (intake.BATCH, sizes.batches)):
        found = {}
        for kind in (Recorder, SyslogNgQueue, RsyslogQueue):
            contender = kind()
            with intake.running(contender) as pid:
                found[kind] = intake.measure(pid, contender.post(dialect), dialect, size, count)
        ours = found.pop(Recorder)
        for kind, theirs in found.items():
            peer = "rsyslog, synced queue" if kind is RsyslogQueue else "syslog-ng, no sync"
            title = f"{size} a request"
            yield Row(
                f"taken in, {title}",
                "events/CPU s",
                ours.per_cpu_second,
                peer,
                theirs.per_cpu_second,
                True,
                load(),
            )
            yield Row(
                f"until it is kept, p99, {title}", "ms", ours.p99_ms, peer, theirs.p99_ms, False, load()
            )


def of_files(sizes: Sizes) -> Iterator[Row]:
    """Change files, and see when the receiver has each."""
    with tempfile.TemporaryDirectory(prefix="sts-bench-") as directory, booted.sink() as port:
        ours, *peers = (
            file_latency.measure(one, Path(directory), port, sizes.changes) for one in file_latency.CONTENDERS
        )
        for peer in peers:
            for share, name in ((0.5, "p50"), (0.99, "p99")):
                mine, other = (1000 * found.at(share) for found in (ours, peer))
                yield Row(f"a file changes, {name}", "ms", mine, peer.name, other, False, load())
            yield Row("changes lost", "", ours.lost, peer.name, peer.lost, False, load())


def of_tree(sizes: Sizes) -> Iterator[Row]:
    """Learn a large tree and look at it again, in turn with what reads and what lists it, each some times: of each the median counts."""
    with growth.scratch() as directory:
        root = directory / "tree"
        tree_scan.make_tree(root, sizes.files, 4096)
        cpu = tree_scan.in_turn(directory, root, sizes.files, sizes.turns)
        for diff, floor in (("never", cpu["hashes"]), ("auto", cpu["texts"])):
            title = f"{sizes.files:,} files, diff {diff}".replace(",", " ", 1)
            first, again = cpu[f"first look, {diff}"], cpu[f"restart, {diff}"]
            learnt = Row(f"first look, {title}", "CPU s", first, "`sha256sum`", cpu["summed"], False, load())
            yield learnt.within_times(2.5, floor) if diff == "auto" else replace(learnt, floor=floor)
            looked = Row(
                f"restart, {title}", "CPU s", again, "`os.walk`, `os.lstat`", cpu["walked"], False, load()
            )
            yield looked.within_times(1.3, cpu["compared"])
            yield Row(f"restart, {title}", "CPU s", again, "`find -printf`", cpu["listed"], False, load())


def of_posts(sizes: Sizes) -> Iterator[Row]:
    """Take single events and bursts in, in turn with a loop of what cannot be left out."""
    goals = {1: (300, 12_000), posting.BURST: (8, None)}
    for case in posting.measure(sizes.rounds, Path("/var/tmp")):
        cpu_goal, written_goal = goals[case.size]
        yield Row(f"CPU, {case.name}", "µs/event", case.cpu_us, load=load()).within(
            cpu_goal, case.least_cpu_us
        )
        written = Row(f"written, {case.name}", "B/event", case.written, load=load())
        yield (
            written.within(written_goal, case.least_written)
            if written_goal
            else replace(written, floor=case.least_written)
        )


@contextmanager
def at_rest_meanwhile(*, wanted: bool) -> Iterator[Callable[[Sizes], Iterator[Row]]]:
    """Let a host rest while other parts run, so that its day is measured for longer; yield what tells of it."""
    if not wanted:
        yield lambda _: iter(())
    elif reason := installed.missing() or syncs.missing():
        print(f"the host at rest is left out: {reason} (make test-deps, as root)", file=sys.stderr)
        yield lambda _: iter(())
    else:
        with at_rest.resting() as rest:
            yield lambda sizes: at_rest.rows(rest, sizes.rest_seconds)


PARTS: dict[str, Callable[[Sizes], Iterator[Row]]] = {
    "delivery": of_delivery,
    "intake": of_intake,
    "posts": of_posts,
    "files": of_files,
    "tree": of_tree,
    "slow": small_box_figures.rows,
}


def pictures(sizes: Sizes, folder: Path) -> Iterator[str]:
    """Draw how costs grow, and yield a line of the document for each picture."""
    yield ""
    for name, measure in growth.parts(small=sizes.small).items():
        drawn, loaded = measure(), load()
        path = folder / f"growth-{name}.svg"
        path.write_text(drawn.svg())
        said = "; ".join(
            f"{line} {points[0][1]:.3g} at {points[0][0]:,} to {points[-1][1]:.3g} at {points[-1][0]:,}"
            for line, points in drawn.lines.items()
        )
        yield f"![{drawn.title}](pictures/{path.name})"
        yield ""
        yield f"{drawn.title}, {drawn.cost}: {said} (load {loaded:.1f})."
        yield ""


def main() -> None:
    """Run what is asked for, print each line as it comes, and write all of it into the document when asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*PARTS, "rest", "growth"]
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--only", default=",".join(names), help="parts, with commas between: %(default)s")
    parser.add_argument("--write", action="store_true", help="put table and pictures into docs/")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(names):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if not (CONTENDERS / "bin").exists():
        raise SystemExit("needs the peers: run packaging/install-bench-contenders")
    os.environ["PATH"] = f"{CONTENDERS / 'bin'}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="sts-bench-") as scratch:
        lines = _measured(SIZES[options.size], wanted, Path(scratch))
        if options.write:
            document = DOCS / "benchmarks.md"
            document.write_text(between(document.read_text(), BEGIN, END, lines))
            for picture in Path(scratch).iterdir():
                shutil.copy(picture, DOCS / "pictures")


def _measured(sizes: Sizes, wanted: list[str], folder: Path) -> list[str]:
    """Run the parts; return the lines of the document, with the pictures in a folder."""
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    say(
        f"Taken on {datetime.now(UTC):%Y-%m-%d}, size `{sizes.name}`: {booted.state_of_machine()} at the start."
    )
    for line in ("", HEAD, RULE):
        say(line)
    with at_rest_meanwhile(wanted="rest" in wanted) as rested:
        for name, part in PARTS.items():
            for row in part(sizes) if name in wanted else ():
                say(row.line())
        for row in rested(sizes):
            say(row.line())
    for line in pictures(sizes, folder) if "growth" in wanted else ():
        say(line)
    return lines


if __name__ == "__main__":
    main()
