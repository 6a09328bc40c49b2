"""Read rows of a table in order and go on behind pages that SQLite cannot read.

For readers that cannot repair anything: what lies in a damaged page is passed by, and the rest is shown.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from spool.batch_reader import is_refusal

Row = Sequence[Any]
Fetch = Callable[[int, int, int], list[Row]]
"""Return at most so many rows (the last argument) with first <= number < before, `number` in front."""
_PAGE_ROWS = 64


class AroundDamage:
    """Reads one table; `passed_by` counts the places that could not be read."""

    def __init__(self, fetch: Fetch, *, newest_first: bool = False) -> None:
        self._fetch = fetch
        self._newest_first = newest_first
        self.passed_by = 0

    def rows(self, first: int, before: int) -> Iterator[Row]:
        """Yield the rows first <= number < before; raises what SQLite raises for any other reason."""
        limit = _PAGE_ROWS
        while first < before:
            rows = self._try(first, before, limit)
            if rows is None and limit > 1:
                limit = max(1, limit // 4)  # as near as possible
                continue
            if rows is None:
                self.passed_by += 1
                first, before = self._behind(first, before)
                continue
            yield from rows
            if len(rows) < limit:
                return
            first, before = (first, rows[-1][0]) if self._newest_first else (rows[-1][0] + 1, before)
            limit = min(_PAGE_ROWS, 2 * limit)

    def _try(self, first: int, before: int, limit: int) -> list[Row] | None:
        try:
            return self._fetch(first, before, limit)
        except sqlite3.Error as error:
            if not is_refusal(error):
                raise
            return None

    def _behind(self, first: int, before: int) -> tuple[int, int]:
        """Return what is left to be read behind the damage, by doubling steps and then by halves."""
        bad, step = 0, 1
        while step < before - first and self._try(*self._without(first, before, step), 1) is None:
            bad, step = step, 2 * step
        good = min(step, before - first)
        while good - bad > 1:
            middle = (bad + good) // 2
            if self._try(*self._without(first, before, middle), 1) is None:
                bad = middle
            else:
                good = middle
        return self._without(first, before, good)

    def _without(self, first: int, before: int, count: int) -> tuple[int, int]:
        """Return the range without so many numbers at the end that is read first."""
        return (first, before - count) if self._newest_first else (first + count, before)
