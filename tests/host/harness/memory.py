"""A service that the kernel kills for want of memory, whichever version of cgroups this machine uses."""

import contextlib
from collections.abc import Iterator

import pytest
from harness.machine import Machine

_IS_TO_BE_HAD = """\
grep --quiet --word-regexp memory /sys/fs/cgroup/cgroup.controllers || mount -t cgroup -o memory cgroup /mnt
"""
# With version 1 the controller is not systemd's: a cgroup of our own, which charges what is asked for from now on.
_TIGHT = """\
tight=/mnt/sts-agent-test-$(cat /etc/machine-id)
"""
_TIGHTEN = """\
if mountpoint --quiet /mnt; then
    mkdir "$tight"
    echo 64K > "$tight/memory.limit_in_bytes"
    systemctl show --value --property=MainPID "$1" > "$tight/cgroup.procs"
else
    systemctl set-property --runtime "$1" MemorySwapMax=0 MemoryMax=1M
fi
"""
_HAS_KILLED = """\
if mountpoint --quiet /mnt; then
    grep --quiet "^oom_kill [1-9]" "$tight/memory.oom_control"
else
    journalctl --quiet --unit="$1" | grep --quiet "OOM killer"
fi
"""
_LOOSEN = """\
if mountpoint --quiet /mnt; then
    rmdir "$tight"
    umount /mnt
else
    systemctl set-property --runtime "$1" MemoryMax=infinity
fi
"""


@contextlib.contextmanager
def short_of_memory(machine: Machine, unit: str) -> Iterator[None]:
    """Leave a service next to no memory within the block; skip the test where nobody here can."""
    if _shell(machine, _IS_TO_BE_HAD, unit, check=False) != 0:
        pytest.skip("the memory controller of cgroups is not to be had here")
    _shell(machine, _TIGHTEN, unit)
    try:
        yield
    finally:
        _shell(machine, _LOOSEN, unit)


def was_killed(machine: Machine, unit: str) -> bool:
    """Return whether the kernel killed the service that is short of memory."""
    return _shell(machine, _HAS_KILLED, unit, check=False) == 0


def _shell(machine: Machine, script: str, unit: str, *, check: bool = True) -> int:
    return machine.run("sh", "-euc", _TIGHT + script, "memory", unit, check=check).returncode
