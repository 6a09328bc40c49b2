"""From a write to a file until the receiver has it: this agent, `inotifywait | curl`, Monit at its shortest cycle.

Each in turn watches the same kind of directory and reports to the same sink in this process. Every change is a
`write` to a file of its own, stamped just before the call; the arrival is stamped when the request was read. Both by
one monotonic clock.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sink import Stamping

SETTLE_SECONDS = 0.1
PATIENCE_SECONDS = 30.0
_ANSWER_SECONDS = 30.0
NEEDS = {"inotifywait": "inotify-tools", "curl": "curl", "monit": "monit"}


class Contender(Protocol):
    """A program under test: how it starts, and how a request of it names the file it is about."""

    name: str

    def running(self, directory: Path, files: list[Path], port: int) -> Iterator[None]: ...


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process, and wait for its end, after the block."""
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def agent(
    directory: Path, port: int, conf_d: str, *, started: Callable[[Path], object]
) -> subprocess.Popen[bytes]:
    """Start `sts-agent run` with its files in `directory` and one part of conf.d; `started` waits for it."""
    (directory / "conf.d").mkdir(parents=True, exist_ok=True)
    (directory / "conf.d/bench.yaml").write_text(conf_d)
    (directory / "agent.yaml").write_text(
        "hostname: bench.example.com\nhost: false\nservices: false\npackages: false\n"
        f"destinations:\n  sink: {{type: stackstate, url: 'http://127.0.0.1:{port}/agent', api_key: bench}}\n"
        f"spool: {{directory: {directory}/spool}}\nintake: {{socket: {directory}/intake.sock}}\n"
    )
    command = [Path(sys.executable).with_name("sts-agent"), "run", "--config", directory / "agent.yaml"]
    process = subprocess.Popen(command, stderr=(directory / "log").open("wb"))
    started(directory)
    return process


def says(directory: Path) -> str:
    """Return what the files collector of the agent in `directory` is at."""
    command = [
        Path(sys.executable).with_name("sts-agent"),
        "status",
        "--json",
        "--config",
        directory / "agent.yaml",
    ]
    with tempfile.TemporaryFile(
        "w+"
    ) as told:  # no pipe: on some kernels who waits for its end is not always woken
        try:
            subprocess.run(
                command, check=False, stdout=told, stderr=subprocess.DEVNULL, timeout=_ANSWER_SECONDS
            )
        except subprocess.TimeoutExpired:
            return ""
        told.seek(0)
        text = told.read()
    collectors = json.loads(text).get("collectors", {}) if text else {}
    return str(collectors.get("files", {}).get("detail", ""))


def wait_until(
    condition: Callable[[], object], what: str, *, seconds: float = 600, every: float = 0.1
) -> None:
    """Poll until `condition()` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {seconds} s for {what}")
        time.sleep(every)


class ThisAgent:
    """`sts-agent run` with `settle: 100ms`: hashed, compared, on disk and synced before it is sent."""

    name = "sts-agent, settle 100 ms"

    @contextmanager
    def running(self, directory: Path, files: list[Path], port: int) -> Iterator[None]:
        conf_d = f"files:\n  - paths: ['{files[0].parent}/**']\n    settle: {SETTLE_SECONDS * 1000:.0f}ms\n"

        def started(own: Path) -> None:
            wait_until(lambda: says(own).startswith("watching"), "the agent to watch")

        with ended(agent(directory, port, conf_d, started=started)):
            yield


class InotifyWait:
    """The usual two lines of shell: no settle, no hash, no content, nothing kept when the receiver is away."""

    name = "inotifywait -m | curl"

    @contextmanager
    def running(self, directory: Path, files: list[Path], port: int) -> Iterator[None]:
        script = (
            f"inotifywait -m -e close_write,moved_to --format %w%f '{files[0].parent}' 2>'{directory}/log' |"
            f' while read -r path; do curl -s -o /dev/null --data-binary "$path" http://127.0.0.1:{port}/; done'
        )
        process = subprocess.Popen(["sh", "-c", script], start_new_session=True)
        try:
            log = directory / "log"
            wait_until(lambda: log.exists() and "established" in log.read_text(), "inotifywait")
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


class Monit:
    """Monit at its shortest cycle, one second, with a checksum of every file in every cycle."""

    name = "Monit, cycle 1 s"

    @contextmanager
    def running(self, directory: Path, files: list[Path], port: int) -> Iterator[None]:
        checks = "".join(
            f'check file f{number} with path "{path}"\n  if changed checksum then exec "{directory}/tell {path}"\n'
            for number, path in enumerate(files)
        )
        tell = directory / "tell"
        tell.write_text(f'#!/bin/sh\nexec curl -s -o /dev/null --data-binary "$1" http://127.0.0.1:{port}/\n')
        tell.chmod(0o755)
        control = directory / "monitrc"
        control.write_text(
            f"set daemon 1\nset pidfile {directory}/pid\nset idfile {directory}/id\n"
            f"set statefile {directory}/state\nset log {directory}/log\n{checks}"
        )
        control.chmod(0o600)
        process = subprocess.Popen(
            ["monit", "-I", "-c", control], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with ended(process):
            time.sleep(5)  # it says nowhere that it has taken the first checksums
            yield


CONTENDERS: tuple[Contender, ...] = (ThisAgent(), InotifyWait(), Monit())


@dataclass(frozen=True)
class Latency:
    """How long the changes of one contender took, in seconds, sorted; and how many never arrived."""

    name: str
    seconds: list[float]
    lost: int

    def at(self, share: float) -> float:
        """Return the latency that `share` of the changes did not exceed."""
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


def measure(contender: Contender, scratch: Path, port: int, changes: int) -> Latency:
    """Change so many files, one at a time, half a second apart more or less, and wait for each to arrive."""
    own = scratch / contender.name.split()[0].strip(",")
    watched = own / "watched"
    watched.mkdir(parents=True)
    files = [watched / f"file-{number:04}.conf" for number in range(changes)]
    for path in files:
        path.write_text("key = old\n" * 100)
    rhythm = random.Random(1)
    written: dict[str, float] = {}
    Stamping.arrivals.clear()
    with contender.running(own, files, port):
        for path in files:
            time.sleep(rhythm.uniform(0.35, 0.65))
            with path.open("w") as file:
                written[str(path)] = time.monotonic()
                file.write("key = new\n" * 100)
        arrived = _arrivals(written)
    took = sorted(arrived[path] - at for path, at in written.items() if path in arrived)
    return Latency(contender.name, took, changes - len(took))


def _arrivals(written: dict[str, float]) -> dict[str, float]:
    """Return when each path arrived first after its write; wait for those on their way."""
    with Stamping.changed:
        Stamping.changed.wait_for(lambda: len(_first(written)) == len(written), PATIENCE_SECONDS)
        return _first(written)


def _first(written: dict[str, float]) -> dict[str, float]:
    first: dict[str, float] = {}
    for at, _, body in Stamping.arrivals:
        for path in _paths(body):
            if at >= written.get(path, at + 1):
                first.setdefault(path, at)
    return first


def _paths(body: bytes) -> Iterator[str]:
    if not body.startswith(b"{"):
        yield body.decode()
        return
    for event in json.loads(body)["events"].get("config", ()):
        yield event["context"]["data"]["path"]
