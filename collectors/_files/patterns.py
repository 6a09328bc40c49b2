"""Path patterns with pathlib's full_match semantics, which Python 3.11 does not have. Pure.

`*`, `?` and `[…]` stay within one component, `**` stands for any number of them, and nothing treats a
leading dot specially. Two liberties: a pattern without wildcards also means everything below it, should
it be a directory; and no wildcard matches a name that starts with two dots, because those are the
working names of atomic directory swaps (`..data` in Kubernetes volumes), never a configuration.
"""

import os
import re
from functools import cache
from typing import NamedTuple

_MAGIC = re.compile(r"[*?\[]")
_NO_WORKING_NAME = r"(?!\.\.)"
_ANY_DEPTH = rf"(?:/{_NO_WORKING_NAME}[^/]+)*"
_NEVER_BELOW = ("/proc", "/sys", "/dev")


class PatternError(ValueError):
    """A pattern that cannot be watched; the text quotes it."""


class Pattern(NamedTuple):
    """One compiled path pattern."""

    text: str
    base: str
    """The deepest directory without wildcards that holds every match."""
    is_literal: bool
    match: str
    """A regular expression for the paths it means."""
    within: str
    """A regular expression for the directories that may hold a match."""


@cache
def parse_path(text: str) -> Pattern:
    """Compile an absolute pattern; raises `PatternError` when it names too much or nothing."""
    components = _components(text)
    static = _static(components)
    if "**" in components and not static:
        raise PatternError(f"{text!r} means the whole file system: name a directory before `**`")
    top = "/" + "/".join(static)
    if any(top == never or top.startswith(never + "/") for never in _NEVER_BELOW):
        raise PatternError(f"{text!r} lies in a file system of the kernel's, which holds no files to watch")
    is_literal = len(static) == len(components)
    base = static[:-1] if is_literal else static
    return Pattern(
        text=text,
        base="/" + "/".join(base),
        is_literal=is_literal,
        match=_match(components) + (_ANY_DEPTH if is_literal else ""),
        within=_within(components, is_literal=is_literal),
    )


@cache
def parse_exclude(text: str) -> str:
    """Return a regular expression for the paths that an exclude means; a relative one may stand anywhere."""
    absolute = text if text.startswith("/") else "/**/" + text
    return _match(_components(absolute), working_names=True)


def _components(text: str) -> list[str]:
    if not text.startswith("/"):
        raise PatternError(f"{text!r} is not an absolute path")
    if "\0" in text:
        raise PatternError(f"{text!r} holds a NUL")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise PatternError(f"{text!r} is no text that a path could be") from None
    components = [part for part in text.split("/") if part not in {"", "."}]
    if ".." in components:
        raise PatternError(f"{text!r} goes up with `..`: write the path itself")
    if not components:
        raise PatternError(f"{text!r} means the whole file system: name a directory")
    return components


def _static(components: list[str]) -> list[str]:
    for index, component in enumerate(components):
        if _MAGIC.search(component):
            return components[:index]
    return components


def _match(components: list[str], *, working_names: bool = False) -> str:
    any_depth = r"(?:/[^/]+)*" if working_names else _ANY_DEPTH
    return "".join(any_depth if part == "**" else "/" + _translate(part) for part in components)


def _within(components: list[str], *, is_literal: bool) -> str:
    """Nest the components, each optional behind the one before: `(?:/a(?:/b(?:…)?)?)?`."""
    expression = _ANY_DEPTH if is_literal else ""
    for part in reversed(components if is_literal else components[:-1] + _last(components)):
        expression = _ANY_DEPTH if part == "**" else f"(?:/{_translate(part)}{expression})?"
    return expression


def _last(components: list[str]) -> list[str]:
    return ["**"] if components[-1] == "**" else []


def _translate(component: str) -> str:
    """Return the regular expression of one component."""
    out = _NO_WORKING_NAME if _MAGIC.match(component) else ""
    index = 0
    while index < len(component):
        character = component[index]
        index += 1
        if character == "*":
            out += "[^/]*"
        elif character == "?":
            out += "[^/]"
        elif (
            character == "["
            and (end := component.find("]", index + 1 + component.startswith("!", index))) > 0
        ):
            out += _translate_set(component[index:end])
            index = end + 1
        else:
            out += re.escape(character)
    return out


def _translate_set(members: str) -> str:
    negated = members.startswith("!")
    inside = members[1:] if negated else members
    escaped = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside)
    try:
        re.compile(f"[{escaped}]")
    except re.error:
        raise PatternError(f"'[{members}]' is not a set of characters") from None
    return f"(?!/)[{'^' if negated else ''}{escaped}]"
