"""One item of a host that makes the code raise, wherever that is about this item and no other.

A function of `collectors` is about an item when its arguments name it and name no neighbour; what comes together in a batch says
nothing of that, as it may be one item or all. `Fault` counts the calls of such
functions, in every thread that begins meanwhile, and has one of them raise: the test asks for each in turn.
"""

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from collectors._files.hints import Hints
from collectors._files.looked import Learnt, Scan
from collectors._files.occasion import Occasion
from collectors._files.pending import Due

BATCHES = (Due, Hints, Learnt, Occasion, Scan)
COLLECTORS = str(Path(__file__).resolve().parents[2] / "collectors") + "/"
TESTS = "/tests/collectors/"
GUARDS = {"_troubles.py", "troubles.py"}
"""What keeps the trouble apart is not what makes it."""
GUARDED_WITHIN = {
    "Emitter.emit",
    "Line.compare",
    "Line.emit",
    "Watch._guarded",
    "Watch._take",
    "Watch.handle_event",
    "PathLook._look",
    "ProcessScanner._read",
    "UnitMemory.matches",
}
"""What does nothing outside its own guard."""

TAKES_A_BATCH = {
    "Agenda._due_by_hint",
    "Look._look_at",
    "NoWitnesses.looking",
    "PathLook._part",
    "PathLook.look",
    "Pending.hinted",
    "Pending.looked_at",
}
"""What takes all that is due together, which may be one path, and goes through it with a guard around each, or only looks it up."""


class MadeUpError(Exception):
    """What nobody foresaw."""


class Fault:
    """The `at`-th call about `item` raises (0: none does); `calls` were met, `raised` says where, `met` of which functions."""

    def __init__(self, item: str, neighbours: str, at: int) -> None:
        self._item = re.compile(item)
        self._neighbours = re.compile(neighbours)
        self._at = at
        self.calls = 0
        self.raised = ""
        self.met: set[str] = set()

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Have it happen in the threads that begin until the end of this."""
        threading.settrace(self._trace)
        try:
            yield
        finally:
            threading.settrace(None)  # type: ignore[arg-type]  # as sys.settrace takes it

    @contextmanager
    def here(self) -> Iterator[None]:
        """Have it happen in this thread until the end of this."""
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(before)

    def _trace(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if self.raised or event != "call" or not _is_ours(code) or _is_called_by_others(frame.f_back):
            return
        said = " ".join(_said(one) for one in _arguments(frame) if not isinstance(one, BATCHES))
        if self._item.search(said) and not self._neighbours.search(said):
            self.calls += 1
            self.met.add(code.co_qualname)
            if self.calls == self._at:
                self.raised = f"{code.co_filename.removeprefix(COLLECTORS)}: {code.co_qualname}"
                raise MadeUpError(self.raised)


def places(calls: int) -> list[int]:
    """Return which calls to have raise, of so many: all in `make torture`, else some that are spread over them."""
    most = calls if os.environ.get("STS_AGENT_TORTURE_EXAMPLES") else 6
    return sorted({1 + at * calls // most for at in range(most)}) if calls else []


def _is_ours(code: CodeType) -> bool:
    path = code.co_filename
    if not path.startswith(COLLECTORS) or path.rpartition("/")[2] in GUARDS or code.co_name[0] == "<":
        return False
    return code.co_qualname not in GUARDED_WITHIN and code.co_qualname not in TAKES_A_BATCH


def _is_called_by_others(caller: FrameType | None) -> bool:
    """Return whether it is a guard that calls, or a fake of a test."""
    path = caller.f_code.co_filename if caller else ""
    return path.rpartition("/")[2] in GUARDS or TESTS in path


def _arguments(frame: FrameType) -> Iterator[Any]:
    code = frame.f_code
    for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        if name not in {"self", "cls"}:
            yield frame.f_locals.get(name)


def _said(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a value that is being made has no words yet
        return ""
