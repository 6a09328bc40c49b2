"""The effective configuration as plain values for people and programs, with every secret masked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.configuration.types import Configuration, Scoped
from agent.configuration.units import format_duration, format_size
from agent.configuration.values import Secret, Url
from collectors.collector import Duration, Size


def effective(configuration: Configuration, hostname: str | None) -> dict[str, Any]:
    """Return what counts, defaults included, in the shape of agent.yaml; `collectors` holds what conf.d adds to."""
    shown: dict[str, Any] = plain(configuration.settings)
    shown = {"hostname": hostname, **{key: value for key, value in shown.items() if key != "hostname"}}
    shown["spool"]["directory"] = str(configuration.spool_directory)
    shown["intake"]["socket"] = str(configuration.socket)
    shown["collectors"] = plain(configuration.collectors)
    return shown


def plain(value: Any) -> Any:
    """Return `value` as mappings, lists and scalars, as an operator would write them; what is not set is left out."""
    match value:
        case Secret():
            return str(value)
        case Url():
            return value.masked()
        case Duration():
            return format_duration(value)
        case Size():
            return format_size(value)
        case Path() | str():
            return str(value)
        case Scoped():
            scope = {"tags": value.tags, "element_identifiers": value.element_identifiers}
            return plain(value.config) | {key: list(some) for key, some in scope.items() if some}
        case msgspec.Struct():
            named = ((field.encode_name, field.name) for field in msgspec.structs.fields(value))
            return {
                key: _named_file(v) if key.endswith("_file") else plain(v)
                for key, name in named
                if (v := getattr(value, name)) not in (None, ())
            }
        case Mapping():
            return {str(key): plain(one) for key, one in value.items()}
        case tuple() | list() | set() | frozenset():
            return [plain(one) for one in value]
        case _:
            return value


def _named_file(value: Any) -> Any:
    """Return the path of a file that is there; another may be a key that was written in a path's place."""
    return plain(value) if not isinstance(value, Path) or value.exists() else "*** (there is no such file)"


def as_yaml(shown: Mapping[str, Any]) -> str:
    """Return it as YAML in the order given."""
    import yaml

    return str(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True))
