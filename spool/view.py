"""What readers need to know of the last commit, so that none asks the database whether something waits."""

from spool.record import Position
from spool.state import State


class View:
    """What readers need to know of the last commit.

    `last_number` grows in place as records are appended, anything else that changes makes a new view. So who holds
    one reads no record that the rest of it does not know of.
    """

    def __init__(
        self,
        last_number: int = 0,
        positions: dict[str, Position] | None = None,
        held_below: int = 0,
        *,
        has_untold_drops: bool = False,
        has_untold_damage: bool = False,
        has_untold_texts: bool = False,
    ) -> None:
        """Make one; records below `held_below` are being brought back: nobody reads them before all are there.

        Damage is untold once its counts are final.
        """
        self.last_number = last_number
        self.positions = positions
        self.held_below = held_below
        self.has_untold_drops = has_untold_drops
        self.has_untold_damage = has_untold_damage
        self.has_untold_texts = has_untold_texts

    def ends(self) -> tuple[int, dict[str, Position] | None]:
        """Return how far records go, and how far each destination has got."""
        return self.last_number, self.positions

    def is_like(self, other: "View") -> bool:
        """Return whether both say the same."""
        return vars(self) == vars(other)

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
        has_untold_drops=bool(state.untold()),
        has_untold_damage=any(kept["finished"] and not kept["told"] for kept in state.recoveries),
        has_untold_texts=state.texts_given_up > 0 and not state.texts_told,
    )
