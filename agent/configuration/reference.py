"""Every key of the configuration with its type, its default and what it says: the one source of the reference.

What a key says is the text below its field in the types, where whoever adds the key writes it; `Default: …` at its end
names a default that no value can say. `docs/configuration.md`, the man page and the JSON Schema are made of this, and
nothing else reads it: the daemon never imports it.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec

from agent.configuration.kinds import describe, may_be_a_switch, structs_in, without_meta
from agent.configuration.no_proxy import Exemption
from agent.configuration.show import plain
from agent.configuration.types import Application, DestinationSettings, Settings
from agent.configuration.values import ListenAddress, Loopback, Secret, Url
from agent.systems.registry import DEFAULT_TYPE, SYSTEMS, system
from agent.systems.sources import SOURCES, WithSources
from collectors.collector import Duration, Size
from collectors.registry import COLLECTORS

_NAMES = {
    Path: "a path",
    Duration: "a duration, as 30s",
    Size: "a size, as 512MiB",
    Secret: "a secret",
    Url: "an address that begins with https:// or http://",
    ListenAddress: "an address of this host and a port, as 127.0.0.1:9464",
    Loopback: "an address of the loopback and a port, as 127.0.0.1:7078",
    Exemption: "a host, a domain, an address or a net",
}
_DEFAULT = re.compile(r" Default: (.+)\.$")


class Key(NamedTuple):
    """One key; `default` is as an operator writes it, in Markdown, or `required`, or `none`."""

    file: Literal["agent.yaml", "conf.d"]
    path: str
    """As `destinations.NAME.tls.verify`, where NAME is the operator's own, or `files[].paths` of a list's entry."""
    type: str
    """What may be written, in words."""
    default: str
    description: str
    systems: tuple[str, ...] = ()
    """The types of destinations that have it, where not all do."""

    def as_row(self) -> str:
        """Return it as a row of the table in docs/configuration.md."""
        types = " or ".join(f"`{name}`" for name in self.systems)
        about = f"Of type {types}. {self.description}" if types else self.description
        return f"| `{self.path}` | {self.default} | {about} |"


def keys() -> Iterator[Key]:
    """Yield every key of agent.yaml, then every key of a file in conf.d, in the order of the types."""
    for key in _fields("agent.yaml", Settings, ""):
        if key.path == "destinations":
            yield from _of_destinations()
        else:
            yield key
    for name, known in COLLECTORS.items():
        if known.default is not None:
            text = f"`false` turns off what `{name}` tells by default; entries in conf.d count all the same."
            yield Key("agent.yaml", name, "true or false", "`true`", text)
    yield from _fields("conf.d", Application, "")
    for name, known in WithSources(COLLECTORS, sorted(SOURCES)).items():
        yield from _fields("conf.d", known.entry, f"{name}[]." if known.many else f"{name}.")


def said_of_fields(kind: type) -> dict[str, str]:
    """Return the text below each field of a type and of those it derives from, on one line each."""
    said: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        body = _body(base)
        for field, text in pairwise(body):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str() as words)),
                ):
                    said[name] = " ".join(words.split())
    return said


def _body(kind: type) -> list[ast.stmt]:
    if not issubclass(kind, msgspec.Struct) or kind is msgspec.Struct:
        return []
    (defined,) = ast.parse(dedent(inspect.getsource(kind))).body
    return defined.body if isinstance(defined, ast.ClassDef) else []


def _fields(file: Literal["agent.yaml", "conf.d"], kind: type[msgspec.Struct], prefix: str) -> Iterator[Key]:
    said = said_of_fields(kind)
    for field in msgspec.structs.fields(kind):
        path = prefix + field.encode_name
        held = without_meta(field.type)[0]
        inner = structs_in(held)
        if inner and not may_be_a_switch(held):
            yield from _fields(file, inner[0], path + ".")
            continue
        text = said.get(field.name, "")
        own = _DEFAULT.search(text)
        default = own[1] if own else _shown(field.default)
        yield Key(file, path, _in_words(field.type), default, _DEFAULT.sub("", text))
        if inner:
            yield from _fields(file, inner[0], path + ".")


def _of_destinations() -> Iterator[Key]:
    """Yield what destinations of all systems have, then what those of one or some have."""
    found: dict[tuple[str, ...], tuple[Key, list[str]]] = {}
    for name in SYSTEMS:
        for key in _fields("agent.yaml", system(name).settings, "destinations.NAME."):
            if key.path != "destinations.NAME.type":
                found.setdefault(key[1:5], (key, []))[1].append(name)
    said = said_of_fields(DestinationSettings)["type"]
    one_of = f"one of {', '.join(SYSTEMS)}"
    yield Key("agent.yaml", "destinations.NAME.type", one_of, f"`{DEFAULT_TYPE}`", said)
    for key, names in sorted(found.values(), key=lambda pair: len(pair[1]) < len(SYSTEMS)):
        yield key if len(names) == len(SYSTEMS) else key._replace(systems=tuple(names))


def with_tables(text: str) -> str:
    """Return docs/configuration.md with its two tables of keys as they have to be."""
    for file in ("agent.yaml", "conf.d"):
        head, begin, rest = text.partition(f"<!-- keys of {file} -->\n")
        _, end, tail = rest.partition("<!-- end -->")
        rows = "".join(f"{key.as_row()}\n" for key in keys() if key.file == file)
        text = f"{head}{begin}| key | default | what it says |\n|---|---|---|\n{rows}{end}{tail}"
    return text


def _shown(default: Any) -> str:
    if default is msgspec.NODEFAULT:
        return "required"
    shown = plain(default) if default is not msgspec.UNSET else None
    if shown in (None, [], {}):
        return "none"
    text = " ".join(shown) if isinstance(shown, list) else str(shown)
    return f"`{text.lower() if isinstance(shown, bool) else text}`"


def _in_words(expected: Any) -> str:
    """Return what may be written for a type."""
    kind, meta = without_meta(expected)
    if get_origin(kind) is tuple:
        return f"a list, each {_in_words(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return f"a mapping of names, each {_in_words(get_args(kind)[1])}"
    if may_be_a_switch(kind):
        return "true or false, or a mapping"
    if meta.get("must_exist"):
        return "a file that can be read"
    return _NAMES.get(kind) or describe(kind, meta)


if __name__ == "__main__":
    import sys

    document = Path(sys.argv[1])
    document.write_text(with_tables(document.read_text("utf-8")), "utf-8")
