"""What a remote system brings to the agent: one `System` value, made in the `__init__` of the system's folder.

Everything but the settings is optional, and every field is a function that imports what it needs when it is
called: with StackState alone configured, no code of Sensu is loaded. A system imports the protocols
named here, `agent.http`, `agent.events` and values of `agent.configuration`; never another system.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from agent.configuration.types import DestinationSettings
from agent.systems.finding import Finding
from collectors.collector import Collector, Memory, Remember, Scoped

if TYPE_CHECKING:  # the table is read by every command: it loads none of what a daemon needs
    from yaml.nodes import MappingNode

    from agent.delivery.destination import Destination
    from agent.events import stored_event
    from agent.events.chunk import Captured
    from agent.http.client import HttpClient
    from agent.intake.dialect import Dialect
    from agent.stand_in.verdict import Rules


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the agent lends to a system's parts. New facts become fields here, so that no signature changes."""

    hostname: Callable[[], str | None] = lambda: None
    """Return this host's name, None while none is acceptable."""


class MakeDestination(Protocol):
    """Makes the destination of these settings; raises `DestinationError` for what cannot be used."""

    def __call__(self, name: str, settings: Any, surroundings: Surroundings) -> "Destination":
        """Return it; `settings` are of the system's own type, `name` is the operator's."""
        ...


class MakeDialect(Protocol):
    """Makes the system's way of posting to us; see `agent.intake.dialect`."""

    def __call__(self, surroundings: Surroundings) -> "Dialect":
        """Return it; called once, when the intake opens."""
        ...


class Listener(Protocol):
    """A socket that speaks no HTTP, as Sensu's client socket; it has threads of its own between start and stop."""

    @property
    def address(self) -> str:
        """Return where it listens, as `status` shows it."""
        ...

    def start(self) -> None:
        """Begin to accept; raises `OSError` when the address cannot be had: it is logged, and tried again."""
        ...

    def stop(self) -> None:
        """Stop accepting and end what is under way, within a second."""
        ...

    def is_alive(self) -> bool:
        """Return whether it still accepts."""
        ...


class Keep(Protocol):
    """Puts stored events on disk together with what to remember of them, all or nothing."""

    def __call__(self, events: "Sequence[Captured]", remember: Remember) -> None:
        """Return when they are synced; raises what the spool raises when nothing was kept."""
        ...


class MakeListeners(Protocol):
    """Makes the listeners that the `intake` section of agent.yaml asks for; none when it does not."""

    def __call__(self, intake: Any, keep: Keep, surroundings: Surroundings) -> Sequence[Listener]:
        """Return them; `intake` is an `agent.configuration.types.Intake`."""
        ...


class MakeSource(Protocol):
    """Makes a collector that polls the system, from the entries of its key in conf.d."""

    def __call__(self, entries: Sequence[Scoped[Any]], client: "Callable[..., HttpClient]") -> Collector:
        """Return it; `client` makes the HTTP client, and is handed in so that a test can hand in another."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A poller, and how it is configured: `key` in conf.d holds one entry, or a list of them when `many`."""

    key: str
    entry: type[msgspec.Struct]
    create: MakeSource
    many: bool = False


class Observe(Protocol):
    """Looks at an event when it is captured: what is returned is remembered in the event's own transaction."""

    def __call__(self, event: "stored_event.StoredEvent", memory: Memory) -> Remember:
        """Return what to remember; `memory` holds what this system remembered before.

        It must be quick (it runs in the thread that captures), change nothing and raise nothing.
        """
        ...


class Probe(Protocol):
    """Asks a destination, for `doctor`, whether it can be reached and knows the credential; it sends no event."""

    def __call__(self, name: str, settings: Any, timeout_seconds: float) -> Finding:
        """Return within the time; whatever goes wrong is a finding."""
        ...


class Lacks(Protocol):
    """Looks, before an event is kept, whether it brings what a type of the system's own requires."""

    def __call__(self, event: "stored_event.StoredEvent") -> Sequence[str]:
        """Return what is missing, each as a sentence that names the field; nothing for a type of others."""
        ...


class MakeRules(Protocol):
    """Makes what a strict stand-in of the system takes and answers; see `agent.stand_in`."""

    def __call__(self, *, credential: str | None, max_body_bytes: int) -> "Rules":
        """Return it; without a `credential` any is right, but not none."""
        ...


class MakeFromEnvironment(Protocol):
    """Makes or changes the destination under the system's own name by the variables that its row in the table names."""

    def __call__(
        self, node: "MappingNode | None", environ: Mapping[str, str], *, has_destinations: bool
    ) -> "MappingNode | None":
        """Return the node; it is None when agent.yaml has none of this name, and stays so when none is to be made."""
        ...


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """How the environment makes and completes destinations; on nodes, so that a problem names the variable to fix."""

    make: MakeFromEnvironment
    complete: Callable[["MappingNode", Mapping[str, str]], "MappingNode"]
    """Return any destination of this system, completed."""


@dataclass(frozen=True, slots=True)
class System:
    """One remote system."""

    settings: type[DestinationSettings]
    """The type of its entry under `destinations`, told apart by its `type` field, a `Literal` of the system's name."""
    destination: MakeDestination | None = None
    dialect: MakeDialect | None = None
    listeners: MakeListeners | None = None
    source: Source | None = None
    observe: Observe | None = None
    probe: Probe | None = None
    lacks: Lacks | None = None
    stand_in: MakeRules | None = None
    """The rules of its stand-in, for `receiver`, `demo` and tests; `registry.stand_in` puts them on a port."""
    from_environment: FromEnvironment | None = None
