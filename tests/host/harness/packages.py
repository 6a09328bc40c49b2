"""The packages of this checkout, built once for all tests of a run."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import image, namespace
from harness.host import CHECKOUT, Host
from harness.machine import HostError

UNIT = "sts-agent.service"
VERSION = "0.1.0"
NEXT_VERSION = "0.1.1"
_EPOCH = "1764000000"
_FIND = """\
find / -xdev \\( -path /proc -o -path /packages -o -path /var/log -o -path /var/lib/apt \\) -prune \
    -o -name '*sts-agent*' -print | sort
"""


def bring(host: Host, package: Path) -> str:
    """Copy a package to the host, and return where it is there."""
    host.path("/packages").mkdir(exist_ok=True)
    shutil.copy(package, host.path("/packages"))
    return f"/packages/{package.name}"


def apt(
    host: Host, *words: str, check: bool = True, timeout_seconds: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run apt on the host, as a script does."""
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    return host.run(*quiet, *words, check=check, timeout_seconds=timeout_seconds)


def left_on(host: Host) -> str:
    """Return every path with the agent's name, beside what the system writes of its own history."""
    return host.shell(_FIND)


@functools.cache
def built(kind: str, version: str, *, harm: str = "") -> Path:
    """Return a package of a kind (`deb`, `rpm`) and a version; `harm` is a line at the top of the daemon's module."""

    def make(directory: Path) -> None:
        build(kind, directory, version, _harmed(directory / "checkout", harm) if harm else CHECKOUT)

    name = "-".join([kind, version, "harmed"] if harm else [kind, version])
    return next(image.made_once(name, make, namespace.scratch()).glob(f"*.{kind}"))


def build(kind: str, output: Path, version: str, checkout: Path = CHECKOUT) -> None:
    """Build a package as `make` does."""
    builder = [sys.executable, str(CHECKOUT / "packaging/builder"), kind, f"--version={version}"]
    done = subprocess.run(
        [*builder, f"--checkout={checkout}", f"--output={output}"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": _EPOCH},
    )
    if done.returncode != 0:
        raise HostError(f"packaging/builder {kind}: {done.stdout}{done.stderr}")


def _harmed(checkout: Path, harm: str) -> Path:
    shutil.copytree(CHECKOUT, checkout, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    daemon = checkout / "agent/runtime/daemon.py"
    daemon.write_text(f"{harm}\n{daemon.read_text()}")
    return checkout


def log_of_a_users_own_agent(host: Host, title: str) -> str:
    """Have a new user run the agent by its unit for users, and send an event to it; return its log."""
    host.shell("useradd -m ann; loginctl enable-linger ann")
    uid = host.run("id", "-u", "ann").stdout.strip()
    host.shell(f"until [ -S /run/user/{uid}/systemd/private ]; do sleep 0.1; done")
    environment = ("env", f"XDG_RUNTIME_DIR=/run/user/{uid}", "HOME=/home/ann")
    host.run(*environment, "systemctl", "--user", "enable", "--now", "sts-agent", user="ann")
    command = (*environment, "sts-agent", "--user")
    host.run(*command, "event", "send", "OwnEvent", "--title", title, user="ann")
    return host.run(*command, "log", user="ann").stdout
