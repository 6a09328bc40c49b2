"""Whether the files that the configuration names can be read, and how many directories that is."""

import os
import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from agent.systems.finding import Finding
from collectors._portable import counted

MOST_DIRECTORIES = 50_000
"""Where counting ends: a host that watches more is told so by the limit of inotify anyway."""

LeadsTo = Callable[[str], bool]
"""Whether something that a pattern means may lie in a directory or below it."""

_PATIENCE_SECONDS = 3.0

_WILDCARD = re.compile(r"[*?\[]")


def look_at_paths(
    patterns: Iterable[tuple[str, LeadsTo]],
    ask: Callable[[Path], object] = os.stat,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> tuple[list[Finding], int]:
    """Return a finding for each pattern, and how many directories all of them need watched.

    Those of which nothing is there share one finding. `ask` blocks for as long as a file system does not answer.
    """
    directories: set[str] = set()
    findings, absent = [], []
    for pattern, leads_to in dict(patterns).items():
        if _answer_of(root_of(pattern), ask, patience_seconds) is None:
            findings.append(_silent(pattern))
        elif (finding := _look_at_path(pattern, leads_to, directories)) is not None:
            findings.append(finding)
        else:
            absent.append(pattern)
    return [*findings, *_missing(absent)], len(directories)


def missing(
    patterns: Iterable[str], ask: Callable[[Path], object] = os.lstat, patience_seconds: float = 1.0
) -> Iterator[str]:
    """Yield, in one sentence, the patterns of which not even the part before a wildcard is there; most likely one is misspelt.

    Those after one whose file system does not answer go unasked.
    """
    found = []
    for pattern in dict.fromkeys(patterns):
        answer = _answer_of(root_of(pattern), ask, patience_seconds)
        if answer is None:
            break
        if isinstance(answer, FileNotFoundError | NotADirectoryError):
            found.append(pattern)
    if len(found) == 1:
        yield f"{found[0]} does not exist (yet)"
    elif found:
        yield _several_missing(found)


def root_of(pattern: str) -> Path:
    """Return the deepest path without a wildcard that `pattern` begins with."""
    parts = Path(pattern).parts
    fixed = next((i for i, part in enumerate(parts) if _WILDCARD.search(part)), len(parts))
    return Path(*parts[:fixed])


def _answer_of(root: Path, ask: Callable[[Path], object], patience_seconds: float) -> object | None:
    """Return what was answered, which may be an error; None where nothing was. A thread of its own asks: a dead server blocks whoever asks it."""
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()

    def wait_for_answer() -> None:
        try:
            answers.put(ask(root) or True)
        except OSError as error:
            answers.put(error)

    threading.Thread(target=wait_for_answer, name="doctor-ask", daemon=True).start()
    with suppress(queue.Empty):
        return answers.get(timeout=patience_seconds)
    return None


def _silent(pattern: str) -> Finding:
    root = root_of(pattern)
    return Finding(
        f"watch {pattern}",
        "fail",
        f"the file system of {root} does not answer",
        "look after its server; what is told of it waits until then, everything else does not",
    )


def _missing(patterns: list[str]) -> Iterator[Finding]:
    if len(patterns) == 1:
        text, advice = (
            f"{root_of(patterns[0])} does not exist (yet)",
            "fix the path, unless something will make it",
        )
        yield Finding(f"watch {patterns[0]}", "warn", text, advice)
    elif patterns:
        advice = "fix those that should be there; the others are watched as soon as something makes them"
        yield Finding("watch", "warn", _several_missing(patterns), advice)


def _several_missing(patterns: list[str]) -> str:
    return f"{len(patterns)} paths do not exist (yet): {', '.join(patterns)}"


def _look_at_path(pattern: str, leads_to: LeadsTo, directories: set[str]) -> Finding | None:
    """Return what was found of a pattern, None where nothing is there."""
    root, check = root_of(pattern), f"watch {pattern}"
    try:
        is_directory = root.is_dir()
        root.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return Finding(check, "fail", f"{root} may not be looked at: {error.strerror}", _advice(root))
    if not is_directory:
        directories.add(str(root.parent))
        return _told(check, [] if _may_read(root) else [str(root)], 1)
    unreadable, count = [], 0
    for directory, is_readable in _directories(str(root), leads_to):
        directories.add(directory)
        count += 1
        if not is_readable:
            unreadable.append(directory)
        if count >= MOST_DIRECTORIES:
            break
    return _told(check, unreadable, count)


def _told(check: str, unreadable: list[str], count: int) -> Finding:
    if not unreadable:
        return Finding(check, "ok", f"readable, {counted(count, 'directory', 'directories')}")
    some = ", ".join(unreadable[:3]) + (", …" if len(unreadable) > 3 else "")  # noqa: PLR2004 - enough to see which
    return Finding(check, "fail", f"{len(unreadable)} may not be read: {some}", _advice(Path(unreadable[0])))


def _advice(path: Path) -> str:
    return f"let the service's user read {path}, or give the unit AmbientCapabilities=CAP_DAC_READ_SEARCH"


def _directories(top: str, leads_to: LeadsTo) -> Iterator[tuple[str, bool]]:
    """Yield directories from `top` down and whether each may be read; links are not followed."""
    waiting = [top]
    while waiting:
        directory = waiting.pop()
        try:
            with os.scandir(directory) as entries:
                below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            yield directory, False
        else:
            waiting += filter(leads_to, below)
            yield directory, True


def _may_read(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY))
    except OSError:
        return False
    return True
