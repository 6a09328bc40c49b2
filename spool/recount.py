"""Count anew what rows take of the disk, where nobody has counted it so: what an earlier version wrote, or a state that is lost.

It reads how long every row is, and no row; so it is done once, when nobody waits for the start any more.
"""

from spool import rejected, texts
from spool.row_bytes import PLAIN_BYTES, long_bytes
from spool.store import Store


def is_wanted(store: Store) -> bool:
    """Return whether nobody has counted what the long rows take."""
    return store.state.long_bytes is None


def recount(store: Store) -> None:
    """Count what all rows take that are bounded by bytes, inside the open transaction."""
    for mine in store.totals.values():
        mine.long_bytes = 0
    for owner, size_bytes in store.connection.execute(
        "SELECT owner, length(key) + length(value) FROM memory WHERE length(key) + length(value) > ?",
        (PLAIN_BYTES,),
    ):
        if owner in store.totals:
            store.totals[owner].long_bytes += long_bytes((size_bytes,))
    store.state.long_bytes = {}
    store.keep_long_bytes()
    texts.recount(store)
    rejected.recount(store)
    store.touch()
