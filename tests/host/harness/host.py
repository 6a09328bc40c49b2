"""A test host with the agent installed as an operator installs it, and the receiver it reports to."""

import functools
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from harness import image, namespace, sysvinit
from harness.image import BOOKWORM, Debian
from harness.machine import HostError, Machine
from harness.receiver import API_KEY, PATIENCE_SECONDS, Json, Receiver

CHECKOUT = Path(__file__).resolve().parents[3]

# For the base's Python, whatever Python runs the tests.
_WHEELS_FOR = ("--implementation=cp", "--only-binary=:all:")
_PLATFORMS = ("manylinux_2_5", "manylinux1", "manylinux_2_12", "manylinux2010", "manylinux_2_17")
_PLATFORMS += ("manylinux2014", "manylinux_2_28", "manylinux_2_34")


# systemd-nspawn lets nobody ask the kernel; then what systemd-timesyncd leaves behind is believed.
_CLOCK_IS_SYNCHRONISED = """\
d /run/systemd/timesync 0755 root root -
f /run/systemd/timesync/synchronized 0644 root root -
"""


class Host(Machine):
    """A machine with the agent on it. Off until `boot`; the agent then starts by itself.

    Where it is installed, `/etc/sts-agent/agent.yaml` names the receiver; write over it, or add to conf.d, before `boot` or with
    `reload`. Call `mask_agent` before `boot` for a host on which only the test itself runs our code.
    """

    def __init__(self, layers: Sequence[Path], receiver: Receiver, name: str = "edge-01") -> None:
        super().__init__(layers, name)
        self.receiver = receiver
        self.write("/etc/tmpfiles.d/clock.conf", _CLOCK_IS_SYNCHRONISED)
        if self.path("/opt/sts-agent").exists():
            self.configure()

    def configure(self, more: str = "", *, hostname: str = "") -> None:
        """Write agent.yaml: the receiver, quick backoff, and `more`."""
        self.write("/etc/sts-agent/api_key", API_KEY + "\n", mode=0o640)
        os.chown(self.path("/etc/sts-agent/api_key"), 0, self._group("sts-agent"))
        self.write(
            "/etc/sts-agent/agent.yaml",
            f"hostname: {hostname or self.name}\n"
            "destinations:\n"
            "  stackstate:\n"
            "    type: stackstate\n"
            f"    url: {self.receiver.url}\n"
            "    api_key_file: /etc/sts-agent/api_key\n"
            "    backoff: {initial: 100ms, max: 500ms}\n" + more,
        )

    def _group(self, name: str) -> int:
        lines = self.read("/etc/group").splitlines()
        return next(int(line.split(":")[2]) for line in lines if line.startswith(f"{name}:"))

    def distrust_clock(self) -> None:
        """Make the next boot one whose clock nobody has set."""
        self.path("/etc/tmpfiles.d/clock.conf").unlink()

    def mask_agent(self) -> None:
        """Keep the agent from starting at boot."""
        mask = self.path("/etc/systemd/system/sts-agent.service")
        mask.unlink(missing_ok=True)
        mask.symlink_to("/dev/null")

    def show_every_exe(self) -> None:
        """Use the drop-in for those who match other users' processes by their exe; before `boot`."""
        drop_in = self.read("/opt/sts-agent/share/sts-agent.service.d/processes.conf")
        self.write("/etc/systemd/system/sts-agent.service.d/processes.conf", drop_in)

    def reload(self) -> None:
        """Make the agent read its configuration again, as an operator does."""
        self.run("systemctl", "reload", "sts-agent.service")

    def agent(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line of the agent."""
        return self.run("/opt/sts-agent/bin/sts-agent", *arguments, check=check)

    def python(self, script: str) -> str:
        """Run a script with the Python and the packages of the installed agent; return its output."""
        return self.run("/opt/sts-agent/bin/python", "-c", script).stdout

    def wait_until_watching(self, *collectors: str, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until every collector, and these among them, took its first look: from then on changes are news."""
        end = time.monotonic() + timeout_seconds
        while True:
            states = self._status()["collectors"]
            active = {
                name: one.get("detail", "")
                for name, one in states.items()
                if one["state"] != "not applicable"
            }
            if (
                active
                and set(collectors) <= set(active)
                and all("watching" in detail for detail in active.values())
            ):
                return
            if time.monotonic() > end:
                raise HostError(f"{self.name} does not watch after {timeout_seconds} s: {states}")

    def wait_in_log(self, event_type: str, count: int = 1, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until so many events of a type are in the host's own history, receiver or not."""
        command = ("/opt/sts-agent/bin/sts-agent", "log", "-f", "-n", "1000", "--type", event_type)
        with self.running(*command) as log:
            too_late = threading.Timer(timeout_seconds, log.kill)
            too_late.start()
            try:
                said = [line for _, line in zip(range(count), log.stdout, strict=False)]
            finally:
                too_late.cancel()
                too_late.join()
        if len(said) < count:
            raise HostError(f"{self.name} has {len(said)} {event_type} after {timeout_seconds} s: {said}")

    def catch_up(self) -> None:
        """Send an event by hand and wait for it: every event kept before it has arrived then.

        The agent has also written down that it did. A kill or a power loss before that would rightly send it again.
        """
        mark = uuid.uuid4().hex
        self.agent("event", "send", "MarkEvent", "--title", "mark", "--source-identifier", mark)
        self.receiver.wait_for(
            lambda events: any(event["context"].get("source_identifier") == mark for event in events)
        )
        end = time.monotonic() + PATIENCE_SECONDS
        while self._status()["destinations"]["stackstate"]["waiting_events"]:
            if time.monotonic() > end:
                raise HostError(f"{self.name} does not acknowledge what arrived within {PATIENCE_SECONDS} s")

    def _status(self) -> Json:
        status: Json = json.loads(self.agent("status", "--json").stdout)
        return status


def agent_layer(base: Path, debian: Debian = BOOKWORM) -> Path:
    """Return the layer that `packaging/install` makes of a base: the agent from this checkout's wheel."""

    def make(directory: Path) -> None:
        machine = Machine([base])
        by_hand = ["sh", "-euc", sysvinit.INSTALL]
        install = install_command("--no-start") if debian.has_systemd else by_hand
        machine.prepare(*install, show=what_installing_needs(debian))
        # Each test says what is watched; tests/host/test_system_sample.py takes what an installation brings.
        machine.path("/etc/sts-agent/conf.d/system.yaml").unlink(missing_ok=True)
        machine.become_layer().rename(directory)

    return image.made_once(f"agent-on-{base.name}", make, namespace.scratch())


def install_command(*options: str) -> list[str]:
    """Return how the agent is installed, or upgraded, on a host that is shown `what_installing_needs`."""
    wheel = f"/mnt/wheel/{built_wheel().name}"
    return ["/mnt/checkout/packaging/install", "--wheels=/mnt/wheels", *options, wheel]


def what_installing_needs(debian: Debian = BOOKWORM) -> dict[Path, str]:
    """Return which paths of out here a host must be shown, and where."""
    wheels, ours = dependencies(debian), built_wheel().parent
    return {CHECKOUT: "/mnt/checkout", ours: "/mnt/wheel", wheels: "/mnt/wheels"}


@functools.cache
def built_wheel() -> Path:
    """Return the wheel of this checkout, built once."""

    def build(directory: Path) -> None:
        _pip("wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={directory}", CHECKOUT)

    return next(image.made_once("wheel", build, namespace.scratch()).glob("sts_agent-*.whl"))


@functools.cache
def dependencies(debian: Debian = BOOKWORM) -> Path:
    """Return the directory of the wheels that ours needs, downloaded when what it needs has changed."""
    requirements = CHECKOUT / "packaging/bundle-requirements.txt"
    needs = (CHECKOUT / "pyproject.toml").read_bytes() + requirements.read_bytes() + debian.python.encode()
    name = f"wheels-{hashlib.sha256(needs).hexdigest()[:16]}"
    return image.made_once(name, lambda directory: _download(directory, debian.python))


def _download(directory: Path, python: str) -> None:
    platforms = [f"--platform={platform}_{os.uname().machine}" for platform in _PLATFORMS]
    wheels_for = [*_WHEELS_FOR, f"--python-version={python}", *platforms]
    requirements = f"--requirement={CHECKOUT}/packaging/bundle-requirements.txt"
    _pip("download", *wheels_for, "--require-hashes", requirements, f"--dest={directory}")


def _pip(*arguments: str | Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise HostError(f"pip {arguments[0]}: {done.stdout}{done.stderr}")
