"""The processes of this host, as psutil and /proc give them, and the end of one as its pidfd gives it."""

import fcntl
import os
import select
import signal
import struct
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from collectors._processes.match import Process
from collectors._regular import pass_on_lack

PROC = Path("/proc")

MOST_ARGUMENT_CHARACTERS = 4096
"""Of one process, for `cmdline:`; every process of the host is remembered while it runs."""

_NAME_LENGTH = 15
_MOST_ARGUMENTS_BEFORE_SCRIPT = 8

_GET_INFO = 0xC040FF0B  # PIDFD_GET_INFO of linux/pidfd.h, with a struct of 64 bytes
_INFO_SIZE = 64
_INFO_EXIT = 1 << 3
_EXIT_CODE_OFFSET = 60
_REAPED_WITHIN_SECONDS = 0.2


class Ending(msgspec.Struct, frozen=True):
    """How a process ended, as far as the kernel tells one who is not its parent (Linux 6.15 does)."""

    at: float
    exit_code: int | None = None
    signal: str | None = None


def parse_ticks(stat: str) -> int:
    """Return the start time, field 22 of /proc/PID/stat, in clock ticks since the boot."""
    return int(stat.rpartition(")")[2].split()[19])


def read_ticks(pid: int, proc: Path = PROC) -> int | None:
    """Return the start time of a process, or None when there is none of that pid; raises `Lacking`."""
    try:
        return parse_ticks((proc / str(pid) / "stat").read_text(errors="replace"))
    except OSError as error:
        pass_on_lack(error)
        return None
    except (ValueError, IndexError):
        return None


def read_pids() -> list[int]:
    """Return the pids of all processes that may be seen."""
    import psutil

    return psutil.pids()


def read_process(pid: int) -> Process | None:
    """Return what is known of a process, or None when it is gone; what may not be read is empty.

    Raises `Lacking` when this process may open no file: then nobody is gone.
    """
    import psutil

    ticks = read_ticks(pid)
    if ticks is None:
        return None
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            found = process.as_dict(["ppid", "name", "exe", "cmdline", "username", "status"], ad_value=None)
    except psutil.Error:
        return None
    except OSError as error:
        pass_on_lack(error)
        return None
    if found["status"] == psutil.STATUS_ZOMBIE or read_ticks(pid) != ticks:
        return None
    return Process(
        pid=pid,
        ticks=ticks,
        parent=found["ppid"] or 0,
        created=_wall_clock_of(ticks),
        name=readable(whole_name(found["name"] or "", found["cmdline"] or ())),
        exe=readable(found["exe"] or ""),
        cmdline=arguments(found["cmdline"] or ()),
        user=readable(found["username"] or ""),
    )


def readable(name: str) -> str:
    """Return a name for people and JSON; its owner may have put any bytes into it."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def whole_name(name: str, cmdline: Sequence[str]) -> str:
    """Return a name that the kernel cut at 15 characters as the script that it is of is called, where that is an argument."""
    if len(name) != _NAME_LENGTH:
        return name
    called = (argument.rpartition("/")[2] for argument in cmdline[:_MOST_ARGUMENTS_BEFORE_SCRIPT])
    return next((one for one in called if one.startswith(name)), name)


def arguments(cmdline: Iterable[str]) -> tuple[str, ...]:
    """Return the arguments up to the most characters that are kept of one process: it may have megabytes."""
    kept: list[str] = []
    left = MOST_ARGUMENT_CHARACTERS
    for argument in cmdline:
        kept.append(readable(argument[:left]))
        left -= len(argument) + 1
        if left <= 0:
            break
    return tuple(kept)


def _wall_clock_of(ticks: int) -> float:
    since_boot = ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)


def read_boot_mark(proc: Path = PROC) -> str:
    """Return what names this boot; a container has the boot id of its host, but an init of its own."""
    boot_id = (proc / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot_id}:{read_ticks(1, proc)}"


def read_seconds_since_boot(proc: Path = PROC) -> float:
    """Return for how long the host, or the container, has been up, sleep included."""
    started = (read_ticks(1, proc) or 0) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def open_pidfd(process: Process) -> int | None:
    """Return a descriptor that polls readable when the process ends; None when it cannot be had.

    Raises ProcessLookupError when the process is gone, also when its pid is another's by now.
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        raise
    except OSError:  # too many files, or a kernel before 5.3: the scan will see it
        return None
    is_it = False
    try:
        is_it = read_ticks(process.pid) == process.ticks
    finally:
        if not is_it:
            os.close(descriptor)
    if not is_it:
        raise ProcessLookupError(process.pid)
    return descriptor


def read_endings(descriptors: Sequence[int]) -> dict[int, Ending]:
    """Return how the processes of pidfds that polled readable ended; waits a moment for their parents to reap them.

    One moment for all of them: a parent that never asks must not hold up what ended at the same time.
    """
    at = time.time()
    endings: dict[int, Ending] = {}
    poll = select.poll()
    until = time.monotonic() + _REAPED_WITHIN_SECONDS
    ready: Iterable[int] = descriptors
    while True:
        for descriptor in ready:
            ending = _read_ending(descriptor, at)
            if ending is None:
                poll.register(descriptor, 0)  # hang-up alone: it was reaped
            else:
                endings[descriptor] = ending
                with suppress(KeyError):
                    poll.unregister(descriptor)
        left = until - time.monotonic()
        if len(endings) == len(descriptors) or left <= 0:
            return {descriptor: Ending(at) for descriptor in descriptors} | endings
        ready = [descriptor for descriptor, _ in poll.poll(left * 1000)]


def _read_ending(descriptor: int, at: float) -> Ending | None:
    """Return how a process ended; None before it was reaped, and an ending that says no more than when otherwise."""
    try:
        status = _read_wait_status(descriptor)
    except OSError:
        return Ending(at)
    if status is None:
        return None
    if os.WIFSIGNALED(status):
        return Ending(at, signal=_signal_name(os.WTERMSIG(status)))
    return Ending(at, exit_code=os.waitstatus_to_exitcode(status))


def _read_wait_status(descriptor: int) -> int | None:
    """Return the wait status; None before it was reaped.

    Raises OSError where the kernel does not tell.
    """
    info = bytearray(struct.pack("=Q", _INFO_EXIT).ljust(_INFO_SIZE, b"\0"))
    fcntl.ioctl(descriptor, _GET_INFO, info)
    (mask,) = struct.unpack_from("=Q", info)
    if not mask & _INFO_EXIT:
        return None
    (status,) = struct.unpack_from("=i", info, _EXIT_CODE_OFFSET)
    return int(status)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
