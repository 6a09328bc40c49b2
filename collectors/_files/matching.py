"""Which lines of two texts are the same, within a budget of work. Pure."""

import difflib
from collections.abc import Sequence

from collectors._files.budget import Budget

_PAIRS_A_STEP = 400_000
_FEWEST_PLACES = 4


class Matcher(difflib.SequenceMatcher[str]):
    """Looks at the budget before each step, which is some tens of milliseconds at most.

    A step compares each old line with every place it has in the new text. Lines with so many places that a step would
    take longer are anchors of no match, as very frequent ones are for difflib anyway; matches still grow over them.
    """

    def __init__(self, old: Sequence[str], new: Sequence[str], budget: Budget) -> None:
        super().__init__(None, old, new)
        self._budget = budget
        most = max(_FEWEST_PLACES, _PAIRS_A_STEP // max(1, len(old)))
        places: dict[str, list[int]] = self.b2j  # type: ignore[has-type]  # typeshed knows its name alone
        self.b2j = {line: found for line, found in places.items() if len(found) <= most}

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        self._budget.check()
        return super().find_longest_match(alo, ahi, blo, bhi)
