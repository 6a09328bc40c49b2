"""Root file systems of test hosts: a real Debian, made once by mmdebstrap and kept in the user's cache.

A base is named after its packages and never written to again: a host boots on an overlay above it.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import platformdirs

SUITE = "bookworm"

PACKAGES = (
    "ca-certificates",
    "curl",
    "dbus",
    "iproute2",
    "libpam-systemd",
    "nginx",
    "procps",
    "python3",
    "python3-venv",
    "systemd",
    "systemd-sysv",
    "vim-tiny",
)

MORE_PACKAGES = ("dbus-user-session", "polkitd", "puppet-agent")
"""What some tests ask for; one second base has them all, since each base costs a minute and 300 MB."""

_LAYOUT = "1"  # raise it when what is done to a base after mmdebstrap changes

# Hosts share the loopback of the machine that runs the tests, so nothing in them may claim a port.
_NGINX_SITE = """\
server {
    listen unix:/run/nginx.sock;
    root /var/www/html;
}
"""


def base(extra: Iterable[str] = ()) -> Path:
    """Return the directory of a Debian with our packages and `extra`; the first call takes a minute."""
    packages = sorted({*PACKAGES, *extra})
    key = hashlib.sha256("\n".join([_LAYOUT, SUITE, *packages]).encode()).hexdigest()[:16]
    return made_once(f"debian-{key}", lambda directory: _make(directory, packages))


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """Return a directory of the cache, which `make` fills if nobody has yet; whole or not at all."""
    cache = cache_directory()
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


def _make(directory: Path, packages: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        options = Path(scratch, "apt.conf")
        options.write_text(_apt_options())
        sources = Path(scratch, "sources.list")
        sources.write_text(_apt_sources())
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}"]
        command += [f"--aptopt={options}", SUITE, str(directory)]
        if sources.stat().st_size:
            command.append(str(sources))
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise OSError(f"mmdebstrap: {done.stderr[-4000:]}")
    directory.chmod(0o755)
    (directory / "etc/machine-id").unlink(missing_ok=True)
    (directory / "etc/hostname").unlink(missing_ok=True)
    (directory / "etc/nginx/sites-available/default").write_text(_NGINX_SITE)
    (directory / "var/log/journal").mkdir(exist_ok=True)  # the journal outlives a reboot
    for unit in ("nginx.service", "apt-daily.timer", "apt-daily-upgrade.timer"):
        subprocess.run(["systemctl", "--quiet", f"--root={directory}", "disable", unit], check=True)


def _apt_sources() -> str:
    """Return this machine's own mirrors of the suite, or nothing where it has none."""
    wanted = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", wanted, "Created-By: Packages", "Origin: Debian"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    of_suite = sorted({line for line in targets.splitlines() if line.split()[1].startswith(SUITE)})
    return "".join(f"deb {line}\n" for line in of_suite)


def _apt_options() -> str:
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
