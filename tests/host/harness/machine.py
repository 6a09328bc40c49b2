"""One test host: a Debian with an init as its process 1, booted in a container in a third of a second.

It shares the kernel, the clock and the network with the machine that runs the tests; it has its own
boot id, machine id, host name, file system, processes and cgroups. Nothing of it outlives the test.
"""

import contextlib
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness import namespace, sysvinit

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_REBOOT_ASKED = 133  # systemd-nspawn's exit status: start me again

# Each host gets a cgroup of its own, below a cgroup2 mount that only the container sees, so that
# it finds the same hierarchy whatever this machine uses.
_LAUNCH = """\
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "$1"
echo $$ > "$1/cgroup.procs"
shift
exec "$@"
"""
PATIENCE_SECONDS = 240
"""How long a command, a boot or a shutdown may take on a crowded machine; nothing waits this long when it ends."""

_ENDS_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
# Stopped first and killed then: else the last to be killed live to see the others end, and tell of it.
_CUT_POWER = """\
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo 1 > "$1/cgroup.freeze"
until grep -q "frozen 1" "$1/cgroup.events"; do sleep 0.01; done
echo 1 > "$1/cgroup.kill"
until grep -q "populated 0" "$1/cgroup.events"; do sleep 0.01; done
"""
_REMOVE_CGROUP = 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && find "$1" -depth -type d -exec rmdir {} +'


class HostError(Exception):
    """A host did not do what a test needs of it; the text says what it said."""


