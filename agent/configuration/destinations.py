"""What `destinations` of agent.yaml may hold: only the systems that it names are loaded to check it."""

import functools
import operator
from collections.abc import Iterator
from typing import Any

from agent.configuration.nodes import entry, text_entry
from agent.configuration.plain_yaml import MappingNode, Node, ScalarNode
from agent.configuration.quoting import quotable_name
from agent.configuration.types import DestinationSettings
from agent.configuration.walk import Walk
from agent.systems.registry import DEFAULT_TYPE, SYSTEMS, system


def settings_types(root: Node) -> Any:
    """Return the type of one destination: a union of what is named, told apart by `type`.

    When a type is named that does not exist, all systems are loaded, so that the problem can list them.
    """
    named = {kind for _, _, kind in _destinations(root)}
    needed = dict.fromkeys((DEFAULT_TYPE, *(SYSTEMS if named - SYSTEMS.keys() else sorted(named))))
    return functools.reduce(operator.or_, [system(kind).settings for kind in needed])


def want_credentials(root: Node, walk: Walk) -> None:
    """Note each destination without its credential: no default could stand in for it."""
    for name, node, kind in _destinations(root):
        settings: type[DestinationSettings] | None = system(kind).settings if kind in SYSTEMS else None
        keys = settings.credential_keys if settings else ()
        if settings and keys and not any(entry(node, key) for key in keys):
            variable = f", or set {settings.credential_variable}" if settings.credential_variable else ""
            hint = f": give {' or '.join(keys)}{variable}"
            walk.note(node, f"destinations.{quotable_name(name, node)}.{keys[0]}", "is missing", hint)


def _destinations(root: Node) -> Iterator[tuple[str, MappingNode, str]]:
    """Yield each destination's name, node and type, as far as it is one; the first of a name alone."""
    destinations = entry(root, "destinations")
    if not isinstance(destinations, MappingNode):
        return
    for key, _ in destinations.value:
        node = entry(destinations, key.value) if isinstance(key, ScalarNode) else None
        if isinstance(node, MappingNode):
            yield key.value, node, text_entry(node, "type") if entry(node, "type") else DEFAULT_TYPE
