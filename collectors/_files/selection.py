"""Which paths the configuration means, and what it says about each of them. Pure.

All entries together decide where to look; one path may match several entries, and then their tags and
identifiers are united, the shortest settle counts, and the most careful word about diffs.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from collectors._files.default_excludes import are_ordinary, default_excludes_beside, is_ordinary, keeps_files
from collectors._files.entry import Diff
from collectors._files.patterns import Pattern, parse_exclude, parse_path
from collectors._sha256 import sha256_of


@dataclass(frozen=True, slots=True)
class Scope:
    """One entry of the configuration as given."""

    paths: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    default_excludes: bool = True
    diff: Diff = "auto"
    settle_seconds: float = 0.1
    tags: tuple[str, ...] = ()
    element_identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What the configuration says about one path."""

    diff: Diff
    is_literal: bool
    """An entry that wants diffs `always` names this very path."""
    settle_seconds: float
    tags: tuple[str, ...]
    element_identifiers: tuple[str, ...]
    scopes: tuple[str, ...]
    """The identities of the entries that mean it."""


class _Compiled:
    """One scope, ready to match."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.patterns: tuple[Pattern, ...] = tuple(parse_path(text) for text in scope.paths)
        means = self._any_of((pattern, pattern.match) for pattern in self.patterns)
        self.match = means.fullmatch
        self.within = self._any_of((pattern, pattern.within) for pattern in self.patterns).fullmatch
        self.matches_all_in = self._any_of(
            (pattern, pattern.match) for pattern in self.patterns if pattern.text.endswith("/**")
        ).fullmatch
        excludes = [parse_exclude(text) for text in scope.exclude]
        below = r"(?:/[^/]+)*"
        excluded = re.compile("|".join(f"(?:{text}{below})" for text in excludes))
        self.excluded = excluded.fullmatch
        self.has_excludes = bool(excludes)
        self.literals = {pattern.text.rstrip("/") for pattern in self.patterns if pattern.is_literal}
        self.always_literals = self.literals if scope.diff == "always" else set()
        all_said = () if scope.default_excludes else ("", "no default excludes")
        said = "\0".join((*sorted(scope.paths), "", *sorted(scope.exclude), "", scope.diff, *all_said))
        self.identity = sha256_of(said.encode("utf-8", "surrogatepass")).hex()[:16]
        self.rules = f"{self.identity}\0{means.pattern}\0{excluded.pattern}"
        """Changes with whatever decides which paths are meant."""

    def _any_of(self, expressions: Iterable[tuple[Pattern, str]]) -> re.Pattern[str]:
        """Compile expressions for paths of some patterns to one, without what is excluded from each by default.

        That is nearly always the same for all of them, and 10 KB when it is compiled: it stands in it once, and is asked last.
        """
        alike: dict[str, list[str]] = {}
        for pattern, text in expressions:
            alike.setdefault(self._unless_excluded(pattern), []).append(f"(?:{text})")
        parts = [rf"(?=(?:{'|'.join(texts)})\Z){excluded}(?s:.*)" for excluded, texts in alike.items()]
        return re.compile("|".join(parts) or r"(?!)")

    def _unless_excluded(self, pattern: Pattern) -> str:
        return rf"(?!{default_excludes_beside(pattern.text)}\Z)" if self.scope.default_excludes else ""

    def means(self, path: str) -> bool:
        return bool(self.match(path)) and not (self.has_excludes and self.excluded(path))

    def takes_all_in(self, directory: str) -> bool:
        """Return whether it surely means every file right in `directory` that has an ordinary name."""
        return not self.has_excludes and bool(self.matches_all_in(directory)) and keeps_files(directory)


class Selection:
    """All entries together."""

    def __init__(self, scopes: Sequence[Scope]) -> None:
        self._scopes = tuple(_Compiled(scope) for scope in scopes)
        bases = {pattern.base.rstrip("/") for scope in self._scopes for pattern in scope.patterns}
        self.roots: tuple[str, ...] = _topmost(bases)
        """The fewest directories below which everything meant lies; `` is the root of the file system."""
        self.named: frozenset[str] = frozenset(parent for base in bases for parent in _with_parents(base))
        """Directories that the configuration names on the way to its files: links there are followed."""
        self.literals: frozenset[str] = frozenset(path for scope in self._scopes for path in scope.literals)
        """Paths without wildcards: a link there is meant itself."""
        self.settle_seconds = min((scope.scope.settle_seconds for scope in self._scopes), default=0.1)
        self.identities: frozenset[str] = frozenset(scope.identity for scope in self._scopes)
        self.rules = sha256_of(
            "\0".join(sorted(scope.rules for scope in self._scopes)).encode("utf-8", "surrogatepass")
        )
        """Stands for all entries together, and for how this program understands them: with the same, the same paths are meant."""
        self._choices: dict[tuple[tuple[int, ...], bool], Choice] = {}

    def means(self, path: str) -> bool:
        """Return whether some entry means the file at `path`."""
        return any(scope.means(path) for scope in self._scopes)

    def may_hold(self, directory: str) -> bool:
        """Return whether something meant may lie below `directory`."""
        return any(
            scope.within(directory) and not (scope.has_excludes and scope.excluded(directory))
            for scope in self._scopes
        )

    def plainly_means(self, directory: str) -> Callable[[str], bool]:
        """Return a quick test of names right in `directory`: those it takes are meant, of others it does not know."""
        if any(scope.takes_all_in(directory) for scope in self._scopes):
            return lambda name: name[0] != "." and is_ordinary(name)
        return lambda _: False

    def plainly_means_all(self, directory: str, names: Sequence[str]) -> bool:
        """Return whether `plainly_means` takes each of some names right in `directory`."""
        is_one_hidden = "\n." in "\n".join(("", *names))
        return (
            not is_one_hidden
            and any(scope.takes_all_in(directory) for scope in self._scopes)
            and are_ordinary(names)
        )

    def choose_all_in(self, directory: str) -> Choice | None:
        """Return the one choice for every file of an ordinary name in `directory`, or None where it depends on that."""
        taking = [scope.takes_all_in(directory) for scope in self._scopes]
        if any(
            not takes and scope.within(directory) for takes, scope in zip(taking, self._scopes, strict=True)
        ):
            return None
        if any(scope.always_literals for scope in self._scopes):
            return None
        return self.choose(directory + "/x") if any(taking) else None

    def labels_below(self, directory: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the tags and identifiers of the entries that mean something at or below `directory`."""
        scopes = [scope.scope for scope in self._scopes if scope.within(directory)]
        return _united(s.tags for s in scopes), _united(s.element_identifiers for s in scopes)

    def root_of(self, path: str) -> str:
        """Return the root that `path` lies below."""
        for root in self.roots:
            if path.startswith(root + "/"):
                return root
        return ""

    def choose(self, path: str) -> Choice | None:
        """Return what the configuration says about `path`, or None when it does not mean it."""
        matching = tuple(index for index, scope in enumerate(self._scopes) if scope.means(path))
        if not matching:
            return None
        is_literal = any(path in self._scopes[index].always_literals for index in matching)
        choice = self._choices.get((matching, is_literal))
        if choice is None:
            choice = _unite([self._scopes[index] for index in matching], is_literal=is_literal)
            self._choices[matching, is_literal] = choice
        return choice


_MOST_CAREFUL_FIRST: tuple[Diff, ...] = ("never", "strict", "always", "auto")
"""An entry that wants `always` was written for the path, where `auto` is what nobody said anything about."""


def _unite(scopes: Sequence[_Compiled], *, is_literal: bool) -> Choice:
    diffs = {scope.scope.diff for scope in scopes}
    diff = next(word for word in _MOST_CAREFUL_FIRST if word in diffs)
    return Choice(
        diff=diff,
        is_literal=is_literal,
        settle_seconds=min(scope.scope.settle_seconds for scope in scopes),
        tags=_united(scope.scope.tags for scope in scopes),
        element_identifiers=_united(scope.scope.element_identifiers for scope in scopes),
        scopes=tuple(scope.identity for scope in scopes),
    )


def _topmost(directories: set[str]) -> tuple[str, ...]:
    roots: list[str] = []
    for directory in sorted(directories, key=lambda path: path + "/"):
        if not any(directory == root or directory.startswith(root + "/") for root in roots):
            roots.append(directory)
    return tuple(roots)


def _with_parents(directory: str) -> list[str]:
    parts = directory.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _united(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for items in lists for item in items))
