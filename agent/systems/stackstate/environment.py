"""What the environment says of StackState: `STS_STS_URL` or `STS_URL`, `STS_API_KEY`, systemd's credential `api_key`.

Works on nodes, so that a problem names the variable to fix; nothing is checked here.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from agent.configuration.nodes import (
    Place,
    empty_mapping,
    entry,
    scalar,
    with_entry,
    without_entry,
)
from agent.configuration.plain_yaml import BOOL, MappingNode, ScalarNode

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def make(
    node: MappingNode | None, environ: Mapping[str, str], *, has_destinations: bool
) -> MappingNode | None:
    """Return the destination named `stackstate`; a key alone makes one only where there is no destination at all."""
    url_variable = "STS_STS_URL" if environ.get("STS_STS_URL") else "STS_URL"
    url, key = environ.get(url_variable, "").strip(), environ.get("STS_API_KEY", "").strip()
    if not url and not (key and (node is not None or not has_destinations)):
        return node
    made = node or empty_mapping(Place(f"${url_variable}" if url else "$STS_API_KEY"))
    if url:
        made = with_entry(made, "url", _from(url_variable, url))
    if key:
        made = with_entry(without_entry(made, "api_key_file"), "api_key", _from("STS_API_KEY", key))
    return made


def complete(node: MappingNode, environ: Mapping[str, str]) -> MappingNode:
    """Return any destination of this type with a key taken out of its URL, systemd's credential, STS_SKIP_SSL_VALIDATION."""
    return _with_verify(_with_key(node, environ), environ)


def _from(variable: str, text: str) -> ScalarNode:
    return scalar(text, Place(f"${variable}"))


def _with_key(node: MappingNode, environ: Mapping[str, str]) -> MappingNode:
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


def _with_verify(node: MappingNode, environ: Mapping[str, str]) -> MappingNode:
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
