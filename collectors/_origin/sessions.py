"""The login sessions open now: what logind keeps of them, and utmp for logins that it does not know.

logind's files below /run/systemd/sessions are what libsystemd's sd_session_get_* read; reading them waits
for no bus. Hosts without systemd have utmp alone, Debian 13 and its kin have no utmp any more.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from collectors._origin.claim import Claim
from collectors._regular import content_of
from collectors._utmp import USER_PROCESS, parse_entries

_SECOND = 1_000_000


class Login(msgspec.Struct, frozen=True):
    """One open login session."""

    user: str
    line: str
    """A terminal or a display; empty where the session has none, or none is known."""
    host: str
    since: float
    leader: int = 0
    """The process that the session began with."""
    service: str = ""
    """What opened it, as `sshd`."""
    session: str = ""
    """As logind counts them."""

    def __str__(self) -> str:
        """Return it as people call it: `alice on pts/0 from 192.0.2.5`."""
        where = f" on {self.line}" if self.line else f" by {self.service}" if self.service else ""
        return f"{self.user}{where}{f' from {self.host}' if self.host else ''}"


class Sessions:
    """The sessions of a host, below its root directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sessions = root / "run/systemd/sessions"
        self._utmp = root / "run/utmp"
        self._open: list[Login] | None = None

    def of(self, at: float) -> list[Claim]:
        """Return the sessions that are open and were at a time, which proves nothing by itself."""
        if self._open is None:
            known = self._from_logind()
            self._open = [*known, *(login for login in self._from_utmp() if not _knows(known, login))]
        return [_claim(login) for login in self._open if login.since <= at + 1]

    def service_of(self, session: str) -> str:
        """Return what opened a session, as `sshd`, by logind; "" where that is not known."""
        if not session.isalnum():
            return ""
        fields = parse_fields(content_of(self._sessions / session))
        return fields.get("SERVICE", "")

    def forget(self) -> None:
        """Read anew the next time."""
        self._open = None

    def _from_logind(self) -> list[Login]:
        try:
            names = sorted(entry.name for entry in self._sessions.iterdir())
        except OSError:
            return []
        # `4.ref` is a FIFO
        texts = ((name, content_of(self._sessions / name)) for name in names if name.isalnum())
        return [login for name, text in texts if (login := parse_session(text, name)) is not None]

    def _from_utmp(self) -> list[Login]:
        return [
            login
            for login in parse_utmp(content_of(self._utmp))
            if (self._root / "proc" / str(login.leader)).exists()  # else nobody wrote down the logout
        ]


def _claim(login: Login) -> Claim:
    unit = f"session-{login.session}.scope" if login.session else ""
    return Claim(
        kind="person", how="session", is_direct=False, name=str(login), login_user=login.user, unit=unit
    )


def _knows(logins: list[Login], other: Login) -> bool:
    return any(
        login.leader == other.leader or (login.line == other.line != "" and login.user == other.user)
        for login in logins
    )


def parse_session(data: bytes, session: str = "") -> Login | None:
    """Parse logind's file of one session; None where nobody is logged in by it (a greeter, cron) any more."""
    fields = parse_fields(data)
    if not fields.get("CLASS", "").startswith("user") or fields.get("STATE") == "closing":
        return None
    return Login(
        user=fields.get("USER") or fields.get("UID", ""),
        line=fields.get("TTY") or fields.get("DISPLAY", ""),
        host=fields.get("REMOTE_HOST", ""),
        since=_number(fields.get("REALTIME", "")) / _SECOND,
        leader=_number(fields.get("LEADER", "")),
        service=fields.get("SERVICE", ""),
        session=session,
    )


def parse_fields(data: bytes) -> Mapping[str, str]:
    """Parse the lines of one of logind's files."""
    lines = data.decode("utf-8", "replace").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def parse_utmp(data: bytes) -> Iterator[Login]:
    """Yield the logins of a utmp file."""
    for entry in parse_entries(data):
        if entry.type == USER_PROCESS:
            yield Login(entry.user, entry.line, entry.host, entry.seconds, entry.pid)
