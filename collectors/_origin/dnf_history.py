"""Who asked dnf for a transaction, as dnf's own history says it.

It is a database of SQLite, which dnf closes after each transaction; it is read as it lies there, without a lock and
without the files that a reader of SQLite would make beside it.
"""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from collectors._origin.asked import Asked, program_of
from collectors._origin.users import Users
from collectors._regular import IsOwn, opened_regular

_HISTORIES = ("var/lib/dnf/history.sqlite", "usr/lib/sysimage/libdnf5/transaction_history.sqlite")
_NOBODY = {0xFFFF_FFFF, -1}
"""The login uid of what nobody's login began, with and without a sign."""
_LATEST = 20


class DnfHistory:
    """The history of a host, below its root directory."""

    def __init__(self, root: Path, is_own: IsOwn) -> None:
        self._root = root
        self._is_own = is_own
        self._users = Users(root / "etc/passwd")

    def read(self) -> Iterator[Asked]:
        """Yield the latest transactions; none where there is no history, or none that can be read."""
        for name in _HISTORIES:
            yield from self._of(self._root / name)

    def _of(self, path: Path) -> Iterator[Asked]:
        if not path.exists():
            return
        import sqlite3  # a host of dpkg's alone never needs it

        with suppress(OSError, sqlite3.Error), opened_regular(str(path), self._is_own) as fd:
            address = f"file:/proc/self/fd/{fd}?mode=ro&immutable=1"
            with closing(sqlite3.connect(address, uri=True)) as database:
                columns = {row[1] for row in database.execute("PRAGMA table_info(trans)")}
                # The command line of dnf 4 lacks its program, that of dnf 5 has it.
                command = "''" if "cmdline" in columns else "description"
                query = (
                    f"SELECT dt_begin, dt_end, user_id, {command} FROM trans ORDER BY id DESC LIMIT {_LATEST}"  # noqa: S608 - our own words
                )
                rows = database.execute(query).fetchall()
            yield from (self._asked(*row) for row in rows if row[0] and row[1])

    def _asked(self, began: int, ended: int, user_id: int | None, command: str | None) -> Asked:
        return Asked(float(began), float(ended), program_of(str(command or "")), self._user(user_id))

    def _user(self, number: int | None) -> str:
        return "" if number is None or number in _NOBODY else self._users.name(number)
