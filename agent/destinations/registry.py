"""The table of destinations: a new type is a module beside this file and one line here."""

from collections.abc import Callable

from agent.configuration import types
from agent.destinations.destination import Destination
from agent.destinations.stackstate import StackState

DESTINATIONS: dict[str, Callable[[str, types.Destination], Destination]] = {
    "stackstate": StackState,
}
"""By `type` of the configuration; each raises `DestinationError` for settings it cannot use."""
