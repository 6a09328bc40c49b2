"""What the types of the configuration expect of a node, and how that is said to a person. Pure."""

import functools
import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from agent.configuration.no_proxy import Exemption
from agent.configuration.nodes import entry, text_entry, value_of
from agent.configuration.plain_yaml import MappingNode, Node, ScalarNode
from agent.configuration.values import ListenAddress, Loopback, Secret, Url
from collectors.collector import Duration, Size

_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "nothing",
    **dict.fromkeys((Path, Duration, Size, Secret, Url, ListenAddress, Loopback, Exemption), "text"),
}


def without_meta(expected: Any) -> tuple[Any, Mapping[str, Any]]:
    """Return the type without `| None` and Annotated, and what its annotations say."""
    meta: dict[str, Any] = {}
    if get_origin(expected) in (Union, UnionType):
        some = [arg for arg in get_args(expected) if arg is not NoneType]
        expected = functools.reduce(operator.or_, some)
    if get_origin(expected) is Annotated:
        meta["type"] = expected
        expected, *notes = get_args(expected)
        for note in notes:
            if isinstance(note, msgspec.Meta):
                meta |= {"description": note.description} if note.description else {}
                meta |= note.extra or {}
    return expected, meta


def structs_in(kind: Any) -> tuple[type[msgspec.Struct], ...]:
    """Return the mappings with fixed keys that `kind` is, or admits."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return tuple(k for k in kinds if isinstance(k, type) and issubclass(k, msgspec.Struct))


def may_be_a_switch(kind: Any) -> bool:
    """Return whether `true` or `false` may stand where `kind` admits a mapping."""
    return bool in get_args(kind)


def told_apart(
    node: Node, structs: Sequence[type[msgspec.Struct]]
) -> tuple[type[msgspec.Struct] | None, tuple[str, ...]]:
    """Return the type whose `type` key admits what the node says, and all that could be said.

    A node that says nothing is of the first type, whose `type` then is missing or has a default.
    """
    written = entry(node, "type")
    named = {name: struct for struct in structs for name in _type_names(struct)}
    if not named or written is None:
        return structs[0], tuple(named)
    return named.get(text_entry(node, "type")), tuple(named)


def _type_names(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return what `type` may say where it tells types apart; nothing where it is text like any other."""
    kinds = (f.type for f in msgspec.structs.fields(struct) if f.encode_name == "type")
    return next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), ())


def what_is(node: Node) -> str:
    """Return in words what was written."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, ScalarNode):
        return _NAMES.get(type(value_of(node)), "text")
    return "a list"


def describe(kind: Any, meta: Mapping[str, Any]) -> str:
    """Return in words what was to be written."""
    if "description" in meta:
        return str(meta["description"])
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    return _NAMES.get(kind, f"of type {kind}")


def refusal(
    node: ScalarNode, kind: Any, meta: Mapping[str, Any], error: msgspec.ValidationError
) -> tuple[str, str]:
    """Return in words why a scalar is not of its kind, and what to do; msgspec's word only where we have none."""
    value = value_of(node)
    if kind in _NAMES and not isinstance(value, (int, float) if kind is float else kind):
        quote = ": put it in quotes" if kind is str else ""
        return f"is {what_is(node)}, must be {describe(kind, meta)}", quote
    if get_origin(kind) is Literal or "description" in meta:
        return f"must be {describe(kind, meta)}", ""
    return str(error).replace("Expected", "must be").replace("`", ""), ""
