"""What readers need to know of the last commit, so that none asks the database whether something waits."""

from typing import NamedTuple

from spool.record import Position
from spool.state import State


class View(NamedTuple):
    """What readers need to know of the last commit."""

    last_number: int = 0
    positions: dict[str, Position] | None = None
    held_below: int = 0
    """Records below this number are being brought back: nobody reads them before all are there."""
    has_untold_drops: bool = False
    has_untold_damage: bool = False
    """Damage whose counts are final."""
    has_untold_texts: bool = False

    def grown_to(self, last_number: int) -> "View":
        """Return it after a commit that appended records up to this number, and changed nothing else."""
        return View(last_number, *self[1:])

    def has_news_since(self, earlier: "View") -> bool:
        """Return whether there is something to tell that there was not before, besides drops."""
        return (self.has_untold_damage and not earlier.has_untold_damage) or (
            self.has_untold_texts and not earlier.has_untold_texts
        )

    def limit(self, position: Position) -> int:
        """Return the number up to which, exclusive, may be read from `position` on."""
        return 0 if position.record < self.held_below else self.last_number + 1


def view_of(state: State) -> View:
    """Return it, of the state as it was committed."""
    salvage = state.salvage
    return View(
        state.last_number,
        {standing.name: standing.position for standing in state.attached()},
        salvage.bound if salvage is not None and salvage.frontier < salvage.bound else 0,
        bool(state.untold()),
        any(kept["finished"] and not kept["told"] for kept in state.recoveries),
        state.texts_given_up > 0 and not state.texts_told,
    )
