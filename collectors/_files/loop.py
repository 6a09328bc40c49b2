"""One run of the files collector: watch, compare everything, then look where hints point, until stopped.

One thread waits in one place for hints, due looks, mounts and the stop; nothing wakes it when nothing
happens, but for a compare of everything once an hour, because not every change gives a hint (mmap,
another host's NFS client).
"""

import math
import os
import select
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress

from collectors._files.budget import Budget
from collectors._files.change import Names
from collectors._files.change_detector import ChangeDetector
from collectors._files.directory_diff import DirectoryDiff
from collectors._files.draft import LAST_LOOK
from collectors._files.flood import Floods
from collectors._files.full_scan import FullScan
from collectors._files.mount_health import MountHealth
from collectors._files.occasion import Occasion
from collectors._files.origin import Origins
from collectors._files.pending import PendingPaths
from collectors._files.polling import PREFIX as DEGRADED
from collectors._files.polling import Polling
from collectors._files.reader import FileReader
from collectors._files.selection import Scope, Selection
from collectors._files.surroundings import Surroundings
from collectors._files.texts import Texts
from collectors._files.tree_walk import TreeWalk
from collectors._files.watch import Hints, NoWatch, Watch
from collectors._portable import escaped
from collectors._redaction.redact import Redactor
from collectors._regular import Lacking, pass_on_lack
from collectors.collector import NotKept, Runtime

_KEY = "=key"
_REFUSED_MAX_SECONDS = 60.0
_HINT_SECONDS = 1.0
"""A hint comes no later than this after the change."""
_LAST_LOOKS = 100
_NANOSECONDS = 1_000_000_000


