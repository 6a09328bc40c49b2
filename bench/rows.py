"""One line of the table of `make bench`: a figure of this agent beside that of another program, taken in one run.

A part of the bench yields such rows; what prints them and writes them into the document knows nothing else of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

HEAD = "| What | unit | sts-agent | goal | floor | beside it | its figure | ratio | load |"
RULE = "|---|---|---:|---|---:|---|---:|---:|---:|"


def load() -> float:
    """Return how many processes wanted to run in the last minute."""
    return float(Path("/proc/loadavg").read_text().split()[0])


@dataclass(frozen=True, slots=True)
class Row:
    """Two figures of one unit; `peer` is empty where nothing compares. Take it when the figures were taken: it notes the load."""

    what: str
    unit: str
    ours: float
    peer: str = ""
    theirs: float = 0.0
    more_is_better: bool = False
    load: float = 0.0
    goal: str = ""
    """What was wanted, and whether it is so."""
    floor: float | None = None
    """What cannot be done better here, as it was measured in the same run."""

    @property
    def ratio(self) -> float | None:
        """How much better this agent does, 1 for the same, or None where there is nothing to compare."""
        if not self.peer or not self.ours or not self.theirs:
            return None
        return self.ours / self.theirs if self.more_is_better else self.theirs / self.ours

    def within(self, limit: float, floor: float | None = None) -> "Row":
        """Return it with a goal for its figure, and the floor."""
        is_met = self.ours >= limit if self.more_is_better else self.ours <= limit
        return replace(self, goal=_goal(figure(limit), is_met, more=self.more_is_better), floor=floor)

    def within_times(self, limit: float, floor: float | None = None) -> "Row":
        """Return it with a goal that is so many times the peer's figure, and the floor."""
        is_met = self.ours >= limit * self.theirs if self.more_is_better else self.ours <= limit * self.theirs
        return replace(self, goal=_goal(f"{limit:g}x", is_met, more=self.more_is_better), floor=floor)

    def line(self) -> str:
        """Return it as a line of Markdown."""
        theirs = figure(self.theirs) if self.peer else ""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        floor = "" if self.floor is None else figure(self.floor)
        cells = [self.what, self.unit, figure(self.ours), self.goal, floor]
        cells += [self.peer, theirs, ratio, f"{self.load:.1f}"]
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _goal(limit: str, is_met: bool, *, more: bool) -> str:
    return f"at {'least' if more else 'most'} {limit}: {'met' if is_met else '**missed**'}"


def figure(value: float) -> str:
    """Return a number with three digits that count, and thousands apart."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def between(text: str, begin: str, end: str, lines: Sequence[str]) -> str:
    """Return a document with these lines between its two marks; `ValueError` where a mark is missing."""
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the document has no {begin} with {end} after it")
    return f"{before}{begin}\n\n" + "\n".join(lines) + f"\n\n{end}{after}"
