"""Whose turn it is among the paths that are due: directories take turns, so that a crowd of files in one holds up no other.

Only an order: nothing is looked at here, and no path is ever let go of but by whoever takes it.
"""

from collections import OrderedDict


class Turns:
    """The paths that are due and were not looked at yet."""

    def __init__(self) -> None:
        self._directories: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._directories)

    def __contains__(self, path: str) -> bool:
        return path in self._directories.get(_directory_of(path), ())

    def put(self, path: str) -> None:
        """Have a path wait for its turn, behind those of its directory."""
        self._directories.setdefault(_directory_of(path), OrderedDict())[path] = None

    def take(self) -> str:
        """Return the next path, the first of the directory that has waited longest."""
        directory, paths = self._directories.popitem(last=False)
        path, _ = paths.popitem(last=False)
        if paths:
            self._directories[directory] = paths
        return path

    def cancel(self, path: str) -> bool:
        """Let a path go; return whether it waited."""
        directory = _directory_of(path)
        paths = self._directories.get(directory, OrderedDict())
        if path not in paths:
            return False
        del paths[path]
        if not paths:
            del self._directories[directory]
        return True


def _directory_of(path: str) -> str:
    return path.rpartition("/")[0]
