"""What a remote system brings to the agent: one `System` value, made in the `__init__` of the system's folder.

Everything but the settings is optional, and every field is a function that imports what it needs when it is
called: with StackState alone configured, no code of Sensu is loaded. A system imports the protocols
named here, `agent.http`, `agent.events` and values of `agent.configuration`; never another system.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from agent.configuration.types import DestinationSettings
from agent.systems.finding import Finding
from collectors.collector import Memory, Registration, Remember
from collectors.event import Event

if TYPE_CHECKING:  # the table is read by every command: it loads none of what a daemon needs
    from agent.configuration.plain_yaml import MappingNode
    from agent.delivery.destination import Destination
    from agent.events import stored_event
    from agent.events.host_state import HostState
    from agent.events.identity import Identity
    from agent.http.budget import Budget
    from agent.intake.dialect import Dialect, Parsed
    from agent.intake.odd import Odd
    from agent.intake.open_listeners import Wanted
    from agent.stand_in.verdict import Rules


def _unknown() -> "HostState":
    from agent.events.host_state import HostState

    return HostState()


def _nothing_remembered(_: str) -> Memory:
    from agent.events.host_state import NO_MEMORY

    return NO_MEMORY


def _forgotten(_: str, __: Remember) -> None:
    """Keep nothing: nobody lends a memory."""


class Surroundings(msgspec.Struct, frozen=True):
    """What the agent lends to a system's parts. New facts become fields here, so that no signature changes."""

    hostname: Callable[[], str | None] = lambda: None
    """Return this host's name, None while none is acceptable."""
    host_state: "Callable[[], HostState]" = _unknown
    """Return how this host is now; for any thread, and no more often than somebody wants to know."""
    memory: Callable[[str], Memory] = _nothing_remembered
    """Return what was remembered under a name of the system's own, as `dynatrace/…`."""
    remember: Callable[[str, Remember], object] = _forgotten
    """Have more remembered under that name; on disk when it returns. Raises `SpoolError`."""


class Lent(msgspec.Struct, frozen=True):
    """What the agent lends to a system's own ports."""

    identity: "Callable[[], Identity]"
    """Return what the agent says of itself now."""
    memory: Callable[[], Memory]
    """Return what the system remembered before."""
    keep: "Callable[[Parsed, Remember], None]"
    """Put what was handed in on disk together with what to remember of it, all or nothing; raises `Problem` when nothing was kept."""
    budget: "Budget | None"
    """Of the process, for bodies that come in."""
    odd: "Odd"
    """Is told of a body that raised what nobody foresaw: where it came in, itself, and what it raised."""


class OwnPorts(Protocol):
    """What listens for a system beside the common intake, and what it remembers of events while it does."""

    def wanted(self, intake: Any) -> "Sequence[Wanted]":
        """Return what is to listen; `intake` is an `agent.configuration.types.Intake`."""
        ...

    def observing(self, events: Sequence[Event]) -> AbstractContextManager[Remember]:
        """Lend, for as long as a collector's events are being kept, what is remembered in their own transaction.

        It must be quick (it runs in the thread that captures), change nothing and raise nothing.
        """
        ...


class Ports(msgspec.Struct, frozen=True):
    """A system's own ports, and how they are asked for; nothing is made or loaded before they are."""

    are_asked: Callable[[Any], bool]
    """Return whether an `agent.configuration.types.Intake` has any of them."""
    make: Callable[[Lent], OwnPorts]
    """Return them; called once in the life of the process."""


class MakeFromEnvironment(Protocol):
    """Makes or changes the destination under the system's own name by the variables that its row in the table names."""

    def __call__(
        self, node: "MappingNode | None", environ: Mapping[str, str], *, has_destinations: bool
    ) -> "MappingNode | None":
        """Return the node; it is None when agent.yaml has none of this name, and stays so when none is to be made."""
        ...


class FromEnvironment(msgspec.Struct, frozen=True):
    """How the environment makes and completes destinations; on nodes, so that a problem names the variable to fix."""

    make: MakeFromEnvironment
    complete: Callable[["MappingNode", Mapping[str, str]], "MappingNode"]
    """Return any destination of this system, completed."""


class System(msgspec.Struct, frozen=True):
    """One remote system."""

    settings: type[DestinationSettings]
    """The type of its entry under `destinations`, told apart by its `type` field, a `Literal` of the system's name."""
    destination: "Callable[[str, Any, Surroundings], Destination] | None" = None
    """Make the destination of the operator's name and of settings of that type; raises `DestinationError` for what cannot be used."""
    dialect: "Callable[[], Dialect] | None" = None
    """Make the system's way of posting to us, once somebody does; see `agent.intake.dialect`."""
    ports: Ports | None = None
    source: Registration | None = None
    """A collector that polls the system, under the key in conf.d that the table names."""
    probe: Callable[[str, Any, float], Finding] | None = None
    """Ask a destination, for `doctor`, whether it can be reached and knows the credential; sends no event.

    Given its name, its settings and a timeout in seconds. Whatever goes wrong is a finding.
    """
    lacks: "Callable[[stored_event.StoredEvent], Sequence[str]] | None" = None
    """Look, before an event is kept, whether it brings what a type of the system's own requires.

    Return what is missing, each as a sentence that names the field; nothing for a type of others.
    """
    remarks: Callable[[str, Any, str | None], Sequence[Finding]] | None = None
    """Say, for `doctor`, what is likely not meant of a destination as it is configured, without asking anybody.

    Given its name, its settings, and what this host goes by, None where it has no acceptable name.
    """
    stand_in: "Callable[[str | None, int], Rules] | None" = None
    """Make the rules of its stand-in, for `receiver`, `demo` and tests; `registry.stand_in` puts them on a port.

    Given a credential, without which any is right but not none, and how many bytes a body may have.
    """
    from_environment: FromEnvironment | None = None
