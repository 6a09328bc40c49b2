"""What a large tree costs: learnt for the first time beside `sha256sum`, looked at again after a restart, and held.

CPU seconds are user and system time of the whole process. The agent's own start, measured with an empty tree, is
taken off: it is shown apart.
"""

import os
import random
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from file_latency import agent, ended, says, wait_until

TICKS = os.sysconf("SC_CLK_TCK")
FILES_IN_A_DIRECTORY = 100


@dataclass(frozen=True)
class Cost:
    """What the process had used when it had looked at everything."""

    cpu_seconds: float
    resident_bytes: int


def make_tree(root: Path, files: int, mean_bytes: int) -> None:
    """Write files as configuration is: `key = value` lines, most small, some large, no two alike."""
    chance = random.Random(1)
    for number in range(files):
        directory = root / f"{number // FILES_IN_A_DIRECTORY:05}"
        if number % FILES_IN_A_DIRECTORY == 0:
            directory.mkdir(parents=True)
        lines = max(1, int(chance.expovariate(1 / mean_bytes) / 24))
        text = f"name = part-{number}\n" + f"option_{number % 997:03} = {number:08}\n" * lines
        (directory / f"{number:06}.conf").write_text(text)


SUMS = "find '{root}' -type f -print0 | xargs -0 sha256sum"
STATS = "find '{root}' -type f -printf '%i %s %C@ %T@ %m %U %G\\n'"
"""The least that a compare by stat alone can take: one `lstat` a file, in C, and nothing made of it."""


BARE = """
import os, sys, time
for directory, _, files in os.walk(sys.argv[1]):
    for name in files:
        os.lstat(f"{directory}/{name}")
print(time.process_time())
"""
"""The least that a compare by stat alone can take in Python."""


def of_bare_walk(root: Path) -> float:
    """Return the CPU seconds of a walk with one `lstat` a file in Python, without the interpreter's start."""

    def run(directory: Path) -> float:
        done = subprocess.run(
            [sys.executable, "-c", BARE, directory], check=True, capture_output=True, text=True
        )
        return float(done.stdout)

    return run(root) - run(root / "none")


def of_command(command: str, root: Path) -> float:
    """Return the CPU seconds of a line of shell over the tree below `root`, with what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["sh", "-c", command.format(root=root)], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def of_agent(own: Path, root: Path, files: int, diff: str) -> Cost:
    """Start the agent; return what it has used when it watches every file; stop it. `own` is kept for the next."""
    conf_d = f"files:\n  - paths: ['{root}/**']\n    diff: {diff}\n"
    process = agent(own, 9, conf_d, started=lambda _: None)
    with ended(process):
        wait_until(lambda: says(own).startswith(f"watching {files} files"), "the agent to watch", every=0.5)
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        )
        return Cost((int(fields[11]) + int(fields[12])) / TICKS, int(status["VmRSS"].split()[0]) * 1024)


def measure(scratch: Path, files: int, mean_bytes: int) -> list[str]:
    """Return the lines of the table."""
    root, empty = scratch / "tree", scratch / "empty"
    empty.mkdir()
    scratch.chmod(0o755)  # as /etc is: `auto` keeps text only of what everybody may reach
    make_tree(root, files, mean_bytes)
    size = sum(path.stat().st_size for path in root.rglob("*.conf"))
    of_command(SUMS, root)  # into the page cache
    summed, listed = of_command(SUMS, root), of_command(STATS, root)
    bare = of_bare_walk(root)
    start = of_agent(scratch / "start", empty, 0, "auto")
    lines = [
        (
            f"{files:,} files, {size / 1024 / 1024:.0f} MiB, in the page cache. The agent's own start: "
            f"{start.cpu_seconds:.2f} s of CPU, {start.resident_bytes / 1024 / 1024:.1f} MiB."
        ),
        "",
        "| | CPU s | beside sha256sum | beside the baseline | memory per file |",
        "|---|---:|---:|---:|---:|",
        f"| `sha256sum` of the tree | {summed:.2f} | 1.00 | | |",
        f"| `find -printf`: one stat a file | {listed:.2f} | {listed / summed:.2f} | | |",
    ]
    lines.append(f"| `os.walk`, `os.lstat` in Python | {bare:.2f} | {bare / summed:.2f} | | |")
    for diff in ("never", "auto"):
        own = scratch / f"agent-{diff}"
        baseline = of_agent(own, root, files, diff)
        again = of_agent(own, root, files, diff)
        first, second = (cost.cpu_seconds - start.cpu_seconds for cost in (baseline, again))
        held = (again.resident_bytes - start.resident_bytes) / files
        learnt = (baseline.resident_bytes - start.resident_bytes) / files
        lines += [
            f"| baseline, `diff: {diff}` | {first:.2f} | {first / summed:.2f} | 1.00 | {learnt:,.0f} B |",
            (
                f"| restart, unchanged, `diff: {diff}` | {second:.2f} | {second / summed:.2f} | {second / first:.2f} "
                f"| {held:,.0f} B |"
            ),
            f"| the same, beside `os.walk` and `os.lstat` | | | {second / bare:.2f} x | |",
        ]
        shutil.rmtree(own)
    return lines
