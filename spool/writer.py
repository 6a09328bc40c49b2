"""Who writes, one at a time, and the group commit.

Callers hand in jobs and block until theirs is committed. Who comes while nobody writes has the turn and commits in its
own thread: a wake-up of another would cost more than the work. Whatever was handed in meanwhile goes into one
transaction, by the first of those who wait, and one sync serves them all. A job that fails fails alone: the others are run again
without it. What can wait has a thread of its own, which takes its turn likewise; it sleeps until there is work, it never polls.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from operator import attrgetter
from threading import Lock
from typing import Any, Generic, Literal, TypeVar

from spool.at_rest import give_back
from spool.errors import SpoolClosed, SpoolError
from spool.store import Store

T = TypeVar("T")

log = logging.getLogger(__name__)

Due = Literal["", "idle", "now"]
"""When a checkpoint is due: never, once nothing has come for a while, or before anything else."""

_IDLE_SECONDS = 30.0
_is_durable = attrgetter("durable")
_ATTEMPTS = 4
"""A job is run so often as long as what SQLite raised could be helped: the reserve, then room, then more."""


class Job(Generic[T]):
    """A piece of work on the store, and its outcome. `run` may be called again after a rollback."""

    __slots__ = ("alone", "durable", "error", "is_done", "is_kept", "result", "run", "size_bytes", "woken")

    def __init__(
        self, run: Callable[[Store], T], *, durable: bool = True, size_bytes: int = 0, alone: bool = False
    ) -> None:
        self.run = run
        self.durable = durable
        self.size_bytes = size_bytes
        self.alone = alone
        self.result: T | None = None
        self.error: BaseException | None = None
        self.is_kept = False
        self.is_done = False
        self.woken: Lock | None = None
        """Where its caller waits: released when it is done, or when its caller has the turn."""

    def wait_in_line(self) -> Lock:
        """Return what its caller is to wait for."""
        self.woken = threading.Lock()
        self.woken.acquire()
        return self.woken

    def wake(self) -> None:
        """Have its caller look."""
        if self.woken is not None:
            self.woken.release()

    def outcome(self) -> T:
        """Return what it returned, or raise what it raised, once it is done."""
        if not self.is_kept:
            raise self.error or SpoolError("nothing of this was kept")
        return self.result  # type: ignore[return-value]  # it was run


class Writer:
    """Runs jobs on a store, in the order they came, one transaction at a time.

    `committed` is called after every commit, before the callers go on. `recover` is called with what
    SQLite raised and returns the store to go on with, or None when the error is the jobs' own. `due` is asked after every
    turn when `checkpoint` is to be called, which returns whether all is checkpointed. `shrink` does one slice of what can
    wait and returns whether there is more.
    """

    def __init__(
        self,
        store: Store,
        *,
        committed: Callable[[Store], None],
        recover: Callable[[Store, BaseException], Store | None],
        due: Callable[[], Due],
        checkpoint: Callable[[Store], bool],
        shrink: Callable[[Store], bool],
    ) -> None:
        self.store = store
        self._committed = committed
        self._recover = recover
        self._due = due
        self._checkpoint = checkpoint
        self._shrink = shrink
        self.group_bytes = 2 * 1024 * 1024
        """A transaction takes at most so much, so that the -wal stays within its limit."""
        self._jobs: list[Job[Any]] = []
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._is_taken = False
        """Whether somebody has the turn: a caller, or the thread."""
        self._is_the_threads = False
        """Whether the turn was given to the thread, which has not taken it up yet."""
        self._is_uncheckpointed = False
        self._rested_at = 0.0
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
        with self._lock:
            self._shrinking = True
            self._changed.notify()

    def close(self) -> None:
        """Finish the jobs that wait, then end the thread."""
        with self._lock:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _wait_for(self, job: Job[T]) -> T:
        with self._lock:
            if self._closing:
                raise SpoolClosed("the spool is closed")
            woken = None
            if self._is_taken:
                self._jobs.append(job)
                woken = job.wait_in_line()
            self._is_taken = True
        if woken is None:  # nobody has the turn, so nobody waits for it
            self._take_turn([job])
        else:
            woken.acquire()
            if not job.is_done:
                with self._lock:
                    group = self._take_group()
                self._take_turn(group)
        return job.outcome()

    def _take_turn(self, group: list[Job[Any]]) -> None:
        """Commit jobs, whose first is the caller's own, and pass the turn on."""
        try:
            self._run_group(group)
        finally:
            self._pass_on(self._due())

    def _pass_on(self, due: Due) -> None:
        """Give the turn to the thread where the -wal is full, else to who waits longest, else to nobody."""
        with self._lock:
            if due == "now":
                self._is_the_threads = True
            elif self._jobs:
                self._jobs[0].wake()
            else:
                self._is_taken = False
            is_new = due == "idle" and not self._is_uncheckpointed
            self._is_uncheckpointed = self._is_uncheckpointed or is_new
            self._rested_at = time.monotonic()
            if is_new or self._is_the_threads or self._shrinking or self._closing:
                self._changed.notify()

    def _work(self) -> None:
        while (work := self._next_work()) is not None:
            self._run_aside(work)
            self._pass_on(
                ""
            )  # what a reader kept from being checkpointed is tried after the next commit, and not before

    def _next_work(self) -> Callable[[Store], object] | None:
        """Return what the thread does with the turn that it has taken; None at the end."""
        with self._lock:
            while True:
                left = self._rested_at + _IDLE_SECONDS - time.monotonic()
                if self._is_the_threads:
                    self._is_the_threads = False
                    return self._checkpoint_in_between
                if not self._is_taken:
                    if self._closing:
                        return None
                    if self._shrinking or (self._is_uncheckpointed and left <= 0):
                        self._is_taken = True
                        return self._shrink_once if self._shrinking else self._checkpoint_at_rest
                left = _IDLE_SECONDS if self._is_taken else left
                self._changed.wait(left if self._is_uncheckpointed else None)

    def _checkpoint_in_between(self, store: Store) -> None:
        self._checkpoint(store)
        self._is_uncheckpointed = True  # so much was written that pages are to be let go of once it is over

    def _checkpoint_at_rest(self, store: Store) -> None:
        self._is_uncheckpointed = False
        self._checkpoint(store)
        give_back(store.connection)

    def _shrink_once(self, store: Store) -> None:
        self._shrinking = False
        if self._shrink(store):
            self.shrink_soon()

    def _take_group(self) -> list[Job[Any]]:
        # One transaction for all who wait: a sync costs milliseconds, whoever shares it gets it for nothing. It is bounded
        # by bytes, not by jobs: the -wal of a small spool must stay within its limit, and a full disk must find its reserve
        # enough for one transaction (docs/decisions/0003-sqlite-spool.md, 0032).
        if len(self._jobs) == 1:
            group, self._jobs = self._jobs, []
            return group
        size_bytes = 0
        until = len(self._jobs)
        for index, job in enumerate(self._jobs):
            size_bytes += job.size_bytes
            if index and (job.alone or self._jobs[0].alone or size_bytes > self.group_bytes):
                until = index
                break
        group, self._jobs = self._jobs[:until], self._jobs[until:]
        return group

    def _run_group(self, group: list[Job[Any]]) -> None:
        try:
            # Nobody knows whose job it was that failed, and nothing of the transaction was kept: each is run again alone,
            # so that one which cannot be kept takes no other with it. A job may therefore run twice, never be kept twice.
            if self._try(group, attempts=1) is not None:
                for job in group:
                    job.error = self._try([job], attempts=_ATTEMPTS)
                    job.is_kept = job.error is None
            else:
                for job in group:
                    job.is_kept = True
        finally:
            # After everything else, and whatever happened: who waits believes what it finds then.
            for job in group:
                job.is_done = True
                job.wake()

    def _try(self, group: list[Job[Any]], *, attempts: int) -> BaseException | None:
        """Run jobs in one transaction; return what went wrong, with nothing of them kept."""
        try:
            if group[0].alone:
                group[0].result = group[0].run(self.store)
            else:
                self.store.begin(durable=group[0].durable or any(map(_is_durable, group)))
                for job in group:
                    job.result = job.run(self.store)
                self.store.commit()
        except BaseException as error:  # noqa: BLE001 - it goes to the caller who waits for this job
            return self._undo(group, error, attempts=attempts)
        self._committed(self.store)
        return None

    def _undo(self, group: list[Job[Any]], error: BaseException, *, attempts: int) -> BaseException | None:
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
