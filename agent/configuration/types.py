"""The typed configuration: what agent.yaml and the environment may say, with every default.

Values only. Where they come from, and what is said about wrong ones, is `load`'s. The collectors'
own entries are typed beside each collector and reach this through `collectors.registry`.
"""

import hmac
from pathlib import Path
from typing import Any, Literal, NoReturn

import msgspec

from collectors.collector import Duration, Scoped, Size

__all__ = [
    "Backoff",
    "Batch",
    "Configuration",
    "Destination",
    "Duration",
    "Intake",
    "Only",
    "Scoped",
    "Secret",
    "Settings",
    "Size",
    "Spool",
    "Tls",
]


class Secret:
    """A value that must never be shown: only `reveal` gives it, nothing else prints, copies or encodes it.

    Not a `str`, so that json, a log line, `+` and a traceback of locals cannot spell it by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def reveal(self) -> str:
        """Return the value itself, for the one place that sends it."""
        return self._value


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the other side proves who it is, and we who we are."""

    ca_file: Path | None = None
    client_cert_file: Path | None = None
    client_key_file: Path | None = None
    verify: bool = True


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much one request holds; bytes are of JSON before compression."""

    max_events: int = 1000
    max_bytes: Size = Size(900 * 1024)
    linger: Duration = Duration(0.25)


class Backoff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bounds of the wait after a failure."""

    initial: Duration = Duration(1)
    max: Duration = Duration(300)


class Only(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A filter: event types, and tags as `k:v`; an event passes when it matches each list that is given."""

    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Destination(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A remote side of type `stackstate`, under a name of the operator's own."""

    type: Literal["stackstate"]
    url: str
    api_key: Secret | None = None
    api_key_file: Path | None = None
    compression: Literal["deflate", "gzip", "none"] = "deflate"
    key_in: Literal["auto", "header", "query", "both"] = "auto"
    timeout: Duration = Duration(20)
    proxy: str | None = None
    no_proxy: tuple[str, ...] = ()
    tls: Tls = Tls()
    batch: Batch = Batch()
    backoff: Backoff = Backoff()
    start: Literal["now", "oldest"] = "now"
    only: Only = Only()


class Spool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are kept, and for how long."""

    directory: Path | None = None
    max_size: Size = Size(512 * 1024 * 1024)
    max_age: Duration = Duration(30 * 86400)
    keep_delivered: Duration = Duration(7 * 86400)
    when_full: Literal["drop_oldest", "reject_new"] = "drop_oldest"


class Intake(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where local programs hand in their events."""

    socket: Path | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """agent.yaml as written; the on/off keys of default collectors are added from the registry."""

    hostname: str | None = None
    tags: tuple[str, ...] = ()
    element_identifiers: tuple[str, ...] = ()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    destinations: dict[str, Destination] = {}
    spool: Spool = Spool()
    intake: Intake = Intake()


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """The effective configuration of one agent: everything resolved, nothing left to look up.

    `collectors` maps a registry name to its entries, defaults first, then those of each conf.d file with
    that file's tags and identifiers. `set_aside` names conf.d files that were wrong, each with its problems.
    """

    settings: Settings
    spool_directory: Path
    socket: Path
    collectors: dict[str, tuple[Scoped[Any], ...]]
    sources: tuple[Path, ...] = ()
    set_aside: dict[Path, tuple[str, ...]] = {}
