"""The one thread that writes, and the group commit.

Callers hand in jobs and block until theirs is committed. Whatever waits when the thread is free goes
into one transaction, and one sync serves them all. A job that fails fails alone: the others are run
again without it. It sleeps until there is work; it never polls.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from spool.errors import SpoolClosed, SpoolError
from spool.store import Store

T = TypeVar("T")

log = logging.getLogger(__name__)

_IDLE_SECONDS = 30.0
_ATTEMPTS = 4
"""A job is run so often as long as what SQLite raised could be helped: the reserve, then room, then more."""


class Job(Generic[T]):
    """A piece of work for the writer, and its outcome. `run` may be called again after a rollback."""

    __slots__ = ("alone", "durable", "error", "finished", "result", "run", "size_bytes")

    def __init__(
        self, run: Callable[[Store], T], *, durable: bool = True, size_bytes: int = 0, alone: bool = False
    ) -> None:
        self.run = run
        self.durable = durable
        self.size_bytes = size_bytes
        self.alone = alone
        self.result: T | None = None
        self.error: BaseException | None = SpoolError("nothing of this was kept")
        """Until it is committed."""
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
    `checkpoint` is called after the callers went on, and returns whether to call it once more, with True, when
    nothing has come for a while. `shrink` does one slice of what can wait and returns
    whether there is more.
    """

    def __init__(
        self,
        store: Store,
        *,
        committed: Callable[[Store], None],
        recover: Callable[[Store, BaseException], Store | None],
        checkpoint: Callable[[Store, bool], bool],
        shrink: Callable[[Store], bool],
    ) -> None:
        self.store = store
        self._committed = committed
        self._recover = recover
        self._checkpoint = checkpoint
        self._shrink = shrink
        self.group_bytes = 2 * 1024 * 1024
        """A transaction takes at most so much, so that the -wal stays within its limit."""
        self._jobs: list[Job[object]] = []
        self._changed = threading.Condition()
        self._shrinking = False
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="spool-writer", daemon=True)
        self._thread.start()

    def submit(self, run: Callable[[Store], T], *, durable: bool = True, size_bytes: int = 0) -> T:
        """Have `run` done in a transaction and return what it returned once that is committed."""
        return self._wait_for(Job(run, durable=durable, size_bytes=size_bytes))

    def between(self, run: Callable[[Store], T]) -> T:
        """Have `run` done between two transactions, with none open."""
        return self._wait_for(Job(run, alone=True))

    def shrink_soon(self) -> None:
        """Have `shrink` called, slice by slice, whenever no job waits."""
        with self._changed:
            self._shrinking = True
            self._changed.notify()

    def close(self) -> None:
        """Finish the jobs that wait, then end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _wait_for(self, job: Job[T]) -> T:
        with self._changed:
            if self._closing:
                raise SpoolClosed("the spool is closed")
            self._jobs.append(cast("Job[object]", job))
            self._changed.notify()
        return job.wait()

    def _work(self) -> None:
        uncheckpointed = False
        while True:
            with self._changed:
                while not (self._jobs or self._shrinking or self._closing):
                    woken = self._changed.wait(_IDLE_SECONDS if uncheckpointed else None)
                    if not woken:
                        break
                group = self._take_group()
                if not group and self._closing:
                    return
                shrinking, self._shrinking = self._shrinking and not group, self._shrinking and bool(group)
            if group:
                self._run_group(group)
                uncheckpointed = (
                    bool(self._run_aside(lambda store: self._checkpoint(store, False))) or uncheckpointed
                )
            elif not shrinking:
                self._run_aside(lambda store: self._checkpoint(store, True))
                uncheckpointed = False
            elif self._run_aside(self._shrink):
                self.shrink_soon()

    def _take_group(self) -> list[Job[object]]:
        # One transaction for all who wait: a sync costs milliseconds, whoever shares it gets it for nothing. It is bounded
        # by bytes, not by jobs: the -wal of a small spool must stay within its limit, and a full disk must find its reserve
        # enough for one transaction (docs/decisions/0003-sqlite-spool.md, 0032).
        size_bytes = 0
        until = len(self._jobs)
        for index, job in enumerate(self._jobs):
            size_bytes += job.size_bytes
            if index and (job.alone or self._jobs[0].alone or size_bytes > self.group_bytes):
                until = index
                break
        group, self._jobs = self._jobs[:until], self._jobs[until:]
        return group

    def _run_group(self, group: list[Job[object]]) -> None:
        try:
            # Nobody knows whose job it was that failed, and nothing of the transaction was kept: each is run again alone,
            # so that one which cannot be kept takes no other with it. A job may therefore run twice, never be kept twice.
            if self._try(group, attempts=1) is not None:
                for job in group:
                    job.error = self._try([job], attempts=_ATTEMPTS)
            else:
                for job in group:
                    job.error = None
        finally:
            # After everything else, and whatever happened: who waits believes what it finds then.
            for job in group:
                job.finished.release()

    def _try(self, group: list[Job[object]], *, attempts: int) -> BaseException | None:
        """Run jobs in one transaction; return what went wrong, with nothing of them kept."""
        try:
            if group[0].alone:
                group[0].result = group[0].run(self.store)
            else:
                self.store.begin(durable=any(job.durable for job in group))
                for job in group:
                    job.result = job.run(self.store)
                self.store.commit()
        except BaseException as error:  # noqa: BLE001 - it goes to the caller who waits for this job
            return self._undo(group, error, attempts=attempts)
        self._committed(self.store)
        return None

    def _undo(self, group: list[Job[object]], error: BaseException, *, attempts: int) -> BaseException | None:
        refused: BaseException | None = error if isinstance(error, sqlite3.Error) else None
        try:
            self.store.rollback()
        except sqlite3.Error as rollback_error:
            refused = refused or rollback_error
        if refused is None:
            return error
        try:
            recovered = self._recover(self.store, refused)
        except Exception:
            log.exception("the spool could not be recovered; it is tried again with the next write")
            return error
        if recovered is None:
            return error
        self.store = recovered
        return self._try(group, attempts=attempts - 1) if attempts > 1 else error

    def _run_aside(self, work: Callable[[Store], T]) -> T | None:
        """Do what no caller waits for; its failure is no reason to stop."""
        try:
            return work(self.store)
        except BaseException as error:  # noqa: BLE001 - what can wait must not end the writer
            self._undo([], error, attempts=1)
            return None
