"""Hard links: names that share one file, so that a change through one of them is a change of all. Pure."""

import os


class HardLinks:
    """The watched names of files that have several."""

    def __init__(self) -> None:
        self._names: dict[tuple[int, int], set[str]] = {}
        self._files: dict[str, tuple[int, int]] = {}

    def add(self, path: str, status: os.stat_result) -> None:
        """Note that `path` is one name of a file with several."""
        identity = (status.st_dev, status.st_ino)
        self.drop(path)
        self._names.setdefault(identity, set()).add(path)
        self._files[path] = identity

    def drop(self, path: str) -> None:
        """Forget a name."""
        identity = self._files.pop(path, None)
        if identity is not None:
            self._names[identity].discard(path)
            if not self._names[identity]:
                del self._names[identity]

    def others(self, path: str) -> frozenset[str]:
        """Return the other watched names of what `path` was a name of."""
        identity = self._files.get(path)
        return frozenset(self._names[identity] - {path}) if identity is not None else frozenset()
