"""A YAML stream as its scalars, each with the keys that lead to it. Nothing is ever built from the file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from collectors._nesting import MAX_LEVELS, TooDeep


@dataclass(slots=True)
class _Frame:
    """One open mapping or list; `key` is where we are in it, None before a mapping's next key."""

    is_mapping: bool
    key: str | None

    def take(self, value: str | None) -> bool:
        """Pass one key or value, None for one that is no scalar; return whether it was a value."""
        if self.key is None:
            self.key = value or ""
            return False
        self.key = None if self.is_mapping else str(int(self.key) + 1)
        return True


def parse_scalars(events: Iterable[Any]) -> Iterator[tuple[list[str], str]]:
    """Yield each scalar of the events of `yaml.parse` with its path; the items of a list count from 0.

    Tags are passed over. An alias is what its anchor was, where that was a scalar. Raises `TooDeep`.
    """
    import yaml

    frames: list[_Frame] = []
    anchors: dict[str, str] = {}
    for event in events:
        value: str | None = None
        match event:
            case yaml.MappingStartEvent():
                _open(frames, _Frame(is_mapping=True, key=None))
                continue
            case yaml.SequenceStartEvent():
                _open(frames, _Frame(is_mapping=False, key="0"))
                continue
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                frames.pop()
            case yaml.ScalarEvent():
                value = event.value
                if event.anchor:
                    anchors[event.anchor] = event.value
            case yaml.AliasEvent():
                value = anchors.get(event.anchor or "")
            case _:
                continue  # the stream and its documents
        path = [frame.key or "" for frame in frames]
        if frames and frames[-1].take(value) and value is not None:
            yield path, value


def _open(frames: list[_Frame], frame: _Frame) -> None:
    if len(frames) >= MAX_LEVELS:  # every path costs as much as it is deep, and Puppet's own have six levels
        raise TooDeep
    frames.append(frame)
