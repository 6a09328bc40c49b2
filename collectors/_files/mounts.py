"""Which file systems are mounted where, from /proc/self/mountinfo (proc(5))."""

import os
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from collectors._regular import pass_on_lack

MOUNTINFO = Path("/proc/self/mountinfo")

_AUTOFS = "autofs"
PSEUDO = frozenset(
    [
        _AUTOFS,
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
    options: tuple[str, ...] = ()
    """Of the file system itself, as `direct` and `indirect` of autofs."""


@dataclass(frozen=True)
class Mounts:
    """What is mounted, and what was remembered to be and is not."""

    table: tuple[Mount, ...] = ()
    missing: frozenset[str] = frozenset()

    @cached_property
    def remote(self) -> frozenset[str]:
        """Where file systems are mounted that depend on another host, or a daemon."""
        return frozenset(mount.point for mount in self.table if is_remote(mount.kind))

    @cached_property
    def has_automounts(self) -> bool:
        """Return whether something would be mounted by being looked at, where files to watch may lie.

        Nearly every host has one in /proc, which is no reason to follow each path step by step.
        """
        return any(not point.startswith("/proc/") for point in self._automounts | self._maps)

    def would_mount(self, path: str) -> bool:
        """Return whether to enter the directory at `path` would have something mounted there that is not."""
        if path in self._automounts:
            return True
        return path.rpartition("/")[0] in self._maps and path not in self._leads_to_mounts

    def is_automounted(self, point: str) -> bool:
        """Return whether autofs had something mounted at this mount point."""
        return point in self._automounted or any(above in self._maps for above in upwards(point))

    @cached_property
    def _pseudo_devices(self) -> frozenset[int]:
        return frozenset(mount.device for mount in self.table if mount.kind in PSEUDO)

    @cached_property
    def _kinds(self) -> dict[int, str]:
        """The kind of file system of each device: as the first that is mounted says."""
        return {mount.device: mount.kind for mount in reversed(self.table)}

    @cached_property
    def _automounted(self) -> frozenset[str]:
        return frozenset(mount.point for mount in self.table if mount.kind == _AUTOFS)

    @cached_property
    def _topmost(self) -> dict[str, Mount]:
        """What is seen at each mount point: the kernel lists what was mounted over something after it."""
        return {mount.point: mount for mount in self.table}

    @cached_property
    def _automounts(self) -> frozenset[str]:
        """Where autofs waits for somebody to enter, and nothing is mounted over it."""
        return frozenset(
            point
            for point, mount in self._topmost.items()
            if mount.kind == _AUTOFS and "indirect" not in mount.options
        )

    @cached_property
    def _maps(self) -> frozenset[str]:
        """Directories of autofs in which any name may be mounted by being looked up."""
        return frozenset(
            point
            for point, mount in self._topmost.items()
            if mount.kind == _AUTOFS and "indirect" in mount.options
        )

    @cached_property
    def _leads_to_mounts(self) -> frozenset[str]:
        return frozenset(above for point in self._topmost for above in upwards(point))

    def about(self, named: Collection[str], roots: Iterable[str]) -> set[tuple[str, int]]:
        """Return the mounts, as (point, device), at a named directory or below a root."""
        below = tuple(root + "/" for root in roots)
        return {
            (mount.point, mount.device)
            for mount in self.table
            if mount.point in named or mount.point.startswith(below)
        }

    def is_pseudo(self, device: int) -> bool:
        """Return whether a device is a file system of the kernel's."""
        return device in self._pseudo_devices

    def kind_of(self, device: int) -> str:
        """Return the kind of file system of a device."""
        return self._kinds.get(device, "")

    def device_at(self, point: str) -> int:
        """Return the device of what is mounted at `point`; 0 where nothing is."""
        mount = self._topmost.get(point)
        return mount.device if mount else 0

    def point_of(self, path: str) -> str:
        """Return the mount point that `path`, without links, lies on; `` is the root."""
        return next((parent for parent in upwards(path) if parent in self._topmost), "")


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
        kind, _, source_and_options = rest.partition(b" ")
        if len(parts) > 4 and kind:  # noqa: PLR2004 - the fifth field is the mount point
            major, _, minor = parts[2].partition(b":")
            point = _OCTAL.sub(lambda found: bytes([int(found[1], 8)]), parts[4])
            options = os.fsdecode(source_and_options.rpartition(b" ")[2]).split(",")
            yield Mount(
                os.fsdecode(point).rstrip("/"),
                os.makedev(int(major), int(minor)),
                kind.decode(),
                tuple(options) if kind.decode() == _AUTOFS else (),
            )


_OCTAL = re.compile(rb"\\([0-7]{3})")


def upwards(path: str) -> Iterator[str]:
    """Yield `path` and each directory above it, up to the root, which is ``."""
    while True:
        yield path
        if not path:
            return
        path = path.rpartition("/")[0]
