"""A compare of one directory's files with what is remembered of them, by stat alone.

A directory whose digest is the one remembered is done with: nothing of its files is read back. What the
configuration means for the first time is looked at there and then, to be remembered silently.
"""

import stat
from collections.abc import Iterator, Sequence

from collectors._files.books import Books
from collectors._files.default_excludes import are_ordinary
from collectors._files.fingerprint import (
    STAT_SIZE,
    decode,
    directory_key,
    file_keys,
    files_prefix,
    unescape,
)
from collectors._files.job import Job
from collectors._files.looked import Learnt, Looked, Scan
from collectors._files.mount_thread import beat
from collectors._files.opening import Directory
from collectors._files.out_of_reach import OutOfReach
from collectors._files.path_look import PathLook
from collectors._files.plain_look import AT_ONCE, PlainLook
from collectors._files.reader import Seen
from collectors._files.selection import Choice
from collectors._files.stats import Stats, may_be_of
from collectors._files.tree_walk import Entries, Listing
from collectors._files.watch_set import WatchSet

_BEAT_FILES = 64


class DirectoryDiff:
    """Compares directories, one at a time."""

    def __init__(
        self, job: Job, path_look: PathLook, plain_look: PlainLook, watch_set: WatchSet, books: Books
    ) -> None:
        self._job = job
        self._selection = job.selection
        self._memory = job.memory
        self._path_look = path_look
        self._plain_look = plain_look
        self._watch_set = watch_set
        self._books = books

    def compare(self, listing: Listing, scan: Scan, *, is_first_sight: bool) -> Iterator[Looked | Learnt]:
        """Add to `scan` what differs in one directory; yield the files that are met for the first time."""
        directory = listing.directory
        key = directory_key(directory.path)
        known = self._memory.get(key)
        stats = self._stats_of_all(listing, known)
        scan.files += len(listing.files)
        if known is None and not listing.files:
            return
        if known is None and (is_first_sight or not self._books.learnt):
            yield from self._learn_all(listing, scan)
            return
        if stats is None or len(listing.files) != len(listing.candidates):
            stats = self._stats(listing.files)
        self._note_ties(directory, stats)
        digest = stats.digest()
        if known and known == digest:
            return
        differing = len(scan.changed) + len(scan.vanished)
        unknown = self._differ(directory, stats.by_name(), scan)
        yield from self._learn(directory, unknown, scan)
        if not unknown and len(scan.changed) + len(scan.vanished) == differing:
            scan.digests[key] = digest

    def _stats_of_all(self, listing: Listing, known: bytes | None) -> Stats | None:
        """Return the stats of all that may be meant, where as many were remembered.

        A digest of these very files was made when each of them was meant, and by the same rules: then no name is matched.
        """
        if known is None or not may_be_of(known, len(listing.candidates)):
            return None
        stats = self._stats(listing.candidates)
        if stats.proves(known):
            listing.take_all()
        return stats

    def _stats(self, entries: Entries) -> Stats:
        stats = Stats(self._job.now_nanoseconds(), self._selection.rules)
        for start in range(0, len(entries), _BEAT_FILES):
            beat()
            stats.add_all(entries[start : start + _BEAT_FILES])
        return stats

    def _note_ties(self, directory: Directory, stats: Stats) -> None:
        """Take into account what else links, and files with several names, hang together with."""
        for entry in stats.ties:
            path = f"{directory.path}/{entry.name}"
            status = entry.stat(follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                self._watch_set.tie_name(path, status)
                continue
            beat()
            try:
                stats.add_target(entry.name, self._path_look.follow(directory, entry.name, path))
            except OutOfReach:
                stats.is_sure = False

    def _differ(self, directory: Directory, present: dict[str, bytes], scan: Scan) -> list[str]:
        """Compare file by file; return the names of which nothing is remembered."""
        skip = len(files_prefix(directory.path))
        for key, value in self._memory.items(files_prefix(directory.path)):
            name = unescape(key[skip:])
            packed = present.pop(name, None)
            path = f"{directory.path}/{name}"
            if packed is None:
                scan.vanished.append(path)
            elif value[:STAT_SIZE] != packed or _is_link_to_check(value) or self._is_new_to_an_entry(path):
                scan.changed.append(path)
        return list(present)

    def _is_new_to_an_entry(self, path: str) -> bool:
        if self._books.has_learnt_all:
            return False
        choice = self._selection.choose(path)
        return choice is not None and not self._books.learnt.issuperset(choice.scopes)

    def _learn(self, directory: Directory, names: list[str], scan: Scan) -> Iterator[Looked]:
        """Look at the files that were there before the configuration meant them; the others are new."""
        for name in names:
            path = f"{directory.path}/{name}"
            choice = self._selection.choose(path)
            if choice is not None and not self._books.has_learnt(choice):
                yield self._path_look.first(directory, name, path, choice)
            else:
                scan.changed.append(path)

    def _learn_all(self, listing: Listing, scan: Scan) -> Iterator[Looked | Learnt]:
        """Look at all files of a directory for the first time, in the order in which the spool keeps them: it then need not part its pages."""
        directory = listing.directory
        stats = Stats(self._job.now_nanoseconds(), self._selection.rules)
        of_all = self._selection.choose_all_in(directory.path)
        listed = [entry.name for entry in listing.files]
        names = sorted(listed)
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            has_plain_names = listing.has_plain_names or are_ordinary(some)
            if of_all is not None and has_plain_names and self._books.room.has_for_all(len(some)):
                yield from self._learn_plain(listing, some, of_all, stats)
            else:
                yield from self._learn_each(listing, some, stats)
        stats.put_in_order(listed)
        scan.digests[directory_key(directory.path)] = stats.digest()

    def _learn_plain(
        self, listing: Listing, names: Sequence[str], choice: Choice, stats: Stats
    ) -> Iterator[Looked | Learnt]:
        """Look at files of ordinary names: those that are plain together, the others each by itself."""
        directory = listing.directory
        plain = self._plain_look.look(directory, names, choice)
        if len(plain.names) < len(names):
            known = {*plain.names}
            yield from self._learn_each(listing, [name for name in names if name not in known], stats)
        if plain.names:
            stats.add_packed(plain.names, plain.stats, plain.ctimes_ns)
            keys = file_keys(directory.path, plain.names)
            texts = {key: text for key, text in zip(keys, plain.texts, strict=True) if text}
            yield Learnt(directory.path, plain.names, dict(zip(keys, plain.values, strict=True)), texts)

    def _learn_each(self, listing: Listing, names: Sequence[str], stats: Stats) -> Iterator[Looked]:
        directory = listing.directory
        for name in names:
            path = f"{directory.path}/{name}"
            choice = self._selection.choose(path)
            if choice is None:
                stats.is_sure = False
                continue
            looked = self._path_look.first(directory, name, path, choice)
            self._add(looked, listing, stats, name)
            yield looked

    def _add(self, looked: Looked, listing: Listing, stats: Stats, name: str) -> None:
        """Add a file that was looked at to the stats of its directory."""
        seen = looked.found
        if not isinstance(seen, Seen):
            stats.is_sure = False
            return
        stats.add(name, seen.stat, seen.status.st_ctime_ns)
        if seen.content.link is not None:
            try:
                stats.add_target(name, self._path_look.follow(listing.directory, name, looked.path))
            except OutOfReach:
                stats.is_sure = False


def _is_link_to_check(value: bytes) -> bool:
    fingerprint = decode(value)
    return fingerprint is None or fingerprint.stat.is_link
