"""The collectors side by side with what people use instead, in one run.

    make bench-collectors        (or: python bench/collecting.py --only files,services,tree,idle)

files: change to receiver for this agent, `inotifywait | curl` and Monit; services: for this agent and a poller, on a
booted host; tree: learning 100 000 files beside `sha256sum`; idle: what the agent costs when nothing happens.
Prints tables in Markdown. Needs apt's inotify-tools, curl and monit; the booted host needs root and `make test-deps`.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import booted
import file_latency
import tree_scan
from file_latency import Latency

PARTS = ("files", "services", "tree", "idle")


def table(latencies: Iterable[Latency]) -> list[str]:
    """Return the lines of a table of latencies."""
    lines = ["| | p50 ms | p99 ms | worst ms | changes | lost |", "|---|---:|---:|---:|---:|---:|"]
    for found in latencies:
        name = found.name.replace("|", "\\|")
        if not found.seconds:
            lines.append(f"| {name} | | | | 0 | {found.lost} |")
            continue
        ms = [1000 * seconds for seconds in (found.at(0.5), found.at(0.99), found.seconds[-1])]
        figures = " | ".join(f"{value:,.0f}" for value in ms)
        lines.append(f"| {name} | {figures} | {len(found.seconds)} | {found.lost} |")
    return lines


def say(title: str, lines: Sequence[str]) -> None:
    """Print one part."""
    print(f"\n### {title}\n\n({booted.state_of_machine()})\n", *lines, sep="\n", flush=True)


def files(options: argparse.Namespace, scratch: Path, port: int) -> None:
    """Measure changes of files."""
    lacking = [package for command, package in file_latency.NEEDS.items() if shutil.which(command) is None]
    if lacking:
        raise SystemExit(f"needs: apt install {' '.join(lacking)}")
    say(
        "A file is changed: until the receiver has it",
        table(
            file_latency.measure(contender, scratch, port, options.changes)
            for contender in file_latency.CONTENDERS
        ),
    )


def on_a_host(options: argparse.Namespace, port: int, wanted: set[str]) -> None:
    """Measure what needs a booted host, or say why it cannot be."""
    if reason := booted.missing():
        print(f"\nServices and idle are left out: {reason} (make test-deps, as root)")
        return
    with booted.host(port) as host:
        if "idle" in wanted:
            say("Nothing happens", booted.idle(host, options.settled_after, options.idle_seconds))
        if "services" in wanted:
            lines = table(booted.services(host, port, options.changes // 2))
            say("A service starts or stops: until the receiver has it", lines)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between: %(default)s")
    parser.add_argument(
        "--changes", type=int, default=200, help="files changed for each; services: half of it"
    )
    parser.add_argument("--files", type=int, default=100_000, help="files of the tree")
    parser.add_argument("--mean-bytes", type=int, default=4096, help="their size in the mean")
    parser.add_argument("--idle-seconds", type=float, default=180, help="how long to look at an idle agent")
    parser.add_argument("--settled-after", type=float, default=60, help="seconds after the boot before that")
    options = parser.parse_args()
    wanted = set(options.only.split(","))
    if not wanted <= set(PARTS):
        parser.error(f"--only knows {', '.join(PARTS)}")
    scratch = Path(tempfile.mkdtemp(prefix="sts-bench-"))
    try:
        with booted.sink() as port:
            if "files" in wanted:
                files(options, scratch, port)
            if wanted & {"services", "idle"}:
                on_a_host(options, port, wanted)
        if "tree" in wanted:
            lines = tree_scan.measure(scratch, options.files, options.mean_bytes)
            say("A large tree", lines)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
