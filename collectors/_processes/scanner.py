"""What runs at this moment of what is wanted: a scan that inspects few processes and holds their pidfds.

A scan lists the pids and inspects those that are new, and for a while those that are young, since a
process may become another program after its start; all of them only once a minute.
"""

import os
import time
from collections.abc import Iterable, Sequence

from collectors._processes.match import Process, Wanted, find
from collectors._processes.proc import Ending, open_pidfd, read_endings, read_pids, read_process
from collectors._processes.transitions import Running
from collectors._regular import may_lack

YOUNG_SECONDS = 30.0
ALL_SECONDS = 60.0
MOST_DESCRIPTORS = 256
"""A process usually may open 1024 files; of those that are not held, a scan sees the end."""


class ProcessScanner:
    """What was seen so far; to be closed."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self._wanted = wanted
        self._inspected: dict[int, tuple[Process, float]] = {}
        self._all_at = 0.0
        self._running: dict[str, Running] = {}
        self._descriptors: dict[str, int] = {}
        self.endings: dict[str, Ending] = {}
        self.odd: dict[int, Exception] = {}
        """Why processes could not be looked at in the last scan, by pid: whether these run is not known."""

    @property
    def running(self) -> dict[str, Running]:
        """Return the wanted processes, as of the last scan and without those that ended since."""
        return {key: running for key, running in self._running.items() if key not in self.endings}

    def descriptors(self) -> Iterable[int]:
        """Return the pidfds to wait for."""
        return self._descriptors.values()

    def take_ends(self, ready: Iterable[int]) -> bool:
        """Note the end of the processes whose pidfds are ready, and return whether there are any."""
        by_descriptor = {descriptor: key for key, descriptor in self._descriptors.items()}
        ended = [descriptor for descriptor in ready if descriptor in by_descriptor]
        for descriptor, ending in read_endings(ended).items():
            key = by_descriptor[descriptor]
            self.endings[key] = ending
            os.close(self._descriptors.pop(key))
        return bool(ended)

    def scan(self) -> None:
        """Look at the host; one process that makes trouble is left out, and noted as `odd`."""
        self.odd = {}
        processes = self._inspect(time.monotonic())
        means: dict[int, tuple[Wanted, ...]] = {}
        for entry in self._wanted:
            for process in find(entry, processes, self.odd):
                means[process.pid] = (*means.get(process.pid, ()), entry)
        by_pid = {process.pid: process for process in processes}
        self._running = {by_pid[pid].key: Running(by_pid[pid], entries) for pid, entries in means.items()}
        for key in self._descriptors.keys() - self._running.keys():
            os.close(self._descriptors.pop(key))
        for key, running in list(self._running.items()):
            if key not in self._descriptors and key not in self.endings:
                try:
                    self._hold(key, running.process)
                except Exception as error:  # noqa: BLE001 - one process that nobody can hold is one that a scan sees the end of
                    self._note(running.process.pid, error)

    def forget_endings(self) -> None:
        """Drop the endings, which were told, and the processes with them: the next look may not be a scan."""
        for key in self.endings:
            self._running.pop(key, None)
        self.endings = {}

    def close(self) -> None:
        """Close every descriptor."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors = {}

    def _inspect(self, now: float) -> list[Process]:
        inspect_all = now >= self._all_at
        if inspect_all:
            self._all_at = now + ALL_SECONDS
        inspected: dict[int, tuple[Process, float]] = {}
        for pid in read_pids():
            before = self._inspected.get(pid)
            if before is not None and not inspect_all and now >= before[1]:
                inspected[pid] = before
                continue
            process = self._read(pid)
            if process is not None:
                same = before is not None and before[0].ticks == process.ticks
                inspected[pid] = (process, before[1] if before and same else now + YOUNG_SECONDS)
        self._inspected = inspected
        return [process for process, _ in inspected.values()]

    def _read(self, pid: int) -> Process | None:
        try:
            return read_process(pid)
        except Exception as error:  # noqa: BLE001 - it is the trouble of this one alone
            self._note(pid, error)
            return None

    def _note(self, pid: int, error: Exception) -> None:
        if may_lack(error):
            raise error
        self.odd[pid] = error

    def _hold(self, key: str, process: Process) -> None:
        if len(self._descriptors) >= MOST_DESCRIPTORS:
            return
        try:
            descriptor = open_pidfd(process)
        except ProcessLookupError:
            del self._running[key]
            return
        if descriptor is not None:
            self._descriptors[key] = descriptor