class Session:
    """One run."""

    def __init__(
        self, scopes: Sequence[Scope], runtime: Runtime, host: Surroundings, *, is_first: bool = True
    ) -> None:
        """Make a run; `is_first` says that nobody has watched since the agent was started."""
        self._runtime = runtime
        self._is_first = is_first
        self._host = host
        self._selection = Selection(scopes)
        self._refused_until, self._until = 0.0, math.inf
        self._refused_seconds = host.refused_seconds
        self._next_compare = 0.0
        self._last_compare = self._last_poll = host.wall()
        self._is_first_compare = True
        self._floods = Floods(host.monotonic, host.flood_seconds)
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._polling = Polling(host.monotonic)
        self._reach = MountHealth(host.monotonic, host.ask, host.patience_seconds, on_return=self._wake)
        self._watch = self._make_watch()
        self._hearing = PendingPaths(
            self._selection,
            self._watch,
            self._polling,
            self._reach,
            monotonic=host.monotonic,
            wall=host.wall,
            poll_seconds=host.poll_seconds,
        )
        self._truth = self._make_truth()
        self._surveyor = self._make_surveyor()
        self._census = FullScan(
            runtime.memory,
            self._selection,
            self._surveyor,
            self._truth,
            self._reach,
            mountinfo=host.mountinfo,
            wall=host.wall,
        )

    def _wake(self) -> None:
        os.eventfd_write(self._wake_fd, 1)

    def _make_watch(self) -> Watch | NoWatch:
        try:
            return self._host.watch(self._wake, self._selection)
        except OSError as error:
            try:
                pass_on_lack(error)
            except Lacking:
                os.close(self._wake_fd)
                raise
            self._until = self._host.monotonic() + self._host.anew_seconds
            return NoWatch(error)

    def _make_truth(self) -> ChangeDetector:
        key = self._runtime.memory.get(_KEY)
        made = key or os.urandom(32)
        self._looker = FileReader(
            self._selection,
            Texts(Redactor(made), self._budgets),
            self._reach,
            clock=self._wall_nanoseconds,
            is_own=self._runtime.is_own,
        )
        truth = ChangeDetector(
            self._runtime,
            self._selection,
            self._looker,
            self._floods,
            self._reach,
            names=Names(self._host.root / "etc"),
            origins=Origins(self._host.root, self._runtime.is_own),
            on_seen=self._hearing.seen,
            on_told=self._hearing.told,
            budgets=self._budgets,
            wall=self._host.wall,
        )
        if key is None:
            truth.draft.remember({_KEY: made})
        return truth

    def _make_surveyor(self) -> TreeWalk:
        comparison = DirectoryDiff(
            self._selection,
            self._runtime.memory,
            learn=self._truth.learn,
            way=self._looker.way,
            on_link=self._watch.watch_reach,
            on_hard_link=self._hearing.hard_links.add,
            clock=self._wall_nanoseconds,
        )
        return TreeWalk(
            self._selection,
            self._runtime.memory,
            self._reach,
            comparison,
            arm=self._hearing.arm,
            leave_out=self._runtime.leave_out,
        )

    def _budgets(self) -> Budget:
        return Budget(self._host.cpu_seconds, self._host.cpu)

    def _wall_nanoseconds(self) -> int:
        return int(self._host.wall() * _NANOSECONDS)

    def run(self) -> None:
        """Watch until stopped, or until it is time to try for a watch again; raises an `OSError` of lack."""
        with ExitStack() as closing:
            closing.callback(os.close, self._wake_fd)
            closing.callback(self._reach.close)
            self._watch.start()
            closing.callback(self._watch.join)
            closing.callback(self._watch.stop)
            poll = select.poll()
            poll.register(self._runtime.stop.fileno(), select.POLLIN)
            poll.register(self._wake_fd, select.POLLIN)
            mounts = -1
            try:
                mounts = closing.enter_context(self._host.mountinfo.open("rb")).fileno()
                poll.register(mounts, select.POLLPRI)
            except OSError as error:
                pass_on_lack(error)
            self._follow(poll, mounts)
            if not self._is_refused():
                self._end()

    def _end(self) -> None:
        """Tell what was hinted at and had not settled: at the next start it would count as of the time between."""
        with suppress(NotKept):
            self._watch.catch_up()
            self._heed(self._watch.take())
            due = self._hearing.take_due(math.inf)
            if not self._is_first_compare and len(due) <= _LAST_LOOKS:
                self._look(due)
            self._truth.draft.remember({LAST_LOOK: b"%d" % int(self._host.wall())})
            self._truth.draft.commit()

    def _follow(self, poll: select.poll, mounts: int) -> None:
        self._runtime.report("comparing with what is remembered")
        while not self._runtime.stop.is_set() and self._host.monotonic() < self._until:
            self._work()
            wait = max(0.0, self._next_due() - self._host.monotonic())
            woken = [fd for fd, _ in poll.poll(int(wait * 1000) + 1)]
            if self._wake_fd in woken:
                os.eventfd_read(self._wake_fd)
            if (mounts in woken and self._census.refresh_mounts()) or self._reach.take_return():
                self._next_compare = 0.0
            if self._watch.error is not None:
                raise self._watch.error
            self._heed(self._watch.take())

    def _next_due(self) -> float:
        dues = (self._hearing.next_due(), self._floods.next_due(), self._polling.next_due())
        first = min([self._next_compare, self._until, *(due for due in dues if due is not None)])
        return max(first, self._refused_until)

    def _heed(self, hints: Hints) -> None:
        """Note what was hinted at, for `_work`; what has just been unmounted is known before it is looked at again."""
        if (hints.anchors and self._census.refresh_mounts()) or hints.overflowed:
            self._next_compare = 0.0
        self._hearing.take(hints, self._surveyor.arm_below)

    def _is_refused(self) -> bool:
        return self._host.monotonic() < self._refused_until

    def _work(self) -> None:
        now = self._host.monotonic()
        if now < self._refused_until:
            return
        due = self._hearing.take_due(now)
        try:
            if now >= self._next_compare:
                self._compare_all()
            if due:
                self._look(due)
            self._poll()
            self._summarise()
            self._refused_seconds = self._host.refused_seconds
        except NotKept as refusal:
            self._refused(due, refusal)

    def _compare_all(self) -> None:
        is_first = self._is_first_compare
        self._census.refresh_mounts()  # first: what does not answer may not be asked for anything
        self._hearing.drop_anchors()
        if is_first:
            self._floods.recover(self._runtime.memory)
            looked = self._runtime.memory.get(LAST_LOOK)
            self._last_compare = float(looked) if looked else self._host.wall()
        was_down = is_first and self._is_first
        self._floods.while_agent_down = was_down
        started = self._host.wall()
        busy = self._census.compare_all(Occasion(self._last_compare, while_agent_down=was_down))
        self._hearing.touch_again(busy)
        if is_first:
            for event, remember in self._floods.summaries(all_of_them=True):
                self._truth.draft.remember(remember, [event])
            self._truth.draft.commit()
        self._is_first_compare = self._floods.while_agent_down = False
        self._last_compare = started
        self._next_compare = self._host.monotonic() + self._host.compare_seconds
        self._report()

    def _look(self, due: Sequence[str]) -> None:
        hinted = self._hearing.hinted(due)
        first = min(hinted.values(), default=self._last_compare)
        occasion = Occasion(max(self._last_compare, first - _HINT_SECONDS), hinted=hinted)
        trees = [path[:-1] for path in due if path.endswith("/")]
        files = [path for path in due if not path.endswith("/")]
        self._hearing.touch_again(self._census.compare(trees, occasion, files))
        self._hearing.looked_at(due)
        if trees:
            self._report()

    def _poll(self) -> None:
        """Compare what cannot be watched, when it is due, and say that it cannot."""
        started = self._host.monotonic()
        due = self._polling.take()
        if due:
            occasion = Occasion(self._last_poll)
            self._last_poll = self._host.wall()
            self._hearing.touch_again(self._census.compare(due, occasion))
            self._polling.done(started)
        told = dict(self._runtime.memory.items(DEGRADED))
        events, remember = self._polling.tell(self._selection.roots, told, int(self._host.wall()))
        self._truth.draft.remember(remember, events)

    def _summarise(self) -> None:
        for event, remember in self._floods.summaries():
            self._truth.draft.remember(remember, [event])
        self._truth.draft.commit()

    def _refused(self, due: Iterable[str], refusal: NotKept) -> None:
        """Look at the same paths again later: the spool takes nothing now."""
        self._truth.discard()
        self._refused_until = self._host.monotonic() + self._refused_seconds
        self._refused_seconds = min(2 * self._refused_seconds, _REFUSED_MAX_SECONDS)
        self._hearing.put_off(due, self._refused_until)
        self._runtime.report(f"waiting: {refusal.problem}")

    def _report(self) -> None:
        text = f"watching {self._census.files} files in {self._watch.directories} directories"
        if self._truth.room.left_out:
            text += (
                f"; {self._truth.room.left_out} more are not: no room to remember them, raise spool.max_size"
            )
        if self._census.problems:
            text += f"; cannot see {len(self._census.problems)}, as {self._census.problems[0]}"
        if troubles := self._truth.troubles.in_words():
            text += f"; {troubles}"
        self._runtime.report(escaped(text))
