"""Named points at which a test may end the process, to prove what survives.

In production `reached` does nothing. A test replaces the action with `arm` in a child that it is
going to lose. It must never change what the spool does.
"""

from collections.abc import Callable

POINTS = (
    "append.before",
    "append.rows",
    "commit.before",
    "commit.after",
    "acknowledge.before",
    "acknowledge.after",
    "prune.before",
    "prune.after",
    "vacuum.before",
    "vacuum.after",
    "checkpoint.before",
    "checkpoint.after",
    "schema.before",
    "schema.after",
    "recovery.before",
    "recovery.moved",
    "recovery.copied",
    "recovery.after",
    "salvage.before",
    "salvage.slice",
    "salvage.after",
    "reserve.removed",
    "reserve.made",
    "incoming.written",
    "incoming.renamed",
    "incoming.unlinked",
)


_action: Callable[[str], None] | None = None


def reached(point: str) -> None:
    """Say that the work has come to `point`."""
    if _action is not None:
        _action(point)


def arm(action: Callable[[str], None] | None) -> None:
    """Call `action` with the name of every point reached from now on."""
    global _action  # noqa: PLW0603 - one seam for the whole process, used by tests alone
    _action = action


def disarm() -> None:
    """Do nothing at the points again."""
    arm(None)
