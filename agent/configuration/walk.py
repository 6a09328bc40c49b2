"""One walk over a file's nodes and the types' fields: all that is wrong, together, each with its line.

msgspec stops at the first error and a YAML constructor drops duplicate keys; so this goes down both
trees at once, notes every problem and goes on, and leaves only leaves to msgspec. A value of a wrong
part becomes `WRONG`; whoever walks looks at the problems before using what came out.
"""

from collections.abc import Callable, Container, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import msgspec

from agent.configuration.kinds import (
    describe,
    may_be_a_switch,
    refusal,
    structs_in,
    told_apart,
    what_is,
    without_meta,
)
from agent.configuration.named_file import read_named
from agent.configuration.no_proxy import Exemption
from agent.configuration.nodes import entry, value_of
from agent.configuration.place import check_place
from agent.configuration.plain_yaml import NULL, MappingNode, Node, ScalarNode, SequenceNode
from agent.configuration.problem import Problem
from agent.configuration.quoting import quotable_key, quotable_name
from agent.configuration.units import parse_duration, parse_size
from agent.configuration.values import ListenAddress, Loopback, Secret, Url
from collectors._portable import printable
from collectors.collector import Duration, Size

_BLANK = ": a value begins with a blank behind the colon"
WRONG: Final = object()
"""Stands for a value with a problem that was noted."""

_READ_TEXT: dict[Any, Callable[[str], Any]] = {
    Duration: parse_duration,
    Size: parse_size,
    Secret: Secret.parse,
    Url: Url.parse,
    Exemption: Exemption.parse,
    ListenAddress: ListenAddress.parse,
    Loopback: Loopback.parse,
}
"""Types of our own that are written as one scalar, whatever YAML makes of its text."""


