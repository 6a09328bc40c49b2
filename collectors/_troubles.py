"""Things of which one makes trouble that nobody foresaw: it is told once, shown by `status`, and holds no other up.

One for the items of each collector: a path, a unit, a package, a process. What is told stays remembered until the thing can
be followed again, so that it is not told at every start. A lack of the whole process is no item's trouble, and passes through.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

import msgspec

from collectors._portable import escaped
from collectors._redaction.passing import without_secrets
from collectors._regular import may_lack
from collectors._sha256 import sha256_of
from collectors.collector import CollectorError, Memory
from collectors.event import Category, Event, Value

PREFIX = "trouble/"
_MOST_TOLD = 100
"""So many are told one by one; whoever makes more of them is counted in `status`."""
_MOST_COUNTED = 1000
_LONGEST_NAME, _LONGEST_REASON = 300, 200


class Subject(msgspec.Struct, frozen=True):
    """What things of one kind are called where their trouble is told."""

    word: str
    """As `unit`: the key of the event's data."""
    title: str
    """With a place for the thing."""
    text: str
    """With places for the thing and the reason."""
    fails: str
    """What cannot be done with them, as `cannot read`."""
    called_by_hash: bool = False
    """A hash looks like a secret to the redactor and is none."""

    def shown(self, name: str) -> str:
        """Return the name of a thing as it may leave the host."""
        return name if self.called_by_hash else without_secrets(name)


class _Trouble(msgspec.Struct, frozen=True):
    reason: str
    facts: Mapping[str, Value]


class Troubles:
    """The things of one kind that could not be followed when they were looked at last.

    What is met waits until `kept`, or is forgotten by `forgo`; `news` and `to_remember` are what to emit in between.
    """

    def __init__(self, memory: Memory | None, subject: Subject, *, prefix: str = PREFIX) -> None:
        """Without a memory nothing is known of earlier runs."""
        self._subject = subject
        self._prefix = prefix
        remembered = memory.items(prefix) if memory is not None else ()
        self._told = {key.removeprefix(prefix): value.decode("utf-8", "replace") for key, value in remembered}
        self._pending: dict[str, _Trouble | None] = {}
        self._untold: set[str] = set()

    @property
    def are_any(self) -> bool:
        """Return whether anything makes trouble, or did until just now."""
        return bool(self._told or self._pending or self._untold)

    @contextmanager
    def guarded(self, thing: str, *, ends: bool = True) -> Iterator[None]:
        """Keep the trouble that one thing makes to that thing; without any, its trouble is over if that `ends` it."""
        try:
            yield
        except CollectorError:
            raise  # about the spool or the run, not about the thing
        except Exception as error:
            if may_lack(error):
                raise
            self.met(thing, error)
        else:
            if ends:
                self.over(thing)

    def met(self, thing: str, why: Exception | str, facts: Mapping[str, Value] | None = None) -> None:
        """Note why a thing cannot be followed, and what is known of it."""
        name = _name(thing)
        if self._pending.get(name, "") is None:
            del self._pending[name]  # it was over for a moment only
        if name in self:
            return
        if len(self._reasons()) >= _MOST_TOLD:
            if len(self._untold) < _MOST_COUNTED:
                self._untold.add(name)
            return
        reason = why if isinstance(why, str) else f"{type(why).__name__}: {why}"
        self._pending[name] = _Trouble(without_secrets(escaped(reason))[:_LONGEST_REASON], facts or {})

    def over(self, thing: str) -> None:
        """Note that a thing could be followed, or is gone."""
        if self.are_any:
            self._end(_name(thing))

    def are(self, odd: Mapping[str, Exception]) -> None:
        """Note that these are all that make trouble now."""
        names = set(map(_name, odd))
        for name in [name for name in (*self._reasons(), *self._untold) if name not in names]:
            self._end(name)
        for thing, error in odd.items():
            self.met(thing, error)

    def news(self, now: int) -> list[Event]:
        """Return what is to be told: things that are new among these."""
        return [
            self._event(name, trouble, now) for name, trouble in self._pending.items() if trouble is not None
        ]

    def to_remember(self) -> dict[str, bytes | None]:
        """Return what is to be kept with it."""
        return {
            self._prefix + name: None if trouble is None else trouble.reason.encode()
            for name, trouble in self._pending.items()
        }

    def kept(self) -> None:
        """Note that what was to be told was kept."""
        self._told = self._reasons()
        self._pending = {}

    def forgo(self) -> None:
        """Drop what was not kept; it will be met again."""
        self._pending = {}

    def in_words(self) -> str:
        """Return what `status` shows of them; empty when there is nothing."""
        reasons = self._reasons()
        if not reasons:
            return ""
        name, reason = next(iter(reasons.items()))
        count = len(reasons) + len(self._untold)
        return f"{self._subject.fails} {count}, as {self._subject.shown(name)}: {reason}"

    def __contains__(self, thing: str) -> bool:
        """Return whether a thing is one of these."""
        name = _name(thing)
        return name in self._untold or name in self._reasons()

    def _end(self, name: str) -> None:
        self._untold.discard(name)
        if self._pending.pop(name, None) is None and name in self._told:
            self._pending[name] = None

    def _reasons(self) -> dict[str, str]:
        reasons = {name: why for name, why in self._told.items() if name not in self._pending}
        return reasons | {name: why.reason for name, why in self._pending.items() if why is not None}

    def _event(self, name: str, trouble: _Trouble, now: int) -> Event:
        subject, name = self._subject, self._subject.shown(name)
        return Event(
            name="agent",
            event_type="WatchDegradedEvent",
            category=Category.ALERTS,
            title=subject.title.format(name),
            text=subject.text.format(name, trouble.reason),
            timestamp=now,
            data={subject.word: name, "reason": trouble.reason, **trouble.facts},
        )


@contextmanager
def apart(thing: str, odd: MutableMapping[str, Exception]) -> Iterator[None]:
    """Put what one thing raises into `odd`, which `Troubles.are` is told when all of them were looked at."""
    try:
        yield
    except CollectorError:
        raise  # about the spool or the run, not about the thing
    except Exception as error:
        if may_lack(error):
            raise
        odd[thing] = error


def _name(thing: str) -> str:
    """Return what a thing is called: as any text can hold it, and not longer than an event bears."""
    name = escaped(thing)
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}… ({sha256_of(name.encode()).hex()[:16]})"
