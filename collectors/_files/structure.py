"""Structured differences: which key of a configuration went from which value to which. Pure.

Works on the masked texts, so it can show no more than the diff does; on top of that a value below a key
that sounds like a secret is never shown. A file that does not parse has no structured difference.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from collectors._nesting import YamlLevels, check_json, check_toml
from collectors._portable import Scalar, portable
from collectors._redaction.secrets import HARMLESS, MASKED, MAX_LINE, is_secret_key
from collectors.event import Change

MAX_CHANGES = 100
MAX_TEXT_BYTES = 64 * 1024
"""Parsers are slow; a longer file has its diff."""
_MAX_VALUES = 5000
_MAX_VALUE_CHARACTERS = 200
_MAX_KEY_CHARACTERS = 1024 * 1024
"""Of all keys together, each with those that it lies below."""

_MARK = "\ufeff"
"""What some editors write before the first line, and no parser but YAML's reads."""

Pairs = dict[str, Scalar]
Parser = Callable[[str], Pairs]


class NotStructured(ValueError):  # noqa: N818 - what the text is
    """The text is not of this format, or is too much of it."""


def changes(path: str, old: str, new: str) -> tuple[Change, ...]:
    """Return the keys whose values differ, at most `MAX_CHANGES`; none when the texts are of no known format."""
    if max(len(old), len(new)) > MAX_TEXT_BYTES:
        return ()
    parse = _parser_for(path)
    try:
        before, after = parse(old.removeprefix(_MARK)), parse(new.removeprefix(_MARK))
    except (NotStructured, RecursionError):
        return ()
    return tuple(_differences(before, after))


def _differences(before: Pairs, after: Pairs) -> Iterator[Change]:
    count = 0
    for key in dict.fromkeys((*before, *after)):
        one, other = before.get(key), after.get(key)
        if (key in before) == (key in after) and one == other and type(one) is type(other):
            continue
        yield Change(key=_short(key), old=_shown(key, one), new=_shown(key, other))
        count += 1
        if count == MAX_CHANGES:
            return


def _shown(key: str, value: Scalar) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    is_harmless = str(value).lower() in HARMLESS or MASKED.search(str(value))
    if not is_harmless and any(is_secret_key(part) for part in re.split(r"[.\[\]]", key)):
        return "<masked>"
    return _short(value) if isinstance(value, str) else value


def _short(text: str) -> str:
    return text if len(text) <= _MAX_VALUE_CHARACTERS else text[: _MAX_VALUE_CHARACTERS - 1] + "…"


def _parser_for(path: str) -> Parser:
    name = path.rpartition("/")[2].lower()
    suffix = name.rpartition(".")[2] if "." in name.lstrip(".") else ""
    match suffix:
        case "json":
            return parse_json
        case "yaml" | "yml":
            return parse_yaml
        case "toml":
            return parse_toml
        case _:
            return parse_keys


def parse_json(text: str) -> Pairs:
    """Parse JSON."""
    try:
        check_json(text)
        return _flat(json.loads(text))
    except ValueError as error:
        raise NotStructured(str(error)) from None


def parse_toml(text: str) -> Pairs:
    """Parse TOML."""
    import tomllib

    try:
        check_toml(text)
        return _flat(tomllib.loads(text))
    except ValueError as error:
        raise NotStructured(str(error)) from None


def parse_yaml(text: str) -> Pairs:
    """Parse YAML; scalars become numbers and truth values as YAML 1.2 has them, and are text otherwise."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    levels = YamlLevels()
    try:
        for event in yaml.parse(text, Loader=loader):  # makes no tree, so it does not recurse
            levels.see(event)
        documents = list(yaml.load_all(text, Loader=loader))
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise NotStructured(str(error)) from None
    return _flat(documents[0] if len(documents) == 1 else documents, _core)


_SECTION = re.compile(r"\[(?P<name>[^\]]++)\]\s*+(?:[#;].*+)?")
_ENTRY = re.compile(
    r"(?:(?:export|set)\s++(?![=:]))?(?P<key>[\w.\-/@$]++(?:\[[^\]]*+\])?)\s*+(?:=|:(?=\s|\Z))(?P<value>.*+)"
)


def parse_keys(text: str) -> Pairs:
    """Parse INI files, systemd units, and files of key=value or key: value; anything else raises."""
    pairs: Pairs = {}
    section = ""
    characters = 0
    for line in map(str.strip, _logical_lines(text)):
        if not line or line[0] in "#;!":
            continue
        if len(line) > MAX_LINE:
            raise NotStructured("a line is too long")
        if found := _SECTION.fullmatch(line):
            section = found["name"].strip() + "."
        elif found := _ENTRY.fullmatch(line):
            key = section + found["key"]
            characters = _counted(characters, key)
            _add(pairs, key, _unquoted(found["value"].strip()))
        else:
            raise NotStructured("a line is neither a section nor key=value")
    return pairs


def _logical_lines(text: str) -> Iterator[str]:
    waiting: list[str] = []
    for whole in text.split("\n"):
        line = whole.removesuffix("\r")
        if line.endswith("\\"):
            waiting.append(line[:-1])
            continue
        yield " ".join([*waiting, line])
        waiting = []
    if waiting:
        yield " ".join(waiting)


def _counted(characters: int, key: str) -> int:
    """Return the characters of all keys so far, this one included."""
    if characters + len(key) > _MAX_KEY_CHARACTERS:
        raise NotStructured("its keys are too long")
    return characters + len(key)


def _add(pairs: Pairs, key: str, value: Scalar) -> None:
    """Add a value; keys that repeat (`ExecStartPre=`) are numbered."""
    number = 2
    numbered = key
    while numbered in pairs:
        numbered = f"{key}[{number}]"
        number += 1
    if len(pairs) >= _MAX_VALUES or number > MAX_CHANGES:
        raise NotStructured("too many keys")
    pairs[numbered] = value


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def _flat(value: Any, scalar: Callable[[Any], Scalar] | None = None) -> Pairs:
    """Return every scalar by its path, as `servers[0].port`; aliases are followed, within bounds."""
    if not isinstance(value, dict | list):
        raise NotStructured("no mapping and no list")
    pairs: Pairs = {}
    waiting: list[tuple[str, Any]] = [("", value)]
    visited = characters = 0
    while waiting:
        key, item = waiting.pop()
        characters = _counted(characters, key)
        visited += 1
        if visited > _MAX_VALUES:
            raise NotStructured("too many values")
        if isinstance(item, dict) and item:
            inner = [(f"{key}.{name}" if key else str(name), child) for name, child in item.items()]
            waiting += reversed(inner)
        elif isinstance(item, list) and item:
            waiting += reversed([(f"{key}[{number}]", child) for number, child in enumerate(item)])
        else:
            pairs[key] = scalar(item) if scalar else _plain(item)
    return pairs


def _plain(item: Any) -> Scalar:
    if item is None or isinstance(item, str | int | float):
        return portable(item)
    return str(item)  # dates of TOML, and what is empty


_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+")


def _core(item: Any) -> Scalar:
    if not isinstance(item, str):
        return str(item)
    if item in {"true", "True", "false", "False"}:
        return item.lower() == "true"
    if _INTEGER.fullmatch(item):
        return int(item)
    if _FLOAT.fullmatch(item):
        return float(item)
    return None if item in {"", "~", "null"} else item
