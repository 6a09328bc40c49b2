"""Events and memory on their way to one commit, which keeps them together or not at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from collectors.collector import Runtime
from collectors.event import Event

LAST_LOOK = "=look"
_EVENTS_AT_ONCE = 200
_KEYS_AT_ONCE = 4000
_AT_ONCE_BYTES = 256 * 1024
"""A commit takes about so much: a small spool has small transactions."""
_KEY_BYTES = 64
"""What a key takes of the spool besides itself and its value."""


@dataclass(slots=True)
class _Waiting:
    """What the next commit keeps."""

    events: list[Event] = field(default_factory=list)
    remember: dict[str, bytes | None] = field(default_factory=dict)
    texts: dict[str, bytes | None] = field(default_factory=dict)
    size_bytes: int = 0
    text_bytes: int = 0


class Draft:
    """Gathers what is to be kept; `wall` gives seconds since the epoch."""

    def __init__(self, runtime: Runtime, wall: Callable[[], float]) -> None:
        self._runtime = runtime
        self._wall = wall
        self._waiting = _Waiting()

    @property
    def size_bytes(self) -> int:
        """How much more than now will be remembered after the commit, about."""
        return self._waiting.size_bytes

    def remember(self, remember: Mapping[str, bytes | None], events: Sequence[Event] = ()) -> None:
        """Have something kept with the next commit, which may be now."""
        waiting = self._waiting
        waiting.events.extend(events)
        waiting.remember.update(remember)
        values = sum([len(value) for value in remember.values() if value])
        waiting.size_bytes += sum(map(len, remember)) + values + _KEY_BYTES * len(remember)
        if (
            len(waiting.events) >= _EVENTS_AT_ONCE
            or len(waiting.remember) >= _KEYS_AT_ONCE
            or waiting.size_bytes + waiting.text_bytes >= _AT_ONCE_BYTES
        ):
            self.commit()

    def remember_texts(self, texts: Mapping[str, bytes | None]) -> None:
        """Have texts kept beside what is remembered under their keys, or forgotten where there is none."""
        self._waiting.texts.update(texts)
        self._waiting.text_bytes += sum([len(text) for text in texts.values() if text])

    def commit(self) -> None:
        """Keep what waits, together with the time of this look."""
        waiting, self._waiting = self._waiting, _Waiting()
        if waiting.events or waiting.remember:
            waiting.remember[LAST_LOOK] = b"%d" % int(self._wall())
            self._runtime.emit(waiting.events, waiting.remember, waiting.texts)

    def discard(self) -> None:
        """Let go of what waits."""
        self._waiting = _Waiting()
