"""A mount namespace of the test process's own: what is mounted for a test ends with the process.

That is the whole clean-up of mounts: also after SIGKILL nothing stays mounted and no disk is used.
Where several processes run the tests, the one that starts them makes it (tests/conftest.py), and they share it.
"""

import ctypes
import functools
import os
from pathlib import Path

from harness import image

_CLONE_NEWNS = 0x00020000
_MS_REMOUNT = 0x20
_MS_REC = 0x4000
_MS_PRIVATE = 1 << 18
_MNT_DETACH = 2
_INHERITED = "STS_AGENT_TEST_SCRATCH"

_libc = ctypes.CDLL(None, use_errno=True)


@functools.cache
def scratch() -> Path:
    """Return a directory in memory that only this process and its children see; made once.

    Call it first from the main thread: the threads started before keep the old view.
    """
    if _INHERITED in os.environ:
        return Path(os.environ[_INHERITED])
    mount_point = image.cache_directory() / "scratch"
    mount_point.mkdir(mode=0o700, exist_ok=True)
    _call("unshare", _CLONE_NEWNS)
    mount("none", Path("/"), None, flags=_MS_REC | _MS_PRIVATE)
    mount("tmpfs", mount_point, "tmpfs", data="mode=0700,size=75%")
    os.environ[_INHERITED] = str(mount_point)
    return mount_point


def overlay(lower: list[Path], upper: Path, work: Path, mount_point: Path) -> None:
    """Mount `upper` above `lower` (the topmost first) at `mount_point`.

    xino: a file keeps its inode for good when it is first written to, as it does on a real disk.
    """
    layers = ":".join(map(str, lower))
    data = f"lowerdir={layers},upperdir={upper},workdir={work},xino=on"
    mount("overlay", mount_point, "overlay", data=data)


def make_writable(mount_point: Path) -> None:
    """Let the file system at `mount_point` be written to again, after a shutdown that ended this."""
    if os.statvfs(mount_point).f_flag & os.ST_RDONLY:
        mount("none", mount_point, None, flags=_MS_REMOUNT)


def mount(source: str, target: Path, kind: str | None, *, flags: int = 0, data: str = "") -> None:
    """Mount `source`, a file system of some kind, at `target`."""
    _call(
        "mount",
        source.encode(),
        os.fsencode(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode(),
    )


def unmount(target: Path) -> None:
    """Take `target` out of this process's view; it goes when its last user goes."""
    _call("umount2", os.fsencode(target), _MNT_DETACH)


def leave() -> None:
    """Take a view of its own for this process, in which nothing that is mounted from now on appears."""
    _call("unshare", _CLONE_NEWNS)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
