"""What became of one request, as a value: the vocabulary between a destination and the delivery.

    Delivered    the destination has the events: all, or those up to an index
    RetryLater   nothing is known against the events: send them again
    TooLarge     the request is too large: send less at once; a single event is rejected
    Refused      something in the request is refused, or a single event is
    Paused       nothing can be delivered until an operator has fixed something

A destination says what the answer *is*. What follows from it (split, suspect, reject, wait) is decided
by the delivery, the same for every destination. No text in an outcome ever holds a credential.
"""

from collections.abc import Set as AbstractSet

import msgspec

NO_HOSTNAME = "no acceptable host name is known: set `hostname` in agent.yaml"
"""Why a destination is paused where the agent has no name to file events under."""


class Delivered(msgspec.Struct, frozen=True):
    """The destination has them."""

    upto: int | None = None
    """How many events of the request it has, counted from the first; None for all of them."""


class RetryLater(msgspec.Struct, frozen=True):
    """Nothing is known against the events: send them again later."""

    reason: str
    after_seconds: float | None = None
    """What the destination asked for, as it said it; the delivery bounds it."""
    shrink: bool = False
    """The batch may have been too much for the line: send less at once."""


class TooLarge(msgspec.Struct, frozen=True):
    """The request is larger than the destination takes."""

    reason: str
    status: int | None = 413
    """Kept with a single event that is rejected for it."""


class Refused(msgspec.Struct, frozen=True):
    """The destination does not accept something in the request.

    Without further words it may as well be the destination that is at fault, so the delivery searches by
    halves, and rejects a single event only after another one was accepted since.
    """

    reason: str
    status: int | None = None
    """The status code that is kept with an event that is rejected."""
    retry_until: float | None = None
    """Seconds since the epoch. The refusal of this single event may pass by itself (an entity that is not known
    yet): it is tried again until then while later events go on, and rejected after it. Of several refusals of
    one event the first one's time counts, so a destination just adds its patience to the present time."""
    indices: AbstractSet[int] | None = None
    """The events that are refused, by their index in the request, when the answer names them: all others of the
    request were accepted. None when it does not say."""
    is_verdict: bool = False
    """The answer judges the event itself (a wrong value, too old): a single event is rejected at once."""


class Paused(msgspec.Struct, frozen=True):
    """An operator has to fix something: keep everything, and probe rarely."""

    reason: str


Outcome = Delivered | RetryLater | TooLarge | Refused | Paused
