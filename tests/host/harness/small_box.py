"""A host of the smallest kind: its agent has a tenth of a processor, 64 MiB, and a disk that takes its time for each sync.

The limits are those of the kernel and hold from the first instruction of the agent, also at a boot. The agent starts by its unit.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.host import Host
from harness.limits import UNIT, Limits
from harness.slow_disk import slow_disk

MEMORY_BYTES = 64 << 20
PROCESSOR_SHARE = 0.1

SPOOL = "/var/lib/sts-agent"
_PERIOD_US = 100_000
_SMALL = "small-box.service"
_GROUP = "/mnt/*/sts-agent-test-%m"
_SERVICE = f"""\
[Unit]
DefaultDependencies=no
Before={UNIT}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -euc '\\
    for one in memory cpu pids; do \\
        mkdir -p /mnt/$$one && mount -t cgroup -o $$one cgroup /mnt/$$one; \\
        mkdir -p /mnt/$$one/sts-agent-test-%m /mnt/$$one/sts-agent-test-%m-beside; \\
        chown sts-agent /mnt/$$one/sts-agent-test-%m/cgroup.procs; \\
    done; \\
    for group in sts-agent-test-%m sts-agent-test-%m-beside; do \\
        echo {MEMORY_BYTES} > /mnt/memory/$$group/memory.limit_in_bytes; \\
        echo {_PERIOD_US} > /mnt/cpu/$$group/cpu.cfs_period_us; \\
        echo {PROCESSOR_SHARE * _PERIOD_US:.0f} > /mnt/cpu/$$group/cpu.cfs_quota_us; \\
    done'
[Install]
WantedBy=multi-user.target
"""
_DROP_IN = f"""\
[Unit]
Requires={_SMALL}
[Service]
ReadWritePaths=/mnt
ExecStart=
ExecStart=/bin/sh -euc 'for one in {_GROUP}/cgroup.procs; do echo $$$$ > $one; done; exec /opt/sts-agent/bin/sts-agent run'
"""
_GONE = """\
systemctl stop sts-agent.service
for one in /mnt/*/$1 /mnt/*/$1-beside; do
    until rmdir "$one"; do sleep 0.1; done
done
"""


class SmallBox:
    """A host with these limits, off until `boot`."""

    def __init__(self, host: Host, disk: Path) -> None:
        self.host = host
        self.disk = disk
        """Where the directory of the spool is seen from out here."""
        self._group = f"sts-agent-test-{host.read('/etc/machine-id').strip()}"
        self.limits = Limits(host, self._group)
        host.write(f"/etc/systemd/system/{_SMALL}", _SERVICE)
        host.write(f"/etc/systemd/system/{UNIT}.d/small-box.conf", _DROP_IN)

    def boot(self) -> None:
        """Switch it on; its first boot brings what the installation put into the directory of the spool."""
        self.host.boot(options=[f"--bind={self.disk}:{SPOOL}"])

    @contextlib.contextmanager
    def running_beside(self, *command: str) -> Iterator[None]:
        """Run a command within limits of its own that are as the agent's; it is killed at the end of the block."""
        enter = f'for one in /mnt/*/{self._group}-beside/cgroup.procs; do echo $$ > $one; done; exec "$@"'
        with self.host.running("sh", "-euc", enter, "beside", *command):
            yield

    def throttled(self) -> int:
        """Return for how many periods of 100 ms the agent has had to wait for its share of the processor."""
        return int(self.limits.read("cpu.stat").partition("nr_throttled ")[2].split()[0])

    def restarts(self) -> tuple[int, int]:
        """Return how often the kernel has killed for want of memory, and how often systemd has started the agent again."""
        return self.limits.kills(), int(self.host.property(UNIT, "NRestarts"))

    def close(self) -> None:
        """Switch it off and take its groups away: these are the machine's, and outlive a host."""
        try:
            if self.host.is_running:
                self.host.run("sh", "-c", _GONE, "gone", self._group, check=False)
        finally:
            self.host.power_loss()


@contextlib.contextmanager
def small_box(host: Host) -> Iterator[SmallBox]:
    """Make one of a host that is off; skip the test where nobody here can."""
    if _unified():
        pytest.skip("these limits are systemd's own here, or nobody's")
    with slow_disk() as disk:
        shutil.rmtree(disk / "lost+found")
        box = SmallBox(host, disk)
        try:
            yield box
        finally:
            box.close()


def _unified() -> bool:
    mount = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        "mount -t cgroup -o memory cgroup /mnt && mount -t cgroup -o cpu cgroup /mnt",
    ]
    return subprocess.run(mount, check=False, capture_output=True).returncode != 0
