"""What a message of the events API is called in one line; most of its types have no title of their own. Pure."""

from collections.abc import Mapping
from typing import Any

_MOST_CHARACTERS = 200


def title_of(message: Mapping[str, Any]) -> str:
    """Return the title of a message of either version, or the best line in its place; never empty."""
    for candidate in _candidates(message):
        line = next((line.strip() for line in candidate.splitlines() if line.strip()), "")
        if line:
            return line[:_MOST_CHARACTERS]
    return str(message["eventType"])


def _candidates(message: Mapping[str, Any]) -> list[str]:
    candidates = [_text(message, "title")]
    match message["eventType"]:
        case "CUSTOM_DEPLOYMENT":
            candidates.append(f"{_text(message, 'deploymentName')} {_text(message, 'deploymentVersion')}")
        case "CUSTOM_ANNOTATION":
            parts = (_text(message, "annotationType"), _text(message, "annotationDescription"))
            candidates.append(": ".join(filter(None, parts)))
        case "CUSTOM_CONFIGURATION":
            candidates.append(_text(message, "configuration"))
    return [*candidates, text_of(message)]


def text_of(message: Mapping[str, Any]) -> str:
    """Return what a message says in more words."""
    return _text(message, "description") or _text(message, "annotationDescription")


def _text(message: Mapping[str, Any], key: str) -> str:
    """Return a field as text; one that is not applicable to its type may be anything."""
    value = message.get(key)
    return value if isinstance(value, str) else ""
