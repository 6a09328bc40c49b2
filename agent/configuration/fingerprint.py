"""One short hash of the configuration that counts: the same on every host with the same files, another after a change.

So that one search at the receiver tells which hosts did not take a change. No secret goes into it, and nothing that
only this host has: neither what a key file holds nor where a default directory lies.
"""

import json
from _blake2 import (
    blake2b,
)  # the module behind hashlib, which would bring OpenSSL: every start tells the hash
from collections.abc import Mapping
from typing import Any

import msgspec

from agent.configuration.types import Configuration
from agent.configuration.values import Secret, Url

_DIGITS = 16


def configuration_hash(configuration: Configuration) -> str:
    """Return sixteen hexadecimal digits; a file that was set aside, or replaced, is not in them."""
    counts = _stable([configuration.settings, configuration.collectors])
    text = json.dumps(counts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return blake2b(text.encode(), digest_size=_DIGITS // 2).hexdigest()


def _stable(value: Any) -> Any:
    """Return a value as JSON has it, each secret as nothing."""
    match value:
        case Secret() | None:
            return None
        case Url():
            return value.masked()
        case bool() | int() | float():
            return value
        case msgspec.Struct():
            return {name: _stable(getattr(value, name)) for name in value.__struct_fields__}
        case Mapping():
            return {str(key): _stable(one) for key, one in value.items()}
        case tuple() | list():
            return [_stable(one) for one in value]
    return str(value)
