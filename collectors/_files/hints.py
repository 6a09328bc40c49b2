"""Hints that something changed, as values, and the watch of a kernel that has none to give."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Hints:
    """What has been hinted at since the last time somebody took it."""

    files: dict[str, None] = field(default_factory=dict)
    trees: dict[str, bool] = field(default_factory=dict)
    """Directories that came, went or changed; True when what was watched there is gone or elsewhere."""
    moved: dict[str, str] = field(default_factory=dict)
    """Where something came from, by where it is now."""
    anchors: bool = False
    """A directory on the way to a root came or went."""
    overflowed: bool = False

    def add(self, later: "Hints") -> None:
        """Add hints that came after these."""
        self.files.update(later.files)
        for path, has_left in later.trees.items():
            self.trees[path] = has_left or self.trees.get(path, False)
        self.moved.update(later.moved)
        self.anchors |= later.anchors
        self.overflowed |= later.overflowed

    def __bool__(self) -> bool:
        return bool(self.files or self.trees or self.anchors or self.overflowed)


class WatchError(OSError):
    """A watch that could not be added; `errno` says why (ENOSPC: the limit of the kernel is reached)."""


class NoWatch:
    """Stands in where the kernel gives no inotify instance: no directory can be watched, and each is told so."""

    directories = 0
    error: BaseException | None = None

    def __init__(self, reason: OSError) -> None:
        self._reason = reason

    def watch_directory(self, path: str, fd: int) -> None:
        """Raise `WatchError`."""
        del fd
        raise WatchError(self._reason.errno, f"{path}: {self._reason.strerror}")

    def take(self) -> Hints:
        """Return no hints."""
        return Hints()

    def start(self) -> None:
        """Do nothing."""

    stop = join = weigh_anchors = catch_up = start

    def watch_chain(self, link: str, chain: tuple[tuple[str, str], ...]) -> None:
        """Do nothing."""

    def watch_for(self, directory: str, name: str) -> None:
        """Do nothing."""

    def watch_itself(self, path: str) -> None:
        """Do nothing."""

    def forget(self, directory: str) -> None:
        """Do nothing."""
