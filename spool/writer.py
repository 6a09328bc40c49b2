"""The one thread that writes, and the group commit.

Callers hand in jobs and block until theirs is committed. Whatever waits when the thread is free goes
into one transaction, and one sync serves them all. A job that fails fails alone: the others are run
again without it. It sleeps until there is work; it never polls.
"""

import sqlite3
import threading
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from spool.errors import SpoolClosed
from spool.store import Store

T = TypeVar("T")

_GROUP_BYTES = 2 * 1024 * 1024
"""A transaction takes at most so much, so that the -wal stays within its limit."""


class Job(Generic[T]):
    """A piece of work for the writer, and its outcome. `run` may be called again after a rollback."""

    __slots__ = ("durable", "error", "finished", "result", "run", "size_bytes")

    def __init__(self, run: Callable[[Store], T], *, durable: bool, size_bytes: int) -> None:
        self.run = run
        self.durable = durable
        self.size_bytes = size_bytes
        self.result: T | None = None
        self.error: BaseException | None = None
        self.finished = threading.Lock()
        self.finished.acquire()

    def wait(self) -> T:
        """Block until it is committed; raise what it raised."""
        with self.finished:
            pass
        if self.error is not None:
            raise self.error
        return cast("T", self.result)


class Writer:
    """Runs jobs on a store, in the order they came, in a thread of its own.

    `committed` is called after every commit, before the callers go on. `recover` is called with what
    SQLite raised and returns the store to go on with, or None when the error is the jobs' own.
    `settle` is called after the callers went on. `tidy` does one slice of what can wait and returns
    whether there is more.
    """

    def __init__(
        self,
        store: Store,
        *,
        committed: Callable[[Store], None],
        recover: Callable[[Store, BaseException], Store | None],
        settle: Callable[[Store], None],
        tidy: Callable[[Store], bool],
    ) -> None:
        self.store = store
        self._committed = committed
        self._recover = recover
        self._settle = settle
        self._tidy = tidy
        self._jobs: list[Job[object]] = []
        self._changed = threading.Condition()
        self._tidying = False
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="spool-writer", daemon=True)
        self._thread.start()

    def submit(self, run: Callable[[Store], T], *, durable: bool = True, size_bytes: int = 0) -> T:
        """Have `run` done in a transaction and return what it returned once that is committed."""
        job = Job(run, durable=durable, size_bytes=size_bytes)
        with self._changed:
            if self._closing:
                raise SpoolClosed("the spool is closed")
            self._jobs.append(cast("Job[object]", job))
            self._changed.notify()
        return job.wait()

    def tidy_soon(self) -> None:
        """Have `tidy` called, slice by slice, whenever no job waits."""
        with self._changed:
            self._tidying = True
            self._changed.notify()

    def close(self) -> None:
        """Finish the jobs that wait, then end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._jobs or self._tidying or self._closing):
                    self._changed.wait()
                group = self._take_group()
                if not group and self._closing:
                    return
                tidying, self._tidying = self._tidying and not group, self._tidying and bool(group)
            if group:
                self._run_group(group)
                self._run_aside(self._settle)
            elif tidying and self._run_aside(self._tidy):
                self.tidy_soon()

    def _take_group(self) -> list[Job[object]]:
        size_bytes = 0
        for index, job in enumerate(self._jobs):
            size_bytes += job.size_bytes
            if size_bytes > _GROUP_BYTES and index:
                group, self._jobs = self._jobs[:index], self._jobs[index:]
                return group
        group, self._jobs = self._jobs, []
        return group

    def _run_group(self, group: list[Job[object]]) -> None:
        try:
            if self._try(group) is not None:
                for job in group:
                    job.error = self._try([job], again=True)
        finally:
            for job in group:
                job.finished.release()

    def _try(self, group: list[Job[object]], *, again: bool = False) -> BaseException | None:
        """Run jobs in one transaction; return what went wrong, with nothing of them kept."""
        try:
            self.store.begin(durable=any(job.durable for job in group))
            for job in group:
                job.result = job.run(self.store)
            self.store.commit()
        except BaseException as error:  # noqa: BLE001 - it goes to the caller who waits for this job
            return self._undo(group, error, again=again)
        self._committed(self.store)
        return None

    def _undo(self, group: list[Job[object]], error: BaseException, *, again: bool) -> BaseException | None:
        refused: BaseException | None = error if isinstance(error, sqlite3.Error) else None
        try:
            self.store.rollback()
        except sqlite3.Error as rollback_error:
            refused = refused or rollback_error
        if refused is not None:
            recovered = self._recover(self.store, refused)
            if recovered is not None:
                self.store = recovered
                return self._try(group) if again else error
        return error

    def _run_aside(self, work: Callable[[Store], T]) -> T | None:
        """Do what no caller waits for; its failure is no reason to stop."""
        try:
            return work(self.store)
        except BaseException as error:  # noqa: BLE001 - what can wait must not end the writer
            self._undo([], error, again=False)
            return None
