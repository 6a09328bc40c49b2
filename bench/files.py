"""What watching files costs: baseline, restart, memory and idle, beside `sha256sum` of the same tree.

    python bench/files.py [--files 100000] [--diff auto|never]

Each part runs in a process of its own with the real spool, so that its CPU time and memory are its own.
CPU times are user and system together; the ratios to `sha256sum` in the same run are what to compare.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from collectors.collector import Runtime, Scoped  # noqa: E402 - the path comes first
from collectors.files import FilesCollector, FilesEntry  # noqa: E402
from spool import Spool  # noqa: E402

FILES_A_DIRECTORY = 100


class Stop(threading.Event):
    """The request to end, which can be polled too."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.write = os.pipe()

    def set(self) -> None:
        super().set()
        os.write(self.write, b"!")

    def fileno(self) -> int:
        return self.read


def make_tree(root: Path, count: int) -> None:
    """Make small configuration files, 100 in each directory."""
    lots = random.Random(1)
    for number in range(count):
        directory = root / f"d{number // FILES_A_DIRECTORY:04d}"
        if number % FILES_A_DIRECTORY == 0:
            directory.mkdir(parents=True)
        lines = (f"key{i} = value {lots.randrange(10**6)}\n" for i in range(lots.randrange(5, 60)))
        (directory / f"f{number % FILES_A_DIRECTORY:02d}.conf").write_text("".join(lines))


def resident() -> int:
    """Return the resident memory of this process in KiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def switches() -> int:
    """Return how often the threads of this process gave up the processor so far."""
    total = 0
    for status in Path("/proc/self/task").glob("*/status"):
        total += int(status.read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0])
    return total


def watch(tree: Path, directory: Path, diff: Literal["auto", "never"], idle_seconds: int) -> None:
    """Run the collector once over `tree` until it watches; print what that cost."""
    spool = Spool.open(directory)
    stop, ready = Stop(), threading.Event()
    runtime = Runtime(
        memory=spool.memory("files"),
        emit=lambda _events, remember: spool.append([], owner="files", remember=remember),
        stop=stop,
        report=lambda text: ready.set() if text.startswith("watching") else None,
        flush=lambda _seconds: None,
    )
    collector = FilesCollector([Scoped(FilesEntry(paths=(f"{tree}/**",), diff=diff))])
    before, cpu = resident(), time.process_time()
    thread = threading.Thread(target=partial(collector.run, runtime))
    thread.start()
    ready.wait()
    cpu = time.process_time() - cpu
    print(f"  cpu {cpu:.2f} s, resident +{resident() - before} KiB to {resident()} KiB")
    if idle_seconds:
        since, cpu = switches(), time.process_time()
        time.sleep(idle_seconds)
        print(
            f"  idle for {idle_seconds} s: {switches() - since} switches, {time.process_time() - cpu:.4f} s of CPU"
        )
    stop.set()
    thread.join()
    spool.close()


def measure(title: str, *arguments: str) -> float:
    """Run a part of this program in a process of its own and return its CPU time."""
    print(title, flush=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        arguments, check=True, stdout=None if arguments[0] == sys.executable else subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--diff", choices=("auto", "never"), default="auto")
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        tree, directory, idle_seconds = options.part
        watch(Path(tree), Path(directory), options.diff, int(idle_seconds))
        return
    with tempfile.TemporaryDirectory() as name:
        tree, directory = Path(name) / "tree", Path(name) / "spool"
        Path(name).chmod(0o755)
        make_tree(tree, options.files)
        part = partial(
            measure, "", sys.executable, __file__, "--diff", options.diff, "--part", str(tree), str(directory)
        )
        hashes = ["sh", "-c", f"find {tree} -type f -print0 | xargs -0 sha256sum"]
        measure("(warming up)", *hashes)
        reference = measure("sha256sum", *hashes)
        print(f"  cpu {reference:.2f} s")
        print(f"baseline of {options.files} files", end="", flush=True)
        baseline = part("0")
        print("restart, nothing changed", end="", flush=True)
        restart = part("30")
        print(
            f"whole processes: baseline {baseline / reference:.1f} x sha256sum, restart {restart / baseline:.2f} of the baseline"
        )


if __name__ == "__main__":
    main()
