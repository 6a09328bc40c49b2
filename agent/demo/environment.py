"""What the demo plays on: a temporary directory, a receiver in this process, a real agent in another."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from agent.cli import CommandError
from agent.cli.again import command
from agent.cli.daemon_client import NotAnsweringError, ask
from agent.stand_in import Received, Reply, Request
from agent.systems.registry import DEFAULT_TYPE, stand_in
from collectors._portable import counted

PATIENCE_SECONDS = 30.0
_START_SECONDS = 20.0
_END_SECONDS = 15.0


class DemoEnvironment:
    """Everything is made on entry and gone on exit."""

    def __init__(self, on_event: Callable[[Received], None], system: str = DEFAULT_TYPE) -> None:
        self._directory = _make_directory()
        self._directory.chmod(0o755)  # a file that not everyone can reach is private, and shows no diff
        self.folder = self._directory / "etc"
        self._configuration = self._directory / "agent.yaml"
        self._log = self._directory / "agent.log"
        self._socket = self._directory / "intake.sock"
        self._is_down = False
        self._receiver = stand_in(system, credential="demo", intercept=self._answer, on_event=on_event)
        self._agent: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._receiver.start()
            self._write_files()
            self._start_agent()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._agent is not None:
            self._agent.terminate()
            try:
                self._agent.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._agent.kill()
                self._agent.wait()
        self._receiver.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def url(self) -> str:
        """Return the receiver's address."""
        return self._receiver.url

    def take_receiver_down(self) -> None:
        """Have the receiver answer 503 from now on."""
        self._is_down = True

    def bring_receiver_back(self) -> None:
        """Have the receiver accept again."""
        self._is_down = False

    def send(self, *words: str) -> None:
        """Run `sts-agent event send`."""
        sent = subprocess.run(
            [*command(), "--config", str(self._configuration), "event", "send", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if sent.returncode:
            raise CommandError(f"the event was not recorded: {sent.stderr.strip()}")

    def waiting_events(self) -> int:
        """Return how many events wait on disk for the receiver."""
        return int(self._status()["destinations"]["demo"]["waiting_events"])

    def wait_for(self, what: str, is_there: Callable[[Received], bool]) -> None:
        """Block until an event that `is_there` accepts has arrived."""
        try:
            self._receiver.wait_for(lambda received: any(map(is_there, received)), PATIENCE_SECONDS)
        except TimeoutError:
            raise CommandError(f"{what} did not arrive\n{self._last_words()}") from None

    def wait_until_waiting(self, events: int) -> int:
        """Block until so many events wait on disk; return how many do."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (waiting := self.waiting_events()) < events:
            if time.monotonic() > deadline:
                raise CommandError(f"only {counted(waiting, 'event')} waiting\n{self._last_words()}")
            time.sleep(0.05)
        return waiting

    def _write_files(self) -> None:
        self.folder.mkdir()
        (self._directory / "conf.d").mkdir()
        self._configuration.write_text(
            f"""\
hostname: demo.example.com
diff_at_most: always
tags: [demo:yes]
destinations:
  demo: {json.dumps({**self._receiver.destination, "backoff": {"initial": "500ms", "max": "1s"}})}
spool:
  directory: {self._directory / "spool"}
intake:
  socket: {self._socket}
"""
        )
        (self._directory / "conf.d" / "app.yaml").write_text(
            f"""\
tags: [app:shop]
files:
  - paths: ["{self.folder}/**"]
    diff: always
"""
        )

    def _start_agent(self) -> None:
        with self._log.open("wb") as log:
            self._agent = subprocess.Popen(
                [*command(), "--config", str(self._configuration), "run"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_watching():
            if self._agent.poll() is not None or time.monotonic() > deadline:
                raise CommandError(f"the agent did not start\n{self._last_words()}")
            time.sleep(0.02)

    def _is_watching(self) -> bool:
        """Return whether what is changed from now on is seen as a change."""
        try:
            return str(self._status()["collectors"]["files"]["detail"]).startswith("watching")
        except (NotAnsweringError, KeyError):
            return False

    def _status(self) -> Any:
        return json.loads(ask(self._socket, "GET", "/status").body)

    def _answer(self, _: Request) -> Reply | None:
        return Reply(503, b"Service Unavailable", "text/plain") if self._is_down else None

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""


def _make_directory() -> Path:
    """Make one of our own; random letters in its name would be masked in every path that is shown."""
    number = os.getpid()
    while True:
        directory = Path(tempfile.gettempdir()) / f"sts-agent-demo-{number}"
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
            return directory
        number += 1
