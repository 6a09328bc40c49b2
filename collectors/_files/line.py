"""The parts of one run of the files collector, and the five steps between them: hint, pending, look, compare, emit.

Each step takes the value of the one before, and none calls another back, but that a look which waits for a remote
file system has everything near served meanwhile. One thread does all of them; nothing wakes it when nothing
happens, but for a compare of everything once an hour.
"""

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from collectors._files.agenda import Agenda
from collectors._files.books import Books
from collectors._files.compare import Change, compare
from collectors._files.draft import LAST_LOOK, Draft
from collectors._files.emit import Emitter
from collectors._files.hints import Hints, NoWatch
from collectors._files.job import Job, Stopped
from collectors._files.look import Look
from collectors._files.looked import Failed, Learnt, Looked, Scan, blames_path
from collectors._files.meanwhile import Meanwhile
from collectors._files.mount_health import MountHealth
from collectors._files.pending import Due, Pending
from collectors._files.reader import Busy, FileReader
from collectors._files.texts import Texts
from collectors._files.wait import Wait, Wake
from collectors._files.watch import Watch
from collectors._files.watch_set import WatchSet
from collectors._portable import escaped
from collectors._redaction.passing import without_secrets
from collectors._redaction.redact import Redactor
from collectors._regular import pass_on_lack
from collectors.collector import NotKept

_KEY = "=key"
"""Under which the key of this host's masks is remembered."""


