"""The emit: a change becomes an event, or is counted in a flood, and is kept together with what to remember of it.

What the spool does not take now is remembered by nobody, and is compared again.
"""

from collections.abc import Mapping

from msgspec.structs import replace as replaced

from collectors._files.change_event import Names, event_of, facts_of
from collectors._files.compare import Change
from collectors._files.difference import Difference
from collectors._files.draft import Draft
from collectors._files.fingerprint import Fingerprint, file_key, mark_of
from collectors._files.flood import Floods
from collectors._files.job import Job
from collectors._files.looked import Failed, blames_path
from collectors._files.occasion import Occasion
from collectors._files.troubles import Troubles
from collectors._origin.evidence import Origins
from collectors.event import Value

_NOT_KEPT = "the text before is no longer remembered: the spool had no room for it"


class Emitter:
    """Tells changes."""

    def __init__(self, job: Job, draft: Draft) -> None:
        self._job = job
        self._draft = draft
        self._names = Names(job.host.root / "etc")
        self._origins = Origins(job.host.root, job.runtime.is_own, job.runtime.witnesses)
        self.floods = Floods(job.host.monotonic, job.host.flood_seconds)
        self.troubles = Troubles(job.memory)

    def emit(self, change: Change | Failed, occasion: Occasion) -> None:
        """Have a change told and remembered with the next commit; one that makes trouble is told as trouble."""
        facts: Mapping[str, Value] = {}
        if isinstance(change, Change):
            try:
                self._tell(change, occasion)
            except Exception as error:
                if not blames_path(error):
                    raise
                facts = self._known_of(change)
                change = Failed(change.path, error)
            else:
                if solved := self.troubles.over(change.path):
                    self._draft.remember(solved)
        if isinstance(change, Failed):
            met = self.troubles.met(change.path, change.error, int(self._job.host.wall()), facts)
            self._draft.remember(met.remember, met.events)

    def commit(self) -> None:
        """Keep what waits, and let go of what was read for it."""
        self._origins.forget()
        self._draft.commit()

    def begin(self) -> None:
        """Begin with what is remembered, and let go of what waits: the spool did not take it."""
        self._draft.discard()
        self.troubles = Troubles(self._job.memory)
        self.floods.recover(self._job.memory)

    def summarise(self, *, all_of_them: bool = False) -> None:
        """Tell of the floods that are over, or of all."""
        for event, remember in self.floods.summaries(all_of_them=all_of_them):
            self._draft.remember(remember, [event])

    def _known_of(self, change: Change) -> Mapping[str, Value]:
        new = change.difference.new if change.difference is not None else None
        return {key: value for key, value in facts_of(new, self._names).items() if value is not None}

    def _tell(self, change: Change, occasion: Occasion) -> None:
        remember, events = change.remember, change.events
        difference = change.difference
        if difference is not None:
            remember, events = dict(remember), list(events)
            root = self._job.selection.root_of(change.path)
            if self.floods.admits(root, difference, remember):
                events.append(event_of(self._complete(difference, occasion), self._names, self._job.budget))
        if change.text is not None:
            self._draft.remember_texts({file_key(change.path): change.text or None})
        if change.texts:
            self._draft.remember_texts(change.texts)
        self._draft.remember(remember, events)

    def _complete(self, difference: Difference, occasion: Occasion) -> Difference:
        """Return a difference with who made it, and with the text that was remembered."""
        origin = self._origins.of_file(
            difference.path,
            difference.timestamp,
            is_recent=bool(occasion.hinted),
            is_content=difference.kind != "attributes",
            was_watched=occasion.was_watched,
        )
        return replaced(difference, old=self._with_text(difference), more=origin.as_data())

    def _with_text(self, difference: Difference) -> Fingerprint | None:
        """Return what was remembered with its text; with why there is none where that is gone, or another's."""
        old, new = difference.old, difference.new
        if old is None or not (mark := old.content.text):
            return old
        text = self._job.memory.text(file_key(difference.renamed_from or difference.path)) or b""
        if mark_of(text) == mark:
            return replaced(old, content=replaced(old.content, text=text))
        is_shown = difference.choice.diff != "never" and not (new and mark_of(new.content.text) == mark)
        left_out = _NOT_KEPT if is_shown else ""
        return replaced(old, content=replaced(old.content, text=b"", left_out=left_out))
