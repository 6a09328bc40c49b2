"""The unit's own MemoryMax and TasksMax, which bite also where this machine's cgroups of version 1 are not systemd's to give."""

import contextlib
from collections.abc import Iterator

import pytest
from harness.host import Host

_MOUNT = """\
if grep --quiet --word-regexp memory /sys/fs/cgroup/cgroup.controllers; then exit 3; fi
for controller in memory pids; do
    mkdir -p "/mnt/$controller"
    mount -t cgroup -o "$controller" cgroup "/mnt/$controller" || exit 4
    mkdir "/mnt/$controller/$group"
    chown sts-agent "/mnt/$controller/$group/cgroup.procs"
done
echo "$(systemctl show --value --property=MemoryMax "$unit")" > "/mnt/memory/$group/memory.limit_in_bytes"
echo "$(systemctl show --value --property=TasksMax "$unit")" > "/mnt/pids/$group/pids.max"
"""
_UNMOUNT = """\
systemctl stop "$unit"
for controller in memory pids; do
    until rmdir "/mnt/$controller/$group"; do sleep 0.1; done
    umount "/mnt/$controller"
done
"""
_DROP_IN = """\
[Service]
RestartSec=100ms
ReadWritePaths=/mnt
ExecStart=
ExecStart=/bin/sh -c 'for one in /mnt/*/{group}/cgroup.procs; do echo $$$$ > $one; done; exec /opt/sts-agent/bin/sts-agent run'
"""
UNIT = "sts-agent.service"


class Limits:
    """The two groups that the agent of a booted host runs in."""

    def __init__(self, host: Host, group: str) -> None:
        self._host = host
        self._group = group

    def inside(self, script: str) -> int:
        """Run a shell script within the same limits; return its exit status."""
        enter = f"for one in /mnt/*/{self._group}/cgroup.procs; do echo $$ > $one; done; "
        return self._host.run("sh", "-c", enter + script, check=False).returncode

    def read(self, name: str) -> str:
        """Return a file of a group: `memory.oom_control`, `pids.max`."""
        return self._host.read(self._path(name)).strip()

    def write(self, name: str, text: str) -> None:
        """Change a limit."""
        self._host.path(self._path(name)).write_text(text)

    def kills(self) -> int:
        """Return how many processes the kernel has killed here for want of memory."""
        return int(self.read("memory.oom_control").rpartition("oom_kill ")[2])

    def resident(self) -> int:
        """Return how many bytes its processes hold that no file could give back."""
        return int(self.read("memory.stat").partition("total_rss ")[2].split()[0])

    def _path(self, name: str) -> str:
        return f"/mnt/{name.partition('.')[0]}/{self._group}/{name}"


@contextlib.contextmanager
def enforced(host: Host) -> Iterator[Limits]:
    """Start the agent of a host, where it is masked, within the limits that its unit names; skip where nobody here can."""
    group = f"sts-agent-test-{host.read('/etc/machine-id').strip()}"
    script = f"unit={UNIT} group={group}\n"
    host.run("systemctl", "unmask", UNIT)
    host.write(f"/etc/systemd/system/{UNIT}.d/limits.conf", _DROP_IN.format(group=group))
    host.run("systemctl", "daemon-reload")
    status = host.run("sh", "-euc", script + _MOUNT, check=False).returncode
    if status:
        pytest.skip("these limits are systemd's own here, or nobody's")
    try:
        host.run("systemctl", "start", UNIT)
        yield Limits(host, group)
    finally:
        host.shell(script + _UNMOUNT)
