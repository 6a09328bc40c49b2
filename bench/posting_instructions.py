"""How many instructions a posted event takes in the daemon: what other load on the machine hardly disturbs.

    python bench/posting_instructions.py [CHECKOUT …]

Each checkout's agent, a recorder, runs under valgrind's callgrind, one after the other, with the libraries of the Python that runs this. Instructions of
the process itself are counted, the kernel's part is not, nor is the look at who changes the host now, which comes at most every two
seconds however much is posted. A checkout from before that look is counted as it is.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from posting import BURST, LACKING, Program, bodies

WARM, SINGLES, BURSTS = 5, 60, 12
AGENT = """
import sys
from agent.cli import main
try:
    import agent.runtime.running_work as looks
    looks._ASK_AGAIN_SECONDS = float("inf")
    looks.running = lambda root: ()
except ImportError:
    pass
sys.argv = ["sts-agent", "run", "--config", {config!r}]
main()
"""


def agent(checkout: Path, directory: Path) -> Program:
    """Return the agent of a checkout, to be started under callgrind; it counts nothing until it is told to."""
    config = directory / "agent.yaml"
    config.write_text(
        f"hostname: bench\nhost: false\nservices: false\npackages: false\n"
        f"spool: {{directory: {directory}/spool, max_size: 1GiB}}\nintake: {{socket: {directory}/intake.sock}}\n"
    )
    valgrind = [
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        f"--callgrind-out-file={directory}/counted",
    ]
    environment = ["env", f"PYTHONPATH={checkout.resolve()}", "PYTHONHASHSEED=0"]
    python = [sys.executable, "-P", "-c", AGENT.format(config=str(config))]
    return Program("sts-agent", [*environment, *valgrind, *python], directory)


def counted(program: Program, posted: list[bytes]) -> int:
    """Return how many instructions the posts take, but for the first few, which find cold caches."""
    for body in posted[:WARM]:
        program.post(body)
    control(program, "--zero")
    for body in posted[WARM:]:
        program.post(body)
    return counted_since(program)


def counted_since(program: Program) -> int:
    """Return how many instructions were counted since `--zero`."""
    control(program, "--dump")
    newest = max(program.directory.glob("counted*"), key=lambda path: path.stat().st_mtime_ns)
    total = re.search(r"^(?:summary|totals): (\d+)", newest.read_text("utf-8", "replace"), re.MULTILINE)
    return int(total[1]) if total else 0


def control(program: Program, *what: str) -> None:
    """Tell callgrind to do something."""
    subprocess.run(
        ["callgrind_control", *what, str(program.process.pid)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def measure(checkout: Path, directory: Path) -> dict[str, int]:
    """Return the instructions of an event, by case."""
    program = agent(checkout, directory)
    found: dict[str, int] = {}
    program.start()
    try:
        control(program, "--instr=on")
        number = 0
        for size, count in ((1, SINGLES), (BURST, BURSTS)):
            for what, lacking in LACKING.items():
                posted = bodies(number, WARM + count, size, lacking)
                number += len(posted) * size
                found[f"{size} a request, {what}"] = counted(program, posted) // (count * size)
    finally:
        program.process.terminate()
        program.process.wait()
    return found


def main() -> None:
    """Print a table in Markdown: the cases, and a column for each checkout."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkouts", nargs="*", type=Path, default=[Path(__file__).parents[1]])
    checkouts = parser.parse_args().checkouts
    columns = []
    for checkout in checkouts:
        directory = Path(tempfile.mkdtemp(prefix="sts-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        try:
            columns.append(measure(checkout, directory))
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    print(f"| instructions an event | {' | '.join(checkout.resolve().name for checkout in checkouts)} |")
    print(f"|---|{'---:|' * len(checkouts)}")
    for case in columns[0]:
        print(f"| {case} | {' | '.join(f'{column[case]:,}'.replace(',', ' ') for column in columns)} |")


if __name__ == "__main__":
    main()
