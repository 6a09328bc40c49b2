"""The environment's word, laid over the file before anything is checked.

Variables become nodes that say `$NAME` is their file, so that one walk checks both and a problem
names the variable to fix. `STS_*` win over the file; `HTTP(S)_PROXY` and `NO_PROXY` only fill in. What makes
a destination of a system is that system's to know.
"""

import os
from collections.abc import Mapping

from agent.configuration.nodes import (
    Place,
    empty_mapping,
    entry,
    scalar,
    sequence,
    text_entry,
    with_entry,
    without_entry,
)
from agent.configuration.plain_yaml import STR, MappingNode, Node, ScalarNode
from agent.systems.registry import DEFAULT_TYPE, SYSTEMS, system


def overlay(root: Node, environ: Mapping[str, str] = os.environ) -> Node:
    """Return the tree of agent.yaml with what the environment says; a root that is no mapping as it is."""
    if not isinstance(root, MappingNode):
        return root
    for variable, key in (("STS_HOSTNAME", "hostname"), ("STS_LOG_LEVEL", "log_level")):
        if text := environ.get(variable, "").strip():
            root = with_entry(root, key, _from(variable, _spelled(key, text)))
    if words := _words(environ.get("STS_TAGS", "")):
        root = with_entry(root, "tags", sequence(words, Place("$STS_TAGS")))
    root = _overlay_systems(root, environ)
    destinations = entry(root, "destinations")
    if not isinstance(destinations, MappingNode):
        return root
    pairs = [(name, _overlay_destination(node, environ)) for name, node in destinations.value]
    changed = MappingNode(destinations.tag, pairs, destinations.start_mark, destinations.end_mark)
    return with_entry(root, "destinations", changed)


def _from(variable: str, text: str) -> ScalarNode:
    return scalar(text, Place(f"${variable}"))


def _spelled(key: str, text: str) -> str:
    """Return a log level as this agent writes it: others' variables say WARN."""
    return {"warn": "warning"}.get(text.lower(), text.lower()) if key == "log_level" else text


def _words(text: str) -> list[str]:
    """Return the parts of a list in a variable, between commas or, without one, between spaces."""
    parts = text.split(",") if "," in text else text.split()
    return [part.strip() for part in parts if part.strip()]


def _overlay_systems(root: MappingNode, environ: Mapping[str, str]) -> MappingNode:
    """Have each system whose variables are set make the destination under its own name."""
    for name, row in SYSTEMS.items():
        destinations = entry(root, "destinations")
        if destinations is not None and not isinstance(destinations, MappingNode):
            return root
        named = entry(destinations, name)
        hooks = system(name).from_environment if any(map(environ.get, row.variables)) else None
        if hooks is None or not (named is None or isinstance(named, MappingNode)):
            continue
        made = hooks.make(named, environ, has_destinations=destinations is not None)
        if made is not None:
            destinations = destinations or empty_mapping(made.start_mark)
            root = with_entry(root, "destinations", with_entry(destinations, name, made))
    return root


def _overlay_destination(node: Node, environ: Mapping[str, str]) -> Node:
    if not isinstance(node, MappingNode):
        return node
    node = _overlay_proxy(node, environ)
    kind = text_entry(node, "type") or DEFAULT_TYPE
    hooks = system(kind).from_environment if kind in SYSTEMS else None
    return hooks.complete(node, environ) if hooks else node


def _overlay_proxy(node: MappingNode, environ: Mapping[str, str]) -> MappingNode:
    """Settle the proxy: STS_PROXY_*, else the file's, else HTTP(S)_PROXY; an empty one means none."""
    scheme = "https" if text_entry(node, "url").startswith("https:") else "http"
    forced, fallback = f"STS_PROXY_{scheme.upper()}", _either(environ, f"{scheme}_proxy")
    variable = forced if forced in environ else fallback
    if variable and (variable == forced or entry(node, "proxy") is None):
        node = with_entry(node, "proxy", _from(variable, environ[variable].strip()))
    written = entry(node, "proxy")
    if isinstance(written, ScalarNode) and written.tag == STR:
        if not written.value:
            node = without_entry(node, "proxy")
        elif "://" not in written.value:
            node = with_entry(node, "proxy", scalar(f"http://{written.value}", written.start_mark))
    forced, fallback = "STS_PROXY_NO_PROXY", _either(environ, "no_proxy")
    variable = forced if forced in environ else fallback
    if variable and (variable == forced or entry(node, "no_proxy") is None):
        node = without_entry(node, "no_proxy")
        if words := _words(environ[variable]):
            node = with_entry(node, "no_proxy", sequence(words, Place(f"${variable}")))
    return node


def _either(environ: Mapping[str, str], name: str) -> str:
    """Return the spelling that is set, lower case first, as curl looks; empty when neither is."""
    return next((spelling for spelling in (name, name.upper()) if spelling in environ), "")
