"""A service that the kernel kills for want of memory, whichever version of cgroups this machine uses."""

import contextlib
from collections.abc import Iterator

from harness.machine import Machine

# With version 1 the controller is not systemd's: a cgroup of our own, which charges what is asked for from now on.
_TIGHTEN = """\
if grep --quiet --word-regexp memory /sys/fs/cgroup/cgroup.controllers; then
    systemctl set-property --runtime "$1" MemorySwapMax=0 MemoryMax=1M
else
    mount -t cgroup -o memory cgroup /mnt
    mkdir /mnt/tight
    echo 64K > /mnt/tight/memory.limit_in_bytes
    systemctl show --value --property=MainPID "$1" > /mnt/tight/cgroup.procs
fi
"""
_HAS_KILLED = """\
if [ -e /mnt/tight ]; then
    grep --quiet "^oom_kill [1-9]" /mnt/tight/memory.oom_control
else
    journalctl --quiet --unit="$1" | grep --quiet "OOM killer"
fi
"""
_LOOSEN = """\
if [ -e /mnt/tight ]; then
    rmdir /mnt/tight
    umount /mnt
else
    systemctl set-property --runtime "$1" MemoryMax=infinity
fi
"""


@contextlib.contextmanager
def short_of_memory(machine: Machine, unit: str) -> Iterator[None]:
    """Leave a service next to no memory within the block."""
    _shell(machine, _TIGHTEN, unit)
    try:
        yield
    finally:
        _shell(machine, _LOOSEN, unit)


def was_killed(machine: Machine, unit: str) -> bool:
    """Return whether the kernel killed the service that is short of memory."""
    return _shell(machine, _HAS_KILLED, unit, check=False) == 0


def _shell(machine: Machine, script: str, unit: str, *, check: bool = True) -> int:
    return machine.run("sh", "-euc", script, "memory", unit, check=check).returncode
