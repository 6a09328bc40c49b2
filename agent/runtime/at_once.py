"""The step after the start (`ExecStartPost=+`): has the one thread that listens to the kernel run at once. Nothing else.

Who changed a file is over some milliseconds later, and a thread that has to wait for a processor comes too late. The service
may not give itself a priority. This runs as root for some milliseconds, and trusts nothing but the kernel: the thread is one of the
main process, which has to be of the unit that this step is of, and the only one of that name, which no other process can set. Linux
gives it the lowest of the real-time priorities, which nothing that it starts inherits. It ends with 0 whatever happens, and
is no part of the service: it loads next to nothing.
"""

import os
import sys
from collections.abc import Callable, Mapping

NAME = b"who-watch\n"
"""As `collectors/_origin/listener.py` calls its thread."""
_PRIORITY = 1
_MOST_BYTES = 1 << 20
_OPTION = b"\nCONFIG_RT_GROUP_SCHED=y\n"

SetPolicy = Callable[[int, int, os.sched_param], None]


def main(
    environ: Mapping[str, str] = os.environ, root: str = "/", set_policy: SetPolicy = os.sched_setscheduler
) -> int:
    """Give the thread its priority, or say why it has none."""
    pid = environ.get("MAINPID", "")
    if not (pid.isascii() and pid.isdecimal()):
        return _complain("this is no step of a unit")
    try:
        thread = _find(root, pid)
        if not thread:
            return 0  # nobody listens here, and `status` says why
        if _would_keep_shares_from_groups(root):
            return _complain(
                "with this kernel no group of processes could get a share of the processors then"
            )
        set_policy(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(_PRIORITY))
        _take_back_from_another(root, pid, thread, set_policy)
    except (OSError, LookupError) as error:
        return _complain(str(error))
    return 0


def _complain(why: str) -> int:
    sys.stderr.write(f"sts-agent: who changes what is read when a processor is free: {why}\n")
    return 0


def _find(root: str, pid: str) -> int:
    """Return the thread, 0 where there is none; raises LookupError where any may be meant."""
    if _read(f"{root}proc/{pid}/cgroup") != _read(f"{root}proc/self/cgroup"):
        raise LookupError(f"process {pid} is not of this unit")
    with os.scandir(f"{root}proc/{pid}/task") as threads:
        found = [thread.name for thread in threads if _is_named(root, pid, thread.name)]
    if len(found) > 1:
        raise LookupError(f"{len(found)} threads say that they listen")
    return int(found[0]) if found else 0


def _is_named(root: str, pid: str, thread: str) -> bool:
    try:
        return _read(f"{root}proc/{pid}/task/{thread}/comm") == NAME
    except OSError:
        return False


def _take_back_from_another(root: str, pid: str, thread: int, set_policy: SetPolicy) -> None:
    """Undo it where the thread was over before, and its number another's."""
    if not _is_named(root, pid, str(thread)):
        set_policy(thread, os.SCHED_OTHER, os.sched_param(0))
        raise LookupError("the thread was over")


def _would_keep_shares_from_groups(root: str) -> bool:
    """Return whether groups of processes could get no share of the processors any more, for as long as one has such a thread.

    A kernel with CONFIG_RT_GROUP_SCHED refuses one of the two in the unified hierarchy, whichever comes second. Where groups have shares
    already it refuses us; where they may get them yet, that has to stay possible.
    """
    try:
        offered, given = (
            _read(f"{root}sys/fs/cgroup/cgroup.{name}") for name in ("controllers", "subtree_control")
        )
    except OSError:
        return False  # no unified hierarchy
    return b"cpu" in offered.split() and b"cpu" not in given.split() and _may_refuse(root)


def _may_refuse(root: str) -> bool:
    """Return whether the kernel was built with that option; True where nothing says it."""
    release = os.uname().release
    for path in (f"boot/config-{release}", f"usr/lib/modules/{release}/config", "proc/config.gz"):
        try:
            text = _read(root + path)
        except OSError:
            continue
        return _OPTION in _unpacked(text)
    return True


def _unpacked(text: bytes) -> bytes:
    if not text.startswith(b"\x1f\x8b"):
        return text
    import zlib

    try:
        return zlib.decompress(text, wbits=31)
    except zlib.error:
        return _OPTION  # it says nothing


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, _MOST_BYTES)
    finally:
        os.close(fd)


if __name__ == "__main__":
    sys.exit(main())
