"""From what was seen of a path to what can be said of it: who did it, and whether anybody else may have. Pure but for one stat.

A wrong name is worse than none. So whatever was not seen, not known, or seen of two, is in the answer.
"""

import math
import os
from collections.abc import Iterator, Sequence
from copy import copy

from collectors._origin import fanotify
from collectors._origin.actor import Actor, Seen, Testimony
from collectors._origin.looks import Look
from collectors._origin.sightings import KEEP_SECONDS, Deed, Sightings, changed_content, changed_names
from collectors._origin.watched import Directory, Watched

_BORN = fanotify.CREATE | fanotify.MOVED_TO
_MOVED = fanotify.MOVED_FROM | fanotify.MOVED_TO


def account_of(path: str, last: Look, until: float, sightings: Sightings, watched: Watched) -> Testimony:
    """Return who changed a path since the last look at it and up to a time."""
    since = max(last.began, until - KEEP_SECONDS)
    parent, _, name = path.rpartition("/")
    places = watched.at(parent or "/")
    own = [deed for place in places for deed in sightings.of(place.handle, name, since, until)]
    above = [*_moves_above(parent, since, until, sightings, watched)]
    deeds = [*_without_closers(own), *above]
    why = sightings.missed(since, until) or _why_not_known(deeds, places)
    if (
        not why
        and places[-1].marked_at > max(since, last.ended)
        and not _is_from_the_beginning(path, own, above)
    ):
        why = "its directory was not watched all the time"
    return Testimony(tuple(_seen(deeds)), is_complete=not why, missed=why)


def _moves_above(
    directory: str, since: float, until: float, sightings: Sightings, watched: Watched
) -> Iterator[Deed]:
    """Yield what moved a directory above a path, and the path with it."""
    while directory:
        parent, _, name = directory.rpartition("/")
        for place in watched.at(parent or "/"):
            for deed in sightings.of(place.handle, name, since, until):
                if deed.mask & _MOVED:
                    yield deed
        directory = parent


def _without_closers(deeds: Sequence[Deed]) -> list[Deed]:
    """Leave out who only closed what one of the same people wrote: a shell that handed its descriptor on.

    Whoever writes by a map of the file is heard of by its close alone: so another's close counts.
    """
    writers = {_people(deed.actor) for deed in deeds if deed.mask & ~fanotify.CLOSE_WRITE and deed.actor}
    return [
        deed
        for deed in deeds
        if deed.mask != fanotify.CLOSE_WRITE or deed.actor is None or _people(deed.actor) not in writers
    ]


def _people(actor: Actor | None) -> tuple[object, ...]:
    return () if actor is None else (actor.login_uid, actor.uid, actor.real_uid, actor.cgroup)


def _why_not_known(deeds: Sequence[Deed], places: Sequence[Directory]) -> str:
    if any(deed.actor is None for deed in deeds):
        return "a process was over before it could be read"
    return "" if places else "its directory is not watched"


def _is_from_the_beginning(path: str, own: Sequence[Deed], above: Sequence[Deed]) -> bool:
    """Return whether all that was done to a path was seen though its directory is watched only since then.

    It was when the name was made after that; or when the file came with the directory, and nobody touched it since.
    """
    if any(deed.mask & _BORN for deed in own):
        return True
    came_at = min((deed.came_at for deed in above), default=math.inf)
    if own or came_at == math.inf:
        return False
    try:
        return os.lstat(path).st_ctime < came_at
    except OSError:
        return False


def _seen(deeds: Sequence[Deed]) -> Iterator[Seen]:
    """Yield what each process did, the first to act first."""
    joined: dict[tuple[int, int] | None, Deed] = {}
    for deed in sorted(deeds, key=lambda deed: deed.first):
        known = joined.setdefault(deed.process, copy(deed))
        known.join(deed)
    for deed in joined.values():
        if deed.actor is not None:
            yield Seen(
                deed.actor,
                deed.first,
                deed.last,
                changed_content=changed_content(deed.mask),
                changed_attributes=bool(deed.mask & fanotify.ATTRIB),
                changed_names=changed_names(deed.mask),
            )
