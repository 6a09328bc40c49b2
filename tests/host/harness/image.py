"""Root file systems of test hosts: a real Debian, made once by mmdebstrap and kept in the user's cache.

A base is named after its suite and packages and never written to again: a host boots on an overlay above it.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import platformdirs
from harness import sysvinit


class Debian(NamedTuple):
    """A kind of Debian; `python` is the version that its python3 has.

    Its apt can install what is `offered`, with all that needs, without a network.
    """

    suite: str
    python: str
    packages: tuple[str, ...]
    offered: tuple[str, ...] = ()
    sources: str = ""
    """Lines of a sources.list, for what this machine's own mirrors do not have."""

    @property
    def has_systemd(self) -> bool:
        """Whether systemd is its process 1."""
        return "systemd-sysv" in self.packages


_EVERYWHERE = ("ca-certificates", "curl", "dbus", "iproute2", "procps", "python3", "python3-venv", "vim-tiny")
_WITH_SYSTEMD = ("libpam-systemd", "nginx", "systemd", "systemd-sysv")

BOOKWORM = Debian("bookworm", "3.11", (*_EVERYWHERE, *_WITH_SYSTEMD))
TRIXIE = Debian("trixie", "3.13", (*_EVERYWHERE, *_WITH_SYSTEMD, "polkitd"))
_BARE = ("dbus", "nginx", "systemd", "systemd-sysv")
BARE_BOOKWORM = Debian("bookworm", "3.11", _BARE, offered=("ca-certificates", "python3"))
BARE_TRIXIE = BARE_BOOKWORM._replace(suite="trixie", python="3.13")
BARE_UBUNTU = Debian(
    "noble", "3.12", ("apt", *_BARE), BARE_BOOKWORM.offered
)  # its `sources` are those of harness.ubuntu
SYSVINIT = Debian("bookworm", "3.11", (*_EVERYWHERE, "sysvinit-core"))

DEBIANS = {"Debian 12": BOOKWORM, "Debian 13": TRIXIE}
"""What a test that is marked `every_debian` runs on; STS_AGENT_TEST_SUITE=forky:3.14 names another, with its Python."""
if _named := os.environ.get("STS_AGENT_TEST_SUITE"):
    _suite, _, _python = _named.partition(":")
    DEBIANS = {f"Debian {_suite}": TRIXIE._replace(suite=_suite, python=_python)}

MORE_PACKAGES = ("ansible-core", "bindfs", "dbus-user-session", "dnf", "polkitd", "puppet-agent", "rpm")
"""What some tests ask for; one second base has them all, since each base costs a minute and 300 MB."""

_LAYOUT = "1"  # raise it when what is done to a base after mmdebstrap changes

# Hosts share the loopback of the machine that runs the tests, so nothing in them may claim a port.
_NGINX_SITE = """\
server {
    listen unix:/run/nginx.sock;
    root /var/www/html;
}
"""


def base(extra: Iterable[str] = (), debian: Debian = BOOKWORM) -> Path:
    """Return the directory of a Debian with `extra` packages; the first call takes a minute."""
    whole = debian._replace(packages=tuple(sorted({*debian.packages, *extra})))
    described = [_LAYOUT, whole.suite, *whole.packages, *(f"offered {name}" for name in whole.offered)]
    key = hashlib.sha256("\n".join(described).encode()).hexdigest()[:16]
    return made_once(f"debian-{key}", lambda directory: _make(directory, whole))


def made_once(name: str, make: Callable[[Path], None], cache: Path | None = None) -> Path:
    """Return a directory of the cache, which `make` fills if nobody has yet; whole or not at all."""
    cache = cache or cache_directory()
    directory = cache / name
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.is_dir():
            half_made = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=cache))
            try:
                make(half_made)
                half_made.rename(directory)
            except BaseException:
                shutil.rmtree(half_made, ignore_errors=True)
                raise
    return directory


def cache_directory() -> Path:
    """Return where test hosts keep what takes long to make."""
    directory = platformdirs.user_cache_path("sts-agent") / "test-hosts"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _make(directory: Path, debian: Debian) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        options = Path(scratch, "apt.conf")
        options.write_text(apt_options())
        sources = Path(scratch, "sources.list")
        sources.write_text(debian.sources or apt_sources(debian.suite))
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(debian.packages)}"]
        if debian.offered:
            apt = 'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get'
            keep = f"{apt} clean; {apt} --yes --download-only install {' '.join(debian.offered)}"
            command += ["--skip=cleanup/apt", f"--customize-hook={keep}"]
        command += [f"--aptopt={options}", debian.suite, str(directory)]
        if sources.stat().st_size:
            command.append(str(sources))
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise OSError(f"mmdebstrap: {done.stderr[-4000:]}")
    directory.chmod(0o755)
    (directory / "etc/machine-id").unlink(missing_ok=True)
    (directory / "etc/hostname").unlink(missing_ok=True)
    if not debian.has_systemd:
        sysvinit.settle(directory)
        return
    (directory / "etc/nginx/sites-available/default").write_text(_NGINX_SITE)
    (directory / "var/log/journal").mkdir(exist_ok=True)  # the journal outlives a reboot
    for unit in ("nginx.service", "apt-daily.timer", "apt-daily-upgrade.timer"):
        subprocess.run(["systemctl", "--quiet", f"--root={directory}", "disable", unit], check=True)


def apt_sources(suite: str) -> str:
    """Return this machine's own mirrors with the suite in place of its own, or nothing where it has none."""
    wanted = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", wanted, "Created-By: Packages", "Origin: Debian"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    here = platform.freedesktop_os_release().get("VERSION_CODENAME", suite)
    lines = {line.replace(f" {here}", f" {suite}") for line in targets.splitlines()}
    return "".join(f"deb {line}\n" for line in sorted(lines) if f" {suite}" in line)


def apt_options() -> str:
    """Return what this machine's apt was told about proxies, certificates and the mirror's dates."""
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries", "Acquire::Languages")
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith(wanted))


def missing() -> str | None:
    """Return why this machine cannot boot test hosts, or None."""
    if os.geteuid() != 0:
        return "booting a host needs root"
    for command in ("systemd-nspawn", "mmdebstrap", "nsenter", "unshare", "setpriv"):
        if shutil.which(command) is None:
            return f"{command} is not installed"
    mount = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt && mount -t cgroup2 cgroup2 /mnt"]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        return "nothing may be mounted here (a container without privileges?)"
    return None
