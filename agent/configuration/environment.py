"""The environment's word, laid over the file before anything is checked.

Variables become nodes that say `$NAME` is their file, so that one walk checks both and a problem
names the variable to mend. `STS_*` win over the file; `HTTP(S)_PROXY` and `NO_PROXY` only fill in.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from yaml.nodes import MappingNode, Node, ScalarNode

from agent.configuration.nodes import (
    BOOL,
    STR,
    Place,
    empty_mapping,
    entry,
    scalar,
    sequence,
    text_entry,
    with_entry,
    without_entry,
)

DESTINATION = "stackstate"
"""The one destination that `STS_STS_URL` and `STS_API_KEY` make or complete."""

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def overlay(root: Node, environ: Mapping[str, str] = os.environ) -> Node:
    """Return the tree of agent.yaml with what the environment says; a root that is no mapping as it is."""
    if not isinstance(root, MappingNode):
        return root
    for variable, key in (("STS_HOSTNAME", "hostname"), ("STS_LOG_LEVEL", "log_level")):
        if text := environ.get(variable, "").strip():
            root = with_entry(root, key, _from(variable, _spelled(key, text)))
    if words := _words(environ.get("STS_TAGS", "")):
        root = with_entry(root, "tags", sequence(words, Place("$STS_TAGS")))
    root = _overlay_named(root, environ)
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


def _overlay_named(root: MappingNode, environ: Mapping[str, str]) -> MappingNode:
    url_variable = "STS_STS_URL" if environ.get("STS_STS_URL") else "STS_URL"
    url, key = environ.get(url_variable, "").strip(), environ.get("STS_API_KEY", "").strip()
    destinations = entry(root, "destinations")
    if not url and not (key and (destinations is None or entry(destinations, DESTINATION))):
        return root
    place = Place(f"${url_variable}" if url else "$STS_API_KEY")
    if destinations is None:
        destinations = empty_mapping(place)
    if not isinstance(destinations, MappingNode):
        return root
    named = entry(destinations, DESTINATION) or empty_mapping(place)
    if not isinstance(named, MappingNode):
        return root
    if url:
        named = with_entry(named, "url", _from(url_variable, url))
    if key:
        named = with_entry(without_entry(named, "api_key_file"), "api_key", _from("STS_API_KEY", key))
    return with_entry(root, "destinations", with_entry(destinations, DESTINATION, named))


def _overlay_destination(node: Node, environ: Mapping[str, str]) -> Node:
    if not isinstance(node, MappingNode):
        return node
    node = _overlay_proxy(node, environ)
    if text_entry(node, "type") not in ("", "stackstate"):
        return node
    return _overlay_verify(_overlay_key(node, environ), environ)


def _overlay_key(node: MappingNode, environ: Mapping[str, str]) -> MappingNode:
    """Take a key out of the URL that it was pasted with; without any key, systemd's credential counts."""
    url = entry(node, "url")
    if isinstance(url, ScalarNode) and "api_key=" in url.value:
        bare, key = _without_key(url.value)
        node = with_entry(node, "url", scalar(bare, url.start_mark, url.tag))
        if key and not (entry(node, "api_key") or entry(node, "api_key_file")):
            node = with_entry(node, "api_key", scalar(key, url.start_mark))
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory and not (entry(node, "api_key") or entry(node, "api_key_file")):
        credential = Path(directory) / "api_key"
        if credential.exists():
            node = with_entry(node, "api_key_file", _from("CREDENTIALS_DIRECTORY", str(credential)))
    return node


def _without_key(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, ""
    query = parse_qsl(parts.query, keep_blank_values=True)
    key = next((value for name, value in query if name == "api_key"), "")
    rest = urlencode([(name, value) for name, value in query if name != "api_key"])
    return parts._replace(query=rest).geturl(), key


def _overlay_verify(node: MappingNode, environ: Mapping[str, str]) -> MappingNode:
    said = environ.get("STS_SKIP_SSL_VALIDATION", "").strip().lower()
    if not said:
        return node
    place = Place("$STS_SKIP_SSL_VALIDATION")
    tls = entry(node, "tls") or empty_mapping(place)
    if not isinstance(tls, MappingNode):
        return node
    if said in _TRUE + _FALSE:
        verify = scalar("false" if said in _TRUE else "true", place, BOOL)
    else:
        verify = scalar(said, place)  # text where a boolean must be: the walk will say so
    return with_entry(node, "tls", with_entry(tls, "verify", verify))


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
