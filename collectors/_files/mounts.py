"""Which file systems are mounted where, from /proc/self/mountinfo (proc(5))."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from collectors._regular import pass_on_lack

MOUNTINFO = Path("/proc/self/mountinfo")

PSEUDO = frozenset(
    [
        "autofs",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "devpts",
        "devtmpfs",
        "efivarfs",
        "fusectl",
        "hugetlbfs",
        "mqueue",
        "nsfs",
        "proc",
        "pstore",
        "rpc_pipefs",
        "securityfs",
        "selinuxfs",
        "sysfs",
        "tracefs",
        "binfmt_misc",
    ]
)
"""File systems of the kernel's, which hold no files to watch."""

_REMOTE = re.compile(
    r"nfs4?|cifs|smb3?|smbfs|9p|afs|ceph|glusterfs|lustre|ocfs2|gfs2|virtiofs|vboxsf|fuse(?:blk|\..+)?"
)
"""File systems whose changes give no signal here when another host, or a daemon, makes them."""


def is_remote(kind: str) -> bool:
    """Return whether a file system of this kind depends on another host, or a daemon."""
    return _REMOTE.fullmatch(kind) is not None


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo."""

    point: str
    device: int
    kind: str


@dataclass(frozen=True)
class Mounts:
    """What is mounted, and what was remembered to be and is not."""

    table: tuple[Mount, ...] = ()
    missing: frozenset[str] = frozenset()

    @cached_property
    def remote(self) -> frozenset[str]:
        """Where file systems are mounted that depend on another host, or a daemon."""
        return frozenset(mount.point for mount in self.table if is_remote(mount.kind))

    def is_pseudo(self, device: int) -> bool:
        """Return whether a device is a file system of the kernel's."""
        return any(mount.device == device and mount.kind in PSEUDO for mount in self.table)

    def kind_of(self, device: int) -> str:
        """Return the kind of file system of a device."""
        return next((mount.kind for mount in self.table if mount.device == device), "")

    def point_of(self, path: str) -> str:
        """Return the mount point that `path`, without links, lies on; `` is the root."""
        points = {mount.point for mount in self.table}
        return next((parent for parent in upwards(path) if parent in points), "")


def read_mounts(path: Path = MOUNTINFO) -> tuple[Mount, ...]:
    """Return what is mounted; nothing where /proc is not to be had."""
    try:
        return tuple(parse_mountinfo(path.read_bytes()))
    except OSError as error:
        pass_on_lack(error)
        return ()


def parse_mountinfo(data: bytes) -> Iterator[Mount]:
    """Parse lines like `36 35 98:0 /root /mnt rw - ext3 /dev/root rw`."""
    for line in data.splitlines():
        fields, _, rest = line.partition(b" - ")
        parts = fields.split(b" ")
        kind = rest.split(b" ")[0]
        if len(parts) > 4 and kind:  # noqa: PLR2004 - the fifth field is the mount point
            major, _, minor = parts[2].partition(b":")
            point = _OCTAL.sub(lambda found: bytes([int(found[1], 8)]), parts[4])
            yield Mount(os.fsdecode(point).rstrip("/"), os.makedev(int(major), int(minor)), kind.decode())


_OCTAL = re.compile(rb"\\([0-7]{3})")


def upwards(path: str) -> Iterator[str]:
    """Yield `path` and each directory above it, up to the root, which is ``."""
    while True:
        yield path
        if not path:
            return
        path = path.rpartition("/")[0]
