"""What a row takes of the disk, by its size. SQLite gives what is too long for a page pages of its own, and fills those less.

It is arithmetic on sizes alone, and about right: what an append needs is measured in pages (`spool.cap`), what is counted here only
says who may take how much.
"""

from collections.abc import Collection

from spool.schema import PAGE_BYTES

ROW_BYTES = 64
"""What a row of an index takes besides its key and its value, pages that are not full included."""
PLAIN_BYTES = 400
"""A row of an index of so many bytes is no long one."""
_FURTHER_COLUMNS_BYTES = 24
_IN_ITS_PAGE_BYTES = 489
_MORE_IN_ITS_PAGE_BYTES = 513
_OVERFLOW_BYTES = PAGE_BYTES - 4
IN_ONE_PAGE_BYTES = 4000
"""Up to so many a row of a table takes what it has."""


def long_bytes(sizes: Collection[int]) -> int:
    """Return what the long ones of some rows of an index take besides their bytes and `ROW_BYTES` each."""
    if max(sizes, default=0) <= PLAIN_BYTES:
        return 0
    return sum([_besides(size) for size in sizes if size > PLAIN_BYTES])


def _besides(size_bytes: int) -> int:
    # Up to a quarter of a page a row lies in it; of a longer one, the least that leaves whole pages beside it.
    # https://www.sqlite.org/fileformat2.html#cell_payload_overflow_pages
    stored_bytes = size_bytes + _FURTHER_COLUMNS_BYTES
    inside = min(stored_bytes, _IN_ITS_PAGE_BYTES)
    pages, rest = divmod(stored_bytes - inside, _OVERFLOW_BYTES)
    if rest > _MORE_IN_ITS_PAGE_BYTES:
        pages, rest = pages + 1, 0
    # Four fifths of the pages of an index are full.
    taken_bytes = pages * PAGE_BYTES + (inside + rest) * 5 // 4
    return max(0, taken_bytes - size_bytes - ROW_BYTES)


def table_row_bytes(size_bytes: int) -> int:
    """Return what a row of a table with a number takes that has so many bytes."""
    return size_bytes if size_bytes <= IN_ONE_PAGE_BYTES else -(-size_bytes // _OVERFLOW_BYTES) * PAGE_BYTES
