"""What /proc says of a process, read while a pidfd holds on to it: so that a number used again gives no wrong name.

None of these files needs ptrace. Whatever is not there, or not as the kernel writes it, makes the process one that nobody knows.
"""

import os
import signal
from pathlib import Path
from typing import NamedTuple

from collectors._origin import promptly
from collectors._origin.actor import Actor
from collectors._origin.users import Users

_NOBODYS_LOGIN = 0xFFFFFFFF
_MAX_ANCESTORS = 8
_READ_BYTES = 8192
_PARENT, _FLAGS, _STARTED = 1, 6, 19
"""Which words of /proc/PID/stat after the name in parentheses: `ppid`, `flags`, `starttime` (proc_pid_stat(5))."""
_FORKED_ONLY = 0x40
"""PF_FORKNOEXEC: it was forked, and has executed nothing since."""
_UNITS = (".service", ".scope", ".socket", ".mount", ".swap")
_SESSION = "session-"
_LOGINS = "/user.slice/"


class _Stat(NamedTuple):
    program: str
    parent: int
    flags: int
    started: int


class Processes:
    """The processes of a host, whose /proc and /etc lie below `root`."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._proc = os.fsencode(root / "proc")
        self._users = Users(root / "etc/passwd")

    def brief(self, pid: int) -> tuple[str, int] | None:
        """Return a process's name and when it was started; None where it is gone."""
        found = self._stat(pid)
        return found and (found.program, found.started)

    def has_executed(self, pid: int) -> bool:
        """Return whether a process executes something of its own already, and not what its parent did."""
        found = self._stat(pid)
        return found is not None and not found.flags & _FORKED_ONLY

    def read(self, pid: int, pidfd: int) -> Actor | None:
        """Return a process that `pidfd` stands for; None where it was over before all of it was read."""
        try:
            texts = [self._text(pid, name) for name in (b"cgroup", b"loginuid", b"status", b"stat")]
            is_its_own = is_there(pidfd)
            cgroup, login = _parse_cgroup(texts[0]), int(texts[1] or _NOBODYS_LOGIN)
            (real, effective), stat = _parse_uids(texts[2]), _parse_stat(texts[3])
        except (OSError, ValueError, IndexError):
            return None
        if not is_its_own:
            return None
        unit, session = place_of(cgroup)
        has_login = login != _NOBODYS_LOGIN
        return Actor(
            pid=pid,
            started=stat.started,
            program=stat.program,
            uid=effective,
            user=self._users.name(effective),
            real_uid=real,
            login_uid=login if has_login else None,
            login_user=self._users.name(login) if has_login else "",
            unit=unit,
            session=session,
            cgroup=cgroup,
            ancestors=self._ancestors(stat),
        )

    def _ancestors(self, child: "_Stat") -> tuple[str, ...]:
        """Return what the ancestors are called; a parent that is younger than its child has another's number."""
        names: list[str] = []
        while child.parent > 1 and len(names) < _MAX_ANCESTORS:
            found = self._stat(child.parent)
            if found is None or found.started > child.started:
                break
            child = found
            names.append(found.program)
        return tuple(names)

    def _stat(self, pid: int) -> "_Stat | None":
        try:
            return _parse_stat(self._text(pid, b"stat"))
        except (OSError, ValueError, IndexError):
            return None

    def arguments(self, pid: int) -> tuple[str, ...]:
        """Return the command line of a process, as it shows it itself; empty where it is gone or has none yet."""
        try:
            text = self._text(pid, b"cmdline")
        except OSError:
            return ()
        return tuple(text.rstrip("\0").split("\0")) if text else ()

    def _text(self, pid: int, name: bytes) -> str:
        return os.fsdecode(promptly.read_file(b"%b/%d/%b" % (self._proc, pid, name), _READ_BYTES))


def is_there(pidfd: int) -> bool:
    """Return whether a process, or what its parent has not yet heard of it, is there: its number is no other's then."""
    try:
        signal.pidfd_send_signal(pidfd, 0)
    except PermissionError:
        return True  # of another user
    except OSError:
        return False
    return True


def _parse_stat(text: str) -> _Stat:
    """Return what counts of /proc/PID/stat; raises ValueError or IndexError for what is none."""
    opening, closing = text.index("("), text.rindex(")")
    words = text[closing + 2 :].split()
    parent, flags, started = (int(words[at]) for at in (_PARENT, _FLAGS, _STARTED))
    return _Stat(text[opening + 1 : closing], parent, flags, started)


def _parse_uids(status: str) -> tuple[int, int]:
    """Return the real and the effective user of /proc/PID/status."""
    line = status[status.index("\nUid:") :].split(maxsplit=3)
    return int(line[1]), int(line[2])


def _parse_cgroup(text: str) -> str:
    """Return the path of /proc/PID/cgroup: of systemd's own hierarchy, else of the unified one.

    A container may have a hierarchy that its systemd does not use: there everything is in its root.
    """
    lines = [line.split(":", 2) for line in text.splitlines()]
    unified = [path for number, _, path in lines if number == "0"]
    named = [path for _, controllers, path in lines if controllers == "name=systemd"]
    paths = [path for path in (*named, *unified) if path != "/"]
    return next(iter(paths), "")


def place_of(cgroup: str) -> tuple[str, str]:
    """Return the unit of the system's manager and the login session that a control group belongs to; empty where there is none.

    Whoever owns a part of the tree (a user's own manager, a container's) names what is below it as it likes: so what counts is
    the first unit on the way down from the root, and never the last.

    >>> place_of("/user.slice/user-1000.slice/session-3.scope")
    ('session-3.scope', '3')
    """
    for name in cgroup.split("/"):
        unit = name.removeprefix("_")  # systemd's mark for names that the kernel has as well
        if unit.endswith(_UNITS):
            is_session = cgroup.startswith(_LOGINS) and unit.startswith(_SESSION) and unit.endswith(".scope")
            return unit, unit[len(_SESSION) : -len(".scope")] if is_session else ""
    return "", ""
