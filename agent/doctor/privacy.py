"""Whether keys are where others may read them, and the configuration where others may write it."""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from agent.configuration.last_right import secrets_in
from agent.configuration.load import Loaded

_HOLDS_A_SECRET = ("key_file", "token_file")


def doubts(loaded: Loaded) -> list[str]:
    """Return a warning for each file that others may read or write though it holds, or decides on, a secret."""
    file = str(loaded.location.file)
    told = [
        _told("", path, secret=str(path) == file and file in secrets_in(loaded.root, loaded.type))
        for path in loaded.configuration.sources
    ]
    told += [
        _told(f"{key}: ", path, secret=True) for key, path in _secret_files(loaded.configuration.settings)
    ]
    return [one for one in told if one]


def _told(key: str, path: Path, *, secret: bool) -> str:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return ""  # what is not there is told elsewhere
    may = [
        word for word, bit in (("read", stat.S_IROTH if secret else 0), ("write", stat.S_IWOTH)) if mode & bit
    ]
    if not may:
        return ""
    what = "the key in it" if secret and not key else "it"
    right = "0640, and its group sts-agent" if secret else "0644"
    return f"{key}{path} has mode {mode:04o}: every user may {' and '.join(may)} {what}; give it mode {right}"


def _secret_files(value: object, at: str = "") -> Iterator[tuple[str, Path]]:
    """Yield every configured file that holds a secret, with the key that names it."""
    named: Mapping[str, object] = {}
    if isinstance(value, msgspec.Struct):
        named = {field.encode_name: getattr(value, field.name) for field in msgspec.structs.fields(value)}
    elif isinstance(value, Mapping):
        named = value
    for name, inner in named.items():
        key = f"{at}.{name}" if at else str(name)
        if isinstance(inner, Path) and str(name).endswith(_HOLDS_A_SECRET):
            yield key, inner
        yield from _secret_files(inner, key)