class Line:
    """One run; `is_first` says that this run of the collector has not watched yet."""

    def __init__(self, job: Job, wake: Wake, watch: Watch | NoWatch, *, is_first: bool) -> None:
        host = job.host
        self._job = job
        self._watch = watch
        self._wait = Wait(job, wake)
        self._until = host.monotonic() + host.anew_seconds if isinstance(watch, NoWatch) else math.inf
        self._health = MountHealth(job, on_return=wake, meanwhile=self._serve_meanwhile)
        self._watch_set = WatchSet(job, watch, self._health)
        self._pending = Pending(job)
        self._agenda = Agenda(job, self._pending, self._watch_set.polling, is_first=is_first)
        self._draft = Draft(job.runtime, host.wall)
        self._books = Books(job, self._draft)
        self._emitter = Emitter(job, self._draft)
        self._key = job.memory.get(_KEY) or os.urandom(32)
        self._texts = Texts(Redactor(self._key), job.budget)
        reader = FileReader(job, self._texts, self._health)
        parts = (job, reader, self._health, self._watch_set, self._books)
        self._look, self._look_meanwhile = Look(*parts), Look(*parts)
        self._meanwhile = Meanwhile(watch, self._health, self._watch_set, self._pending, self._agenda)
        self._is_ending = False
        self._was_interrupted = False
        self._reported_files = 0

    def close(self) -> None:
        """Let go of everything."""
        self._job.runtime.witnesses.forget("")
        self._health.close()
        self._wait.close()

    def goes_on(self) -> bool:
        """Return whether to go on: until the stop, or until it is time to try again for a watch."""
        return not self._job.runtime.stop.is_set() and self._job.host.monotonic() < self._until

    def wait_for_hints(self) -> None:
        """Wait until something was hinted at, or is due; raises what ended the watch."""
        until = min(self._agenda.next_due(self._emitter.floods.next_due()), self._until)
        has_mounted = self._wait.wait(until - self._job.host.monotonic())
        if (has_mounted and self._health.refresh()) or self._health.take_return():
            self._agenda.have_everything_compared()
        if self._watch.error is not None:
            raise self._watch.error
        self._meanwhile.check()
        self._note(self._watch.take())

    def hurry(self) -> None:
        """Have everything that was hinted at looked at now, for the last time."""
        self._is_ending = True
        if not self._agenda.is_put_off():
            self._watch.catch_up()
            self._note(self._watch.take())

    def _note(self, hints: Hints) -> None:
        """Note what was hinted at; what has just been unmounted is known before it is looked at again."""
        later, hints = hints, self._meanwhile.take_held()
        hints.add(later)
        if (hints.anchors and self._health.refresh()) or hints.overflowed:
            self._agenda.have_everything_compared()
        for path, has_left in hints.trees.items():
            if has_left:
                self._watch_set.forget(path)
        trees = list(hints.trees)
        for path in trees:
            self._look.arm_below(path)
        if hints.anchors or any(path in self._job.selection.named for path in hints.trees):
            self._watch_set.anchor()
            for root in self._job.selection.roots:
                self._look.arm_below(root)
                trees.append(root)
        self._pending.note(hints, trees)

    def pending(self) -> Iterator[Due]:
        """Yield what is due; each is done with when the next is asked for."""
        if self._agenda.is_put_off():
            return
        for due in self._agenda.take_last() if self._is_ending else self._agenda.take():
            self._job.runtime.witnesses.looking((*due.paths, *(f"{tree}/" for tree in due.trees)))
            if due.is_everything:
                self._begin_everything()
            self._was_interrupted = False
            yield due
            self._job.runtime.witnesses.looking((), saw_all=not self._was_interrupted)
            self._books.room.tell()
            self._emitter.commit()
            if due.is_everything:
                self._end_everything()
            if due.trees or self._books.files != self._reported_files:
                self._report()
        if self._is_ending:
            self._draft.remember({LAST_LOOK: b"%d" % int(self._job.host.wall())})
        else:
            self._watch_set.tell_degraded(self._draft)
            self._emitter.summarise()
            self._agenda.is_kept()
        self._emitter.commit()

    def look(self, due: Due) -> Iterator[Looked | Learnt | Scan]:
        """Yield what is there now, of all that is due."""
        for looked in self._look.look(due):
            self._meanwhile.check()
            yield looked
        self._meanwhile.check()

    def _serve_meanwhile(self) -> None:
        """Look after everything else while a remote file system has this run wait."""
        self._was_interrupted = True
        self._meanwhile.serve(self._look_meanwhile, self._tell_near)

    def _tell_near(self, due: Due | None) -> None:
        if due is not None:
            for looked in self._look_meanwhile.look(due):
                for change in self.compare(looked, due):
                    self.emit(change, due)
        self._emitter.commit()

    def compare(self, looked: Looked | Learnt | Scan, due: Due) -> Iterator[Change | Failed]:
        """Yield what is new about what was looked at, beside what is remembered of it."""
        if isinstance(looked, Learnt):
            yield from self._learn(looked)
            return
        if isinstance(looked, Scan):
            yield from self._books.note(looked, due)
            return
        try:
            change = self._compare(looked, due)
        except Exception as error:
            if not blames_path(error):
                raise
            change = Failed(looked.path, error)
        if change is not None:
            yield change

    def _learn(self, learnt: Learnt) -> Iterator[Change]:
        """Yield what to remember of files that were met for the first time, and that those among them made no trouble any more."""
        yield Change(learnt.directory, learnt.remember, texts=learnt.texts)
        if self._emitter.troubles.are_any:
            for path in (f"{learnt.directory}/{name}" for name in learnt.names):
                if self._emitter.troubles.concern(path):
                    yield Change(path, {})

    def _compare(self, looked: Looked, due: Due) -> Change | Failed | None:
        if looked.others:
            self._pending.put(looked.others, self._job.host.monotonic())
        if isinstance(looked.found, Busy) and not looked.is_learnt:
            self._pending.again(looked.path)
        change = compare(looked, due.occasion, self._job.host.wall())
        has_recovered = change is None and self._emitter.troubles.concern(looked.path)
        return Change(looked.path, {}) if has_recovered else change

    def emit(self, change: Change | Failed, due: Due) -> None:
        """Have a change told, and what is new remembered, together and with the next commit."""
        if isinstance(change, Change) and not due.is_everything:
            with suppress(Exception):  # only how many files `status` says that it watches hangs on this
                self._books.count(change.remember)
        self._emitter.emit(change, due.occasion)
        if isinstance(change, Change) and change.difference is not None:
            with suppress(Exception):  # only how soon it is looked at again hangs on this
                self._pending.told(change.path)

    @contextmanager
    def one_round(self) -> Iterator[None]:
        """Make a round of what is pending; what the spool does not take is looked at again later."""
        try:
            yield
        except Stopped:
            pass  # the next start finds the rest
        except NotKept as refusal:
            self._emitter.begin()
            self._agenda.put_off()
            self._job.runtime.report(f"waiting: {refusal.problem}")
        finally:
            self._texts.forget()

    def _begin_everything(self) -> None:
        self._health.refresh()  # first: what does not answer may not be asked for anything
        self._watch_set.anchor()
        if not self._agenda.has_compared_everything:
            self._emitter.begin()
        if self._job.memory.get(_KEY) is None:
            self._draft.remember({_KEY: self._key})
        self._books.open()

    def _end_everything(self) -> None:
        self._books.close()
        if not self._agenda.has_compared_everything:
            self._emitter.summarise(all_of_them=True)
            self._emitter.commit()

    def _report(self) -> None:
        books = self._books
        self._reported_files = books.files
        text = f"watching {books.files} files in {self._watch_set.directories} directories"
        if books.room.left_out:
            text += f"; {books.room.left_out} more are not: no room to remember them, raise spool.max_size"
        if books.problems:
            text += f"; cannot see {len(books.problems)}, as {without_secrets(books.problems[0])}"
        if troubles := self._emitter.troubles.in_words():
            text += f"; {troubles}"
        self._job.runtime.report(escaped(text))


@contextmanager
def opened_line(job: Job, *, is_first: bool) -> Iterator[Line]:
    """Lend the parts of one run; raise `Lacking` where the process lacks what they need."""
    with ExitStack() as closing:
        wake = Wake()
        closing.callback(wake.close)
        watch = _watch(job, wake)
        watch.start()
        closing.callback(watch.join)
        closing.callback(watch.stop)
        line = Line(job, wake, watch, is_first=is_first)
        closing.callback(line.close)
        job.runtime.report("comparing with what is remembered")
        yield line


def _watch(job: Job, wake: Wake) -> Watch | NoWatch:
    try:
        return job.host.watch(wake, job.selection)
    except OSError as error:
        pass_on_lack(error)
        return NoWatch(error)
