"""The names of this host's users, from its own file alone: whoever asks may wait for no directory service."""

import os
from pathlib import Path

_NAME, _NUMBER = 0, 2


class Users:
    """Looks up names in a file like /etc/passwd, which is read again when it has changed."""

    def __init__(self, passwd: Path) -> None:
        self._passwd = passwd
        self._as_of: tuple[int, int] | None = None
        self._names: dict[int, str] = {}

    def name(self, uid: int) -> str:
        """Return the name of a user; its number where the file has none."""
        try:
            found = self._passwd.stat()
            as_of = found.st_ino, found.st_mtime_ns
            if as_of != self._as_of:
                self._names, self._as_of = _parse(self._passwd.read_bytes()), as_of
        except OSError:
            pass  # what was known goes on
        return self._names.get(uid, str(uid))


def _parse(data: bytes) -> dict[int, str]:
    names: dict[int, str] = {}
    for line in os.fsdecode(data).splitlines():
        fields = line.split(":")
        if len(fields) > _NUMBER and fields[_NUMBER].isdecimal():
            names.setdefault(int(fields[_NUMBER]), fields[_NAME])
    return names
