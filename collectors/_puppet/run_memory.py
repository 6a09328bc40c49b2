"""What is remembered of Puppet's reports: each file as it was seen, and the runs that were told last."""

import os
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path

import msgspec

from collectors._puppet.report_files import Look, Sighting
from collectors._troubles import apart
from collectors.collector import Memory, recall

_FILE = "file/"
_DIRECTORY = "directory/"
_TOLD = "told"
_MAX_TOLD = 64
"""Runs whose files may be gone again; those of files that are still there are known from the files."""

Remember = dict[str, bytes | None]


class RunMemory:
    """The memory of the collector, as of its last emit."""

    def __init__(self, memory: Memory, odd: MutableMapping[str, Exception]) -> None:
        """Recall the files; what one raises is put into `odd`."""
        self._memory = memory
        self._files: dict[Path, Sighting] = {}
        self._unknown: set[str] = set()
        for key, value in memory.items(_FILE):
            self._unknown.add(key)
            with apart(key.removeprefix(_FILE), odd):
                if (sighting := recall(value, Sighting)) is not None:
                    self._files[_path_of(key)] = sighting
                self._unknown.discard(key)
        self._told = recall(memory.get(_TOLD) or b"[]", list[str]) or []
        self._runs = {sighting.run for sighting in self._files.values()} | set(self._told)

    @property
    def none(self) -> list[Path]:
        """Return the files that were read and are no reports."""
        return sorted(path for path, sighting in self._files.items() if sighting.problem)

    def is_first_sight(self, directory: Path) -> bool:
        """Return whether this directory was never looked at."""
        return self._memory.get(f"{_DIRECTORY}{directory}") is None

    def is_new(self, path: Path, sighting: Sighting) -> bool:
        """Return whether a file was written since it was seen last."""
        if self._unknown and _key_of(path) in self._unknown:
            return False  # what was told of it cannot be recalled now
        return not sighting.is_same_file(self._files.get(path))

    def is_told(self, run: str) -> bool:
        """Return whether a run was told."""
        return run in self._runs

    def first_sight(self, directory: Path, seen: Mapping[Path, Sighting]) -> Remember:
        """Return what to remember of a directory that is looked at for the first time."""
        return {f"{_DIRECTORY}{directory}": b"1"} | self.seen(seen)

    def seen(self, files: Mapping[Path, Sighting]) -> Remember:
        """Return what to remember of files."""
        return {_key_of(path): msgspec.json.encode(sighting) for path, sighting in files.items()}

    def gone(self, look: Look, odd: MutableMapping[str, Exception]) -> Remember:
        """Return what to forget after a look."""
        forget: Remember = {}
        for path in self._files:
            with apart(str(path), odd):
                if look.is_gone(path):
                    forget[_key_of(path)] = None
        return forget

    def told(self, runs: Iterable[str]) -> Remember:
        """Count these runs as told; return what to remember of that."""
        self._told = [*self._told, *runs][-_MAX_TOLD:]
        self._runs.update(self._told)
        return {_TOLD: msgspec.json.encode(self._told)}


def _key_of(path: Path) -> str:
    """Return the key of a file; a directory of a host may have any bytes as its name, and a key is text."""
    return _FILE + os.fsencode(path).decode("latin-1")


def _path_of(key: str) -> Path:
    return Path(os.fsdecode(key.removeprefix(_FILE).encode("latin-1", "replace")))
