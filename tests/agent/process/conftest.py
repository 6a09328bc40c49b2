"""The installed `sts-agent` as a process of its own, with a real receiver beside it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.free_ports import free_port

from agent.cli.daemon_client import ask
from agent.systems.stackstate.stand_in import Receiver

PROGRAM = [str(Path(sys.executable).with_name("sts-agent"))]
PATIENCE_SECONDS = 180
"""How long a condition may take to come true on a crowded machine; nothing waits this long when it does."""


def eventually(is_so: Callable[[], Any], what: Callable[[], str] = str) -> Any:
    """Return what `is_so` returns as soon as that is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (result := is_so()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it never came to pass: {what()}")
        time.sleep(0.02)
    return result


class Agent:
    """One configured agent in a directory of its own; started, stopped and killed by the test."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.socket = directory / "intake.sock"
        self.spool = directory / "spool"
        self.state = directory / "state"
        self.watched = directory / "etc"
        self.key_file = directory / "api_key"
        self.process: subprocess.Popen[bytes] | None = None
        self.prefix: list[str] = []
        """Words before the program's, as `unshare`."""
        self.log_path = directory / "log"
        self.watched.mkdir()
        self.key_file.write_text("right\n")
        self.settings: dict[str, Any] = {
            "hostname": "test.example.com",
            "host": False,
            "services": False,
            "packages": False,
            "destinations": {
                "receiver": {
                    "type": "stackstate",
                    "url": url,
                    "api_key_file": str(self.key_file),
                    "backoff": {"initial": "50ms", "max": "200ms"},
                    "batch": {"linger": "10ms"},
                }
            },
            "spool": {"directory": str(self.spool)},
            "intake": {"socket": str(self.socket)},
        }
        self.configure()

    @property
    def destination(self) -> dict[str, Any]:
        return self.settings["destinations"]["receiver"]

    def configure(self, **more: Any) -> None:
        """Write agent.yaml; JSON is YAML."""
        self.settings.update(more)
        (self.directory / "agent.yaml").write_text(json.dumps(self.settings, indent=1))

    def configure_application(self, name: str, **content: Any) -> Path:
        path = self.directory / "conf.d" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=1))
        return path

    def watch_files(self, **more: Any) -> None:
        """Have the folder `watched` watched."""
        self.configure_application(
            "files", files=[{"paths": [f"{self.watched}/**"], "settle": "20ms", **more}]
        )

    def command(self, *words: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of the program against this configuration."""
        ran = subprocess.run(
            [*PROGRAM, "--config", str(self.directory / "agent.yaml"), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
            **more,
        )
        assert not check or ran.returncode == 0, ran
        return ran

    def send(self, title: str, *words: str) -> str:
        """Send an event by hand; return its identifier."""
        return self.command("event", "send", "TestEvent", "--title", title, *words).stdout.strip()

    def post(self, *titles: str, name: str = "custom") -> None:
        """Post events in one request; on disk when it returns."""
        body = json.dumps({"events": {name: [{"msg_title": title} for title in titles]}}).encode()
        reply = ask(self.socket, "POST", "/stsAgent/intake", body, timeout_seconds=PATIENCE_SECONDS)
        assert reply.is_ok, reply

    def begin(self, **environ: str) -> None:
        """Start the daemon without waiting for it."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, *PROGRAM, "run", "--config", str(self.directory / "agent.yaml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "STATE_DIRECTORY": str(self.state), **environ},
            )

    def start(self, **environ: str) -> None:
        """Start the daemon; it answers, and has told of its start, when this returns."""
        before = self._starts()
        self.begin(**environ)
        eventually(lambda: self._starts() > before and self.is_answering(), self.log)

    def stop(self) -> int:
        """End it in order; return its exit status."""
        return self.signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        assert process is not None
        process.send_signal(number)
        return process.wait(PATIENCE_SECONDS)

    def reload(self) -> None:
        """Have it read its configuration again; done when this returns."""
        said = re.compile("reloaded|the old one goes on")
        before = len(said.findall(self.log()))
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)
        eventually(lambda: len(said.findall(self.log())) > before, self.log)

    def status(self) -> dict[str, Any]:
        return json.loads(self.command("status", "--json").stdout)

    def detail(self, collector: str) -> str:
        """Return what a collector says it is at; nothing while it has not begun."""
        return self.status()["collectors"].get(collector, {}).get("detail", "")

    def log(self) -> str:
        """Return what the daemon wrote to stderr."""
        return self.log_path.read_text() if self.log_path.exists() else ""

    def history(self, *words: str) -> list[dict[str, Any]]:
        """Return what `log` shows."""
        return [json.loads(line) for line in self.command("log", "--json", *words).stdout.splitlines()]

    def _starts(self) -> int:
        """Return how often it has taken every step of a start; before that it may answer already."""
        assert self.process is None or self.process.poll() is None, self.log()
        return len(re.findall("INFO +started$", self.log(), re.MULTILINE))

    def is_answering(self) -> bool:
        """Return whether the daemon answers at its socket."""
        try:
            return ask(self.socket, "GET", "/status", timeout_seconds=PATIENCE_SECONDS).is_ok
        except Exception:  # noqa: BLE001 - not yet
            return False


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(port=free_port(), api_key="right") as receiver:
        yield receiver


@contextmanager
def _agent(url: str) -> Iterator[Agent]:
    # Not tmp_path: the path of a Unix socket has to be short.
    import tempfile

    with tempfile.TemporaryDirectory(prefix="sts-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        agent = Agent(Path(directory), url)
        yield agent
        if agent.process is not None:
            agent.kill()


@pytest.fixture
def agent(receiver: Receiver) -> Iterator[Agent]:
    with _agent(receiver.url) as one:
        yield one


@pytest.fixture(scope="module")
def shared_agent() -> Iterator[Agent]:
    """One agent for all tests of a module, with a destination that nobody answers for until another is configured."""
    with _agent("http://127.0.0.1:1/stsAgent") as one:
        yield one


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    return eventually
