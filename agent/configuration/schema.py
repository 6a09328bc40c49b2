"""The JSON Schema of agent.yaml and of a file in conf.d, made of the types: for editors and for build jobs.

It refuses nothing that `check` takes. What no schema can say, as that a path may not be `/**` or that a file is
there, `check` alone says. Nothing but that command imports this.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from agent.configuration.kinds import may_be_a_switch, structs_in, without_meta
from agent.configuration.no_proxy import Exemption
from agent.configuration.reference import said_of_fields
from agent.configuration.show import plain
from agent.configuration.types import Application, DestinationSettings, Settings
from agent.configuration.values import ListenAddress, Loopback, Secret, Url
from agent.systems.registry import DEFAULT_TYPE, SYSTEMS, system
from agent.systems.sources import SOURCES, WithSources
from collectors.collector import Duration, Size
from collectors.registry import COLLECTORS

Schema = dict[str, Any]

_NUMBER = r"[0-9]{1,12}(\.[0-9]{1,6})? ?"
_LEAVES: dict[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Path: {"type": "string", "minLength": 1},
    Secret: {"type": ["string", "number", "boolean"]},
    Url: {"type": "string", "pattern": "^https?://"},
    Loopback: {"type": "string", "pattern": ":[0-9]+$"},
    ListenAddress: {"type": "string", "pattern": ":[0-9]+$"},
    Exemption: {"type": ["string", "number"]},
    Duration: {"anyOf": [{"type": "string", "pattern": f"^{_NUMBER}(ms|s|m|h|d)$"}, {"enum": [0, "0"]}]},
    Size: {"anyOf": [{"type": "string", "pattern": f"^{_NUMBER}([KMGT]i)?B$"}, {"enum": [0, "0"]}]},
}


def schema(which: Literal["agent", "conf.d"]) -> Schema:
    """Return the schema of agent.yaml, or of a file in conf.d."""
    made = _agent_file() if which == "agent" else _application_file()
    name = "agent.yaml" if which == "agent" else "a file in conf.d"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{name} of sts-agent",
        **made,
        "type": ["object", "null"],  # an empty file is right
    }


def _agent_file() -> Schema:
    made = _struct(Settings)
    destinations = {
        "description": "Where events go, by names of your own; without any they are recorded on this host alone.",
        "type": "object",
        "additionalProperties": {"anyOf": [_struct(system(name).settings) for name in SYSTEMS]},
    }
    switches = {
        name: {
            "type": "boolean",
            "default": True,
            "description": f"`false` turns off what `{name}` tells by default.",
        }
        for name, known in COLLECTORS.items()
        if known.default is not None
    }
    made["properties"] |= {"destinations": destinations, **switches}
    return made


def _application_file() -> Schema:
    made = _struct(Application)
    for name, known in WithSources(COLLECTORS, sorted(SOURCES)).items():
        one = _struct(known.entry)
        made["properties"][name] = {"type": "array", "minItems": 1, "items": one} if known.many else one
    return made | {"additionalProperties": False}


def _struct(kind: type[msgspec.Struct]) -> Schema:
    """Return the schema of a mapping with fixed keys."""
    said = said_of_fields(kind)
    fields = msgspec.structs.fields(kind)
    made: Schema = {
        "type": "object",
        "properties": {
            field.encode_name: _field(field, said.get(field.name, ""))
            for field in fields
            if field.name != "destinations"
        },
        "additionalProperties": False,
    }
    required = [field.encode_name for field in fields if field.required]
    if issubclass(kind, DestinationSettings):
        named = next(field.type for field in fields if field.name == "type")
        required = [key for key in required if key != "type"]
        if DEFAULT_TYPE not in get_args(named):
            required.append("type")  # one that says nothing is of the default type
        if len(kind.credential_keys) > 1:
            made["not"] = {"required": [*kind.credential_keys]}
    return made | ({"required": required} if required else {})


def _field(field: msgspec.structs.FieldInfo, said: str) -> Schema:
    shown = None if field.default in (msgspec.NODEFAULT, None) else plain(field.default)
    described = {"description": said} if said else {}
    default = {} if shown in (None, [], {}) or structs_in(without_meta(field.type)[0]) else {"default": shown}
    return _type(field.type) | described | default


def _type(expected: Any) -> Schema:
    """Return the schema of whatever a key may hold; None is never written, whatever the types say."""
    kind, meta = without_meta(expected)
    if structs := structs_in(kind):
        kinds = [*([_LEAVES[bool]] if may_be_a_switch(kind) else []), *map(_struct, structs)]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(arguments[1])}
    if origin is tuple:
        some = {} if meta.get("may_be_empty") else {"minItems": 1}
        return {"type": "array", "items": _type(arguments[0]), **some}
    if origin is Literal:
        return {"enum": [*arguments]}
    return {**_LEAVES[kind], **_bounds(meta)}


def _bounds(meta: Mapping[str, Any]) -> Schema:
    """Return what the annotations of a scalar demand of it."""
    written = meta.get("type")
    notes = get_args(written)[1:] if get_origin(written) is Annotated else ()
    words = {"pattern": "pattern", "min_length": "minLength", "ge": "minimum", "le": "maximum"}
    return {
        word: value
        for note in notes
        if isinstance(note, msgspec.Meta)
        for name, word in words.items()
        if (value := getattr(note, name)) is not None
    }
