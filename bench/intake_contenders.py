"""The programs of `make bench-intake`: this agent, and syslog-ng and rsyslog that take lines over TCP and queue them on disk.

Nobody answers at the destination of the two, so that all they take stays in their queues; this agent has none.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from delivery import PATIENCE_SECONDS, free_port
from intake_events import TOKEN, Dialect, Ports, Post

CONTENDERS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sts-agent/bench-contenders"
"""Where packaging/install-bench-contenders puts them."""
_LIBRARIES = (
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "lib/x86_64-linux-gnu",
    "usr/lib/syslog-ng",
)


class Contender(Protocol):
    """A program under test."""

    name: str

    def start(self, directory: Path) -> subprocess.Popen[bytes]:
        """Run it with everything of its own below `directory`; it listens when this returns."""
        ...

    def post(self, dialect: Dialect) -> Post:
        """Return what hands events to it and returns when they are where the program keeps them."""
        ...


class ThisAgent:
    """`sts-agent run` with every port open and no destination: a recorder."""

    name = "sts-agent"

    def __init__(self) -> None:
        self.ports = Ports(free_port(), free_port(), free_port())

    def start(self, directory: Path) -> subprocess.Popen[bytes]:
        """Run it."""
        (directory / "token").write_text(TOKEN)
        sensu = {
            "api": f"127.0.0.1:{free_port()}",
            "client": f"127.0.0.1:{self.ports.sensu_client}",
            "http": f"127.0.0.1:{self.ports.sensu_http}",
        }
        http = {"listen": f"127.0.0.1:{self.ports.http}", "token_file": str(directory / "token")}
        settings = {
            "hostname": "bench.example.com",
            "spool": {"directory": str(directory / "spool"), "max_size": "8GiB"},
            "intake": {"socket": str(directory / "intake.sock"), "http": http, "sensu": sensu},
        }
        (directory / "agent.yaml").write_text(json.dumps(settings))
        program = str(Path(sys.executable).with_name("sts-agent"))
        command = [program, "run", "--config", str(directory / "agent.yaml")]
        return _started(command, directory, (self.ports.http, self.ports.sensu_client, self.ports.sensu_http))

    def post(self, dialect: Dialect) -> Post:
        """Return what posts to it in a dialect."""
        return dialect.connect(self.ports)


class _Lines:
    """What takes lines over TCP, answers nothing, and queues them in files."""

    def __init__(self) -> None:
        self.port = free_port()
        self._queue = Path()

    def post(self, dialect: Dialect) -> Post:
        """Return what sends each event as a line and waits until the last of them is in a file of the queue."""
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        grown = _Growth(self._queue)

        def post(events: Sequence[dict[str, Any]]) -> None:
            lines = [json.dumps(event).encode() + b"\n" for event in events]
            mark = lines[-1][lines[-1].index(b"<") : lines[-1].rindex(b">") + 1]
            stream.sendall(b"".join(lines))
            grown.wait_for(mark)

        del dialect  # a line is a line
        return post


class SyslogNg(_Lines):
    """syslog-ng with a reliable disk buffer."""

    name = "syslog-ng"

    def start(self, directory: Path) -> subprocess.Popen[bytes]:
        """Run it."""
        self._queue = directory / "buffers"
        self._queue.mkdir()
        (directory / "syslog-ng.conf").write_text(
            f"""@version: 3.38
options {{ stats-freq(0); time-reopen(1); log-msg-size(65536); }};
source s {{ network(ip("127.0.0.1") port({self.port}) transport("tcp") flags(no-parse) max-connections(10)
  log-iw-size(20000) log-fetch-limit(1000)); }};
destination d {{ network("127.0.0.1" port({free_port()}) transport("tcp") template("$MSG\\n")
  disk-buffer(reliable(yes) disk-buf-size(4294967296) mem-buf-size(16777216) dir("{self._queue}"))); }};
log {{ source(s); destination(d); flags(flow-control); }};
"""
        )
        modules = f"--module-path={CONTENDERS}/usr/lib/syslog-ng/3.38"
        command = [f"{CONTENDERS}/usr/sbin/syslog-ng", "-F", "--no-caps", modules]
        command += ["-f", f"{directory}/syslog-ng.conf", "-R", f"{directory}/persist"]
        command += ["-p", f"{directory}/pid", "-c", f"{directory}/ctl"]
        return _started(command, directory, (self.port,))


class Rsyslog(_Lines):
    """rsyslog with a queue that is on disk alone, and that syncs what it writes."""

    name = "rsyslog"

    def start(self, directory: Path) -> subprocess.Popen[bytes]:
        """Run it."""
        self._queue = directory / "queue"
        self._queue.mkdir()
        (directory / "rsyslog.conf").write_text(
            f"""module(load="imtcp" maxSessions="10")
global(workDirectory="{self._queue}" maxMessageSize="64k")
input(type="imtcp" address="127.0.0.1" port="{self.port}" ruleset="r")
ruleset(name="r" queue.type="disk" queue.filename="q" queue.maxDiskSpace="8g" queue.syncQueueFiles="on"
  queue.checkpointInterval="1") {{
  action(type="omfwd" target="127.0.0.1" port="{free_port()}" protocol="tcp" action.resumeRetryCount="-1")
}}
"""
        )
        modules = next((CONTENDERS / "usr/lib").glob("*/rsyslog"))
        command = [f"{CONTENDERS}/usr/sbin/rsyslogd", "-n", "-f", f"{directory}/rsyslog.conf"]
        command += ["-i", f"{directory}/pid", "-M", str(modules)]
        return _started(command, directory, (self.port,))


class _Growth:
    """What is new in the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}
        self._new()

    def wait_for(self, mark: bytes) -> None:
        """Return when a text is in what is new."""
        ends = time.monotonic() + PATIENCE_SECONDS
        last = b""
        while mark not in (new := last + self._new()):
            last = new[-len(mark) :]
            if time.monotonic() > ends:
                raise SystemExit(f"{mark!r} never came into {self._folder}")
            time.sleep(0.0001)

    def _new(self) -> bytes:
        found = []
        for path in sorted(self._folder.iterdir()):
            if ".qi" in path.name:  # where rsyslog is in its queue, written anew each time
                continue
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                found.append(file.read())
                self._read[path] = file.tell()
        return b"".join(found)


def _started(command: Sequence[str], directory: Path, ports: Sequence[int]) -> subprocess.Popen[bytes]:
    libraries = ":".join(str(CONTENDERS / folder) for folder in _LIBRARIES)
    environ = {**os.environ, "LD_LIBRARY_PATH": libraries} if str(CONTENDERS) in command[0] else None
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory, env=environ)
    for port in ports:
        _until(lambda port=port: _listens(port), f"{command[0]} to listen: {directory}/log")  # type: ignore[misc] # bound at once
    return process


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(condition: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + 60
    while not condition():
        if time.monotonic() > ends:
            raise SystemExit(f"waited for {what}")
        time.sleep(0.02)