class Walk:
    """One pass over any number of files; `problems` grows as it goes.

    `must_exist` also wants the files that the configuration names (keys, certificates) to be readable.
    `elsewhere` says of keys that are unknown here where they belong.
    """

    def __init__(self, *, must_exist: bool = True, elsewhere: Mapping[str, str] | None = None) -> None:
        self.problems: list[Problem] = []
        self._must_exist = must_exist
        self._elsewhere = elsewhere or {}
        self._top: frozenset[str] = frozenset()
        """The keys that a file may have at its top."""

    def note(self, node: Node, key: str, text: str, hint: str = "") -> None:
        """Note what is wrong with `node`, which is the value of `key`; `hint` is what to do, with the sign before it."""
        mark = node.start_mark
        self.problems.append(
            Problem(
                mark.name, mark.line + 1, printable(key), printable(text), mark.column + 1, printable(hint)
            )
        )

    def read(self, node: Node, expected: Any, key: str = "") -> Any:
        """Return the value of `node` as the type `expected`, or `WRONG` after noting what keeps it from being one."""
        kind, meta = without_meta(expected)
        structs = structs_in(kind)
        if isinstance(node, ScalarNode) and node.tag == NULL:
            return self._wrong(node, key, "has no value", ": write one, or leave the key out")
        if structs and isinstance(node, ScalarNode) and may_be_a_switch(kind):
            return self._read_leaf(node, bool, meta, key)
        if structs:
            struct, names = told_apart(node, structs)
            if struct is None:
                return self._wrong(
                    entry(node, "type") or node, _under(key, "type"), f"must be one of {', '.join(names)}"
                )
            return self._read_struct(node, struct, key)
        if get_origin(kind) is dict:
            return self._read_dict(node, get_args(kind)[1], key)
        if get_origin(kind) is tuple:
            return self._read_tuple(node, get_args(kind)[0], meta, key)
        return self._read_leaf(node, kind, meta, key)

    def _wrong(self, node: Node, key: str, text: str, hint: str = "") -> object:
        self.note(node, key, text, hint)
        return WRONG

    def _entries(
        self, node: MappingNode, key: str, shown: Callable[[str, Node], str] = quotable_name
    ) -> dict[str, tuple[Node, Node]]:
        entries: dict[str, tuple[Node, Node]] = {}
        for name, value in node.value:
            if not isinstance(name, ScalarNode):
                self.note(name, key, f"a key must be text, this is {what_is(name)}")
            elif name.value == "<<" and name.style is None:
                self.note(name, key, "merge keys (`<<`) are not read", ": write the keys themselves here")
            elif name.value in entries:
                first = entries[name.value][0].start_mark.line + 1
                self.note(
                    name, _under(key, shown(name.value, value)), f"duplicate key, first at line {first}"
                )
            else:
                entries[name.value] = (name, value)
        return entries

    def _read_struct(self, node: Node, kind: type[msgspec.Struct], key: str) -> Any:
        if not isinstance(node, MappingNode):
            begun = (
                isinstance(node, ScalarNode) and node.value.partition(":")[0] in kind.__struct_encode_fields__
            )
            return self._wrong(
                node, key, f"is {what_is(node)}, must be a mapping of keys", _BLANK if begun else ""
            )
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        if not key:
            self._top = frozenset(fields)
        of_others: frozenset[str] = getattr(kind, "known_elsewhere", frozenset())
        shown = partial(
            quotable_key,
            known=fields.keys() | self._elsewhere.keys() | self._top | of_others,
            beside_secrets=any(without_meta(field.type)[0] is Secret for field in fields.values()),
        )
        entries = self._entries(node, key, shown)
        for name, (place, value) in entries.items():
            if name not in fields:
                unknown = f"unknown key{' here' if name in self._elsewhere or name in self._top else ''}"
                self.note(
                    place, _under(key, shown(name, value)), unknown, self._hint(name, fields, of_others)
                )
        given: dict[str, Any] = {}
        for name, field in fields.items():
            if name in entries:
                given[field.name] = self.read(entries[name][1], field.type, _under(key, name))
            elif field.required:
                given[field.name] = self._wrong(node, _under(key, name), "is missing", _keys_hint(field.type))
        if any(value is WRONG for value in given.values()):
            return WRONG
        return self._make(node, kind, given, key)

    def _make(self, node: MappingNode, kind: type[msgspec.Struct], given: Mapping[str, Any], key: str) -> Any:
        """Make the value; what its own `__post_init__` refuses is told where the value it quotes stands."""
        try:
            return kind(**given)
        except Exception as error:  # noqa: BLE001 - a rule that breaks on a value is a problem of that value
            text = str(error) or type(error).__name__
            return self._wrong(_quoted(node, text) or node, key, text)

    def _hint(self, name: str, names: Mapping[str, Any], of_others: Container[str]) -> str:
        if name in self._top:
            return ": it belongs to the top of this file"
        if name in self._elsewhere:
            return f": {self._elsewhere[name]}"
        if name in of_others:
            return ": it belongs to destinations of another type"
        if name.partition(":")[0] in names:
            return _BLANK
        import difflib

        near = difflib.get_close_matches(name, names, 1)
        return f"; did you mean {near[0]}?" if near else ""

    def _read_dict(self, node: Node, expected: Any, key: str) -> Any:
        if not isinstance(node, MappingNode):
            return self._wrong(node, key, f"is {what_is(node)}, must be a mapping of names")
        values = {
            name: self.read(value, expected, _under(key, quotable_name(name, value)))
            for name, (_, value) in self._entries(node, key).items()
        }
        for name in values:
            if not name.strip() or not name.isprintable():
                return self._wrong(node, key, "holds a name that is empty or cannot be printed")
        return WRONG if any(value is WRONG for value in values.values()) else values

    def _read_tuple(self, node: Node, expected: Any, meta: Mapping[str, Any], key: str) -> Any:
        if not isinstance(node, SequenceNode):
            return self._wrong(node, key, f"is {what_is(node)}, must be a list", _list_hint(node, expected))
        if not node.value and not meta.get("may_be_empty"):
            return self._wrong(node, key, "is an empty list", ": name something, or leave the key out")
        values = tuple(self.read(value, expected, f"{key}[{i}]") for i, value in enumerate(node.value))
        return WRONG if any(value is WRONG for value in values) else values

    def _read_leaf(self, node: Node, kind: Any, meta: Mapping[str, Any], key: str) -> Any:
        if not isinstance(node, ScalarNode):
            belongs = f": {self._elsewhere[key]}" if key in self._elsewhere else ""
            return self._wrong(node, key, f"is {what_is(node)}, must be {describe(kind, meta)}", belongs)
        if not _is_text(node.value):
            return self._wrong(node, key, "holds half a surrogate pair, which is no character")
        try:
            return self._value(node, kind, meta)
        except msgspec.ValidationError as error:
            return self._wrong(node, key, *refusal(node, kind, meta, error))
        except (ValueError, RuntimeError) as error:
            return self._wrong(node, key, str(error))

    def _value(self, node: ScalarNode, kind: Any, meta: Mapping[str, Any]) -> Any:
        """Return the value; raises what its kind, or a rule of its own, has against it."""
        if kind in _READ_TEXT:
            value = _READ_TEXT[kind](node.value)
        elif kind is Path:
            value = self._read_path(node, meta)
        else:
            value = msgspec.convert(value_of(node), meta.get("type", kind))
        if rule := meta.get("rule"):
            rule(value)
        return value

    def _read_path(self, node: ScalarNode, meta: Mapping[str, Any]) -> Path:
        """Return an absolute path; a relative one is meant from where its file lies."""
        if not isinstance(value_of(node), str) or not node.value.strip() or "\0" in node.value:
            raise ValueError("must be a path")
        path = Path(node.start_mark.name).parent.absolute() / Path(node.value).expanduser()
        check_place(path, meta.get("place", ""), is_on_host=self._must_exist)
        if self._must_exist and meta.get("must_exist"):
            _check_file(path, meta.get("holds"))
        return path


def _check_file(path: Path, holds: Callable[[bytes], None] | None) -> None:
    try:
        content = read_named(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"must name a file that can be read, this one cannot: {reason}") from None
    if not content.strip():
        raise ValueError("names a file that is empty")
    if holds:
        holds(content)


def _is_text(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)


def _keys_hint(expected: Any) -> str:
    """Return what to write where a mapping is missing."""
    kind, _ = without_meta(expected)
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return ""
    return f"; its keys are {', '.join(field.encode_name for field in msgspec.structs.fields(kind))}"


def _list_hint(node: Node, expected: Any) -> str:
    """Return how to write a list of what was written alone."""
    if isinstance(node, MappingNode):
        return ': begin each entry with "- "'
    if not (structs := structs_in(without_meta(expected)[0])):
        return ": put it into [ ]"
    return f': begin each entry with "- " and a key, as "- {structs[0].__struct_encode_fields__[0]}: "'


def _under(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _quoted(node: Node, text: str) -> Node | None:
    """Return the one scalar below `node` whose value `text` quotes, so that its line can be told."""
    found: list[Node] = []
    waiting: list[Node] = [node]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue  # an alias, perhaps of its own parent
        seen.add(id(part))
        if isinstance(part, MappingNode):
            waiting += [value for _, value in part.value]
        elif isinstance(part, SequenceNode):
            waiting += part.value
        elif part.value and repr(part.value) in text:
            found.append(part)
    return found[0] if len(found) == 1 else None
