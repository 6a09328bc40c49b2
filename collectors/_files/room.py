"""Files that are not watched because there is no room to remember them: counted, told once, and never told as new later."""

from collectors._files.draft import Draft
from collectors._files.job import Job
from collectors._portable import counted
from collectors.event import Category, Event

_LEFT_OUT = "=left-out"
_ROOM_BYTES = 1024
"""What one more file may take: its value, its keys, its directory's digest."""
_BY_NAME = 10_000


class Room:
    """The room for further files."""

    def __init__(self, job: Job, draft: Draft) -> None:
        self._memory = job.memory
        self._draft = draft
        self._wall = job.host.wall
        self._paths: set[str] = set()
        self.left_out = 0
        """How many files are not remembered since the last full compare: there is no room for more."""

    def has_for(self, path: str) -> bool:
        """Return whether one more file can be remembered; one that cannot is left out until it can."""
        if self._memory.has_room(self._draft.size_bytes + _ROOM_BYTES):
            return True
        self.left_out += 1
        if len(self._paths) < _BY_NAME:
            self._paths.add(path)
        return False

    def has_for_all(self, files: int) -> bool:
        """Return whether so many files more can surely be remembered."""
        return self._memory.has_room(self._draft.size_bytes + files * _ROOM_BYTES)

    def was_left_out(self, path: str, *, is_hinted: bool) -> bool:
        """Return whether a file that is not remembered may have been there before: then it is not new."""
        if path in self._paths:
            self._paths.discard(path)
            return True
        return not is_hinted and self._memory.get(_LEFT_OUT) is not None

    def tell(self) -> None:
        """Tell that files are not remembered, once until all are again."""
        told = self._memory.get(_LEFT_OUT)
        if self.left_out and told is None:
            event = _not_remembered(self.left_out, int(self._wall()))
            self._draft.remember({_LEFT_OUT: b"%d" % self.left_out}, [event])
        elif not self.left_out and told is not None:
            self._draft.remember({_LEFT_OUT: None})


def _not_remembered(count: int, timestamp: int) -> Event:
    """Return the event that says that some files are not watched, for want of room to remember them."""
    reason = "what is remembered has filled its half of the spool"
    verb = "is" if count == 1 else "are"
    return Event(
        name="agent",
        event_type="WatchDegradedEvent",
        category=Category.ALERTS,
        title=f"{counted(count, 'file')} {verb} not watched",
        text=f"{counted(count, 'file')} {verb} not watched: {reason}. Raise spool.max_size, or watch fewer files.",
        timestamp=timestamp,
        data={"reason": reason, "files": count},
    )
