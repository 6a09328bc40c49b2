"""How much `make bench` does: `full` ends within about twenty-five minutes on two quiet processors, `small` within three."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts of what is posted, changed and made."""

    name: str
    events: int
    """In requests of 200, to be delivered."""
    turns: int
    """So often that is done by each of those that are compared."""
    singles: int
    """In requests of one, to be delivered."""
    posts: int
    """Requests of one event that are only taken in."""
    batches: int
    """Requests of 200 likewise."""
    changes: int
    """Files changed one after the other, for each contender."""
    files: int
    """Of the large tree."""
    slow: int
    """Single posts, and as many changes, on the slow host; as many again of its floor. Of 250 the p99 is the third worst, of 150 the second."""
    rounds: int
    """Of single posts and of bursts, in turn with a floor."""
    rest_seconds: float
    """How long a host rests at least."""

    @property
    def small(self) -> bool:
        """Whether it is the quick one."""
        return self.name == "small"


SIZES = {
    one.name: one
    for one in (
        Sizes(
            "small",
            events=10_000,
            turns=1,
            singles=500,
            posts=200,
            batches=20,
            changes=10,
            files=3_000,
            slow=20,
            rounds=4,
            rest_seconds=60,
        ),
        Sizes(
            "full",
            events=200_000,
            turns=3,
            singles=5_000,
            posts=2_000,
            batches=40,
            changes=80,
            files=100_000,
            slow=250,
            rounds=30,
            rest_seconds=900,
        ),
    )
}
