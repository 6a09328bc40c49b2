"""Who this agent is: what it says of itself on every event.

An identity is a value. Read it once for a piece of work and pass it on: a reload or a new host name may
replace the agent's identity at any moment, and one event must not be completed with two of them.
"""

import msgspec

HOST_IDENTIFIER = "urn:host:/"
"""With a host name behind it, the identifier of a host. Alone it stands for this host until it has a name."""


class Identity(msgspec.Struct, frozen=True):
    """What this agent says of itself on every event; `hostname` is empty while none is acceptable."""

    hostname: str
    tags: tuple[str, ...] = ()
    element_identifiers: tuple[str, ...] = ()

    @property
    def identifiers(self) -> tuple[str, ...]:
        """The host's own identifier, then the configured ones."""
        return (HOST_IDENTIFIER + self.hostname, *self.element_identifiers)


def united(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """Return both, each value once, in order."""
    return tuple(dict.fromkeys(first + second)) if second else first
