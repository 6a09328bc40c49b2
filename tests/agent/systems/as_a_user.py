"""The demo and the stand-in of a system as a user runs them, as programs of their own."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("sts-agent"))


def demo(system):
    """Run the demo; return what its stand-in got, in order."""
    words = [PROGRAM, "demo", "--system", system, "--seconds", "1", "--json"]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


class Ran:
    """A stand-in; what it said is there once it has ended."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.out = self.err = ""


@contextmanager
def receiver(system: str, *more: str) -> Iterator[Ran]:
    """Run a stand-in until the block is left, as by Ctrl-C."""
    words = [PROGRAM, "receiver", "--system", system, "--listen", "127.0.0.1:0", *more]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        ran = Ran(process.stderr.readline().rpartition(" ")[2].strip())
        yield ran
        process.send_signal(signal.SIGINT)
        ran.out, ran.err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