class Machine:
    """A host that is off until `boot`. `layers` are the file systems below its own, topmost first."""

    def __init__(
        self, layers: Sequence[Path], name: str = "edge-01", *, boot_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self.name = name
        self.boot_seconds = boot_seconds
        self.boots = 0
        self._serial = uuid.uuid4().hex[:12]
        self._directory = namespace.scratch() / self._serial
        self._root = self._directory / "root"
        self._cgroup = Path("/sys/fs/cgroup", f"sts-agent-test-{self._serial}")
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        for part in ("upper", "work", "root"):
            (self._directory / part).mkdir(parents=True)
            (self._directory / part).chmod(0o755)
        namespace.overlay(list(layers), self._directory / "upper", self._directory / "work", self._root)
        self.write("/etc/hostname", f"{name}\n")
        self.write("/etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
        self.write("/etc/machine-id", f"{uuid.uuid4().hex}\n")

    # Power

    @property
    def is_running(self) -> bool:
        """Whether it is on."""
        return self._nspawn is not None

    @property
    def leader(self) -> int:
        """The host's process 1, by its pid out here."""
        if self._nspawn is None:
            raise HostError(f"{self.name} is off")
        return self._leader

    def boot(self, *, show: Mapping[Path, str] = {}, options: Sequence[str] = ()) -> None:
        """Switch it on; return when every unit of the boot has started or failed.

        `show` puts paths of out here into it, read-only; `options` are systemd-nspawn's.
        """
        if self._nspawn is not None:
            raise HostError(f"{self.name} is on")
        with self._notices() as notices:
            with (self._directory / "console").open("wb") as console:
                self._nspawn = subprocess.Popen(
                    self._launch(
                        "--boot", "--notify-ready=yes", *self._how_it_tells(), *_bind(show), *options
                    ),
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=subprocess.STDOUT,
                    env={"PATH": PATH, "NOTIFY_SOCKET": str(self._directory / "notify")},
                )
            descriptor = os.pidfd_open(self._nspawn.pid)
            try:
                self._wait_until_ready(notices, descriptor)
            except BaseException:
                self.power_loss()
                raise
            finally:
                os.close(descriptor)
        self.boots += 1

    def reboot(self, *command: str) -> None:
        """Run `reboot` (or another command that ends in a reboot) and boot again."""
        self.run(*(command or ("reboot",)), check=False)
        status = self.wait_until_off()
        if status != _REBOOT_ASKED:
            raise HostError(f"{self.name} did not ask for a reboot, it ended with {status}: {self.console()}")
        self.boot()

    def poweroff(self) -> None:
        """Shut it down in order."""
        self.run("poweroff", check=False)
        self.wait_until_off()

    def power_loss(self) -> None:
        """Cut its power: every process is gone at once, and nobody was told."""
        if self._nspawn is None:
            return
        cut = ["unshare", "--mount", "sh", "-euc", _CUT_POWER, "cut", str(self._cgroup)]
        subprocess.run(cut, check=False, capture_output=True, timeout=PATIENCE_SECONDS)
        try:
            self.wait_until_off(30)
        except HostError:
            if self._nspawn is not None:
                self._nspawn.kill()
                self.wait_until_off()

    def wait_until_off(self, timeout_seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for the end of a shutdown that was asked for; return systemd-nspawn's exit status."""
        if self._nspawn is None:
            raise HostError(f"{self.name} is off")
        try:
            status = self._nspawn.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise HostError(f"{self.name} is still on after {timeout_seconds} s: {self.console()}") from None
        self._nspawn = None
        self._leader = 0
        self._remove_cgroup()
        namespace.make_writable(self._root)
        return status

    def close(self) -> None:
        """Switch it off and forget its disk."""
        self.power_loss()
        namespace.unmount(self._root)
        shutil.rmtree(self._directory)

    def become_layer(self) -> Path:
        """Return what was changed on it as a layer for others; it cannot be booted any more."""
        namespace.unmount(self._root)
        return self._directory / "upper"

    # What is done on it

    def run(
        self,
        *command: str,
        check: bool = True,
        text_in: str = "",
        user: str = "root",
        timeout_seconds: float = PATIENCE_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the booted host as `user` and return what it said."""
        argv = self._inside(command, user)
        done = subprocess.run(
            argv,
            check=False,
            input=text_in,
            capture_output=True,
            text=True,
            env={"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root"},
            timeout=timeout_seconds,
        )
        if check and done.returncode != 0:
            said = (done.stdout + done.stderr).strip()
            raise HostError(f"on {self.name}: {shlex.join(command)}: exit {done.returncode}: {said}")
        return done

    def shell(self, script: str, **options: object) -> str:
        """Run a shell script on the booted host, ending at its first failure; return its output."""
        return self.run("sh", "-euc", script, **options).stdout

    @contextlib.contextmanager
    def running(self, *command: str, user: str = "root") -> Iterator[subprocess.Popen[str]]:
        """Run a command beside the test; it is killed at the end of the block."""
        process = subprocess.Popen(
            self._inside(command, user),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root"},
        )
        with process:
            try:
                yield process
            finally:
                _kill_inside(process)

    def prepare(self, *command: str, show: Mapping[Path, str] = {}) -> None:
        """Run a command on the file system of a host that is off; `show` puts paths of out here into it."""
        done = subprocess.run(
            self._launch("--as-pid2", *_bind(show), "--", *command),
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"PATH": PATH},
        )
        self._remove_cgroup()
        if done.returncode != 0:
            raise HostError(f"{shlex.join(command)}: exit {done.returncode}: {done.stdout}{done.stderr}")

    def run_without_init(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command as a container without an init does: own processes and files, the machine's boot id."""
        script = 'mount --rbind /dev "$0/dev"; mount -t tmpfs tmpfs "$0/run"; exec chroot "$0" "$@"'
        argv = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
        argv += [f"--mount-proc={self._root}/proc", "sh", "-euc", script, str(self._root), *command]
        environment = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root"}
        return subprocess.run(
            argv, check=check, capture_output=True, text=True, env=environment, timeout=PATIENCE_SECONDS
        )

    def path(self, path: str) -> Path:
        """Return where a file of the host is seen from out here (an absolute symlink leads astray)."""
        below = self._root if self._nspawn is None else Path(f"/proc/{self._leader}/root")
        return below / path.lstrip("/")

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Write a file, on or off, making its directories."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def read(self, path: str) -> str:
        """Return the text of a file."""
        return self.path(path).read_text()

    # What it says

    def boot_id(self) -> str:
        """Return the id of this boot, as the kernel writes it."""
        return self.run("cat", "/proc/sys/kernel/random/boot_id").stdout.strip()

    def property(self, unit: str, name: str) -> str:
        """Return one property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def journal(self, unit: str = "", *, all_boots: bool = True) -> str:
        """Return the journal, whether the host is on or off; of one unit where one is named."""
        command = ["journalctl", "--no-pager", "--quiet", "--output=short-precise"]
        command += [f"--unit={unit}"] if unit else []
        command += [] if all_boots else ["--boot"]
        if self._nspawn is not None:
            return self.run(*command, check=False).stdout
        command.append(f"--directory={self._root}/var/log/journal")
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout

    def console(self) -> str:
        """Return what systemd-nspawn and the console said since the last boot."""
        return (self._directory / "console").read_text(errors="replace").strip()

    # How it is done

    def _launch(self, *arguments: str) -> list[str]:
        nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--machine=t{self._serial}"]
        nspawn += [f"--directory={self._root}", "--console=pipe", "--resolv-conf=off", "--timezone=off"]
        nspawn += ["--link-journal=no", *arguments]
        launch = [*_ENDS_WITH_PARENT, "unshare", "--mount", "sh", "-euc", _LAUNCH, "launch"]
        return [*launch, str(self._cgroup), *nspawn]

    def _how_it_tells(self) -> list[str]:
        """Return how the host says that it is up; systemd does by itself."""
        if (self._root / "usr/lib/systemd/systemd").exists():
            return []
        (self._root / sysvinit.READY_SOCKET.lstrip("/")).touch()
        return [f"--bind={self._directory}/notify:{sysvinit.READY_SOCKET}"]

    def _remove_cgroup(self) -> None:
        subprocess.run(["unshare", "--mount", "sh", "-c", _REMOVE_CGROUP, "-", self._cgroup], check=False)

    @contextlib.contextmanager
    def _notices(self) -> Iterator[socket.socket]:
        """Hear what systemd-nspawn passes on during a boot; later it would wait for somebody to read it."""
        path = self._directory / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
            notices.bind(str(path))
            try:
                yield notices
            finally:
                path.unlink()

    def _wait_until_ready(self, notices: socket.socket, nspawn: int) -> None:
        end = time.monotonic() + self.boot_seconds
        while True:
            left = max(0.0, end - time.monotonic())
            heard, _, _ = select.select([notices, nspawn], [], [], left)
            if notices not in heard:
                how = "ended while booting" if heard else f"did not boot in {self.boot_seconds} s"
                raise HostError(f"{self.name} {how}: {self.console()}\n{self.journal()[-4000:]}")
            for line in notices.recv(4096).decode().splitlines():
                if line.startswith("X_NSPAWN_LEADER_PID="):
                    self._leader = int(line.partition("=")[2])
                if line == "READY=1":
                    return

    def _inside(self, command: Sequence[str], user: str) -> list[str]:
        enter = ["nsenter", f"--target={self.leader}", "--root", "--wd", "--mount", "--uts", "--ipc"]
        enter += ["--pid", "--cgroup", "--", *_ENDS_WITH_PARENT]
        if user != "root":
            enter += ["runuser", "-u", user, "--", *_ENDS_WITH_PARENT]
        return [*enter, *command]


def _kill_inside(nsenter: subprocess.Popen[str]) -> None:
    """Kill what runs inside the host, and leave it to nsenter to reap it.

    An orphan stays a zombie until whoever inherits it out here gets to it, and a host that goes down meanwhile waits
    ten seconds for it.
    """
    children = Path(f"/proc/{nsenter.pid}/task/{nsenter.pid}/children")
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGKILL)
        nsenter.wait(5)
    nsenter.kill()


def _bind(show: Mapping[Path, str]) -> list[str]:
    return [f"--bind-ro={outside}:{inside}" for outside, inside in show.items()]
