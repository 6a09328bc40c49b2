"""What the suites of the destinations have to know of each: a module `<name>_destination.py` beside this with an `EXAMPLE`.

A system that is sent to in more than one way names the others in `VARIANTS`, and the suites run each as `<name>:<variant>`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from agent.configuration.load import load
from agent.stand_in import Received, Reply
from agent.systems.registry import SYSTEMS, make_destination, stand_in, system
from agent.systems.system import Surroundings

CREDENTIAL = "s3cr3t-k3y"


@dataclass(frozen=True)
class Example:
    """One destination by example."""

    entry: Mapping[str, Any] = field(default_factory=dict)
    """Keys of its entry in agent.yaml that it needs besides those its stand-in names."""
    accepted: Reply = field(default_factory=Reply)
    """What the system answers when it takes a request."""
    credential_key: str | None = None
    """The key of its credential, beside which `<key>_file` must exist; None for a system that knows none."""
    title: Callable[[Received], str] = lambda received: received.title
    """The title of the event as it was captured."""


def example_of(name: str) -> Example:
    """Return a system's example; one that is a destination and has none fails here."""
    system_name, _, variant = name.partition(":")
    module = import_module(f"{system_name}_destination")
    found: Example = module.VARIANTS[variant] if variant else module.EXAMPLE
    return found


def examples(*, with_credential: bool = False) -> list[str]:
    """Return the systems of the table that are a destination, or only those that know a credential."""
    systems = [name for name in SYSTEMS if system(name).destination is not None]
    names = [one for name in systems for one in (name, *_variants(name))]
    return [name for name in names if not with_credential or example_of(name).credential_key]


def _variants(name: str) -> list[str]:
    return [f"{name}:{key}" for key in getattr(import_module(f"{name}_destination"), "VARIANTS", ())]


class Trial:
    """A destination of one system, beside its stand-in; made by the fixture `trial`."""

    def __init__(self, name: str, directory: Path) -> None:
        self.system = name.partition(":")[0]
        self.example = example_of(name)
        self.directory = directory
        self._made: list[Any] = []

    def stand_in(self, credential: str | None = CREDENTIAL, **options: Any) -> Any:
        """Return a started stand-in."""
        self._made.append(stand_in(self.system, credential=credential, **options).start())
        return self._made[-1]

    def entry(self, origin: str, **changes: Any) -> dict[str, Any]:
        """Return the entry of agent.yaml that reaches whatever listens at an origin (scheme://host:port)."""
        rules = system(self.system).stand_in(CREDENTIAL, 1 << 20)
        backoff = {"backoff": {"initial": "10ms", "max": "50ms"}}
        return {**rules.destination(origin), **self.example.entry, **backoff, **changes}

    def settings(self, origin: str, **changes: Any) -> Any:
        """Return what the configuration makes of that entry; a change to None leaves the key out."""
        entry = {key: value for key, value in self.entry(origin, **changes).items() if value is not None}
        file = self.directory / "agent.yaml"
        file.write_text(json.dumps({"hostname": "h", "destinations": {"it": entry}}))
        return load(file, environ={}, strict=False).settings.destinations["it"]

    def destination(self, origin: str, **changes: Any) -> Any:
        """Return the destination of that entry."""
        made = make_destination("it", self.settings(origin, **changes), Surroundings(lambda: "h"))
        self._made.append(made)
        return made

    def titles(self, side: Any) -> list[str]:
        """Return the titles of what has arrived."""
        return [self.example.title(one) for one in side.received]

    def close(self) -> None:
        """Close everything that was made, the last first."""
        for one in reversed(self._made):
            one.close()


def origin(side: Any) -> str:
    """Return where a stand-in, or a scripted server, listens."""
    scheme, _, rest = side.url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
