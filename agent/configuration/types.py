"""The typed configuration: what agent.yaml and the environment may say, with every default.

Values only. Where they come from, and what is said about wrong ones, is `load`'s. The collectors'
own entries are typed beside each collector and reach this through `collectors.registry`.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from agent.configuration.destination_types import (
    Backoff,
    Batch,
    BatchedSettings,
    DestinationSettings,
    Only,
    Tls,
)
from agent.configuration.values import (
    Identifier,
    Identifiers,
    Key,
    KeyFile,
    ListenAddress,
    Loopback,
    Secret,
    Tag,
    Tags,
    TokenFile,
    Url,
)
from collectors.collector import Duration, Scoped, Size

__all__ = [
    "SMALLEST_SPOOL_BYTES",
    "Application",
    "Backoff",
    "Batch",
    "BatchedSettings",
    "Configuration",
    "DestinationSettings",
    "Duration",
    "Identifier",
    "Identifiers",
    "Intake",
    "IntakeHttp",
    "IntakeSensu",
    "Key",
    "KeyFile",
    "ListenAddress",
    "Loopback",
    "Metrics",
    "Only",
    "Scoped",
    "Secret",
    "Settings",
    "Size",
    "Spool",
    "Status",
    "Tag",
    "Tags",
    "Tls",
    "TokenFile",
    "Url",
    "Who",
]


Directory = Annotated[Path, msgspec.Meta(extra={"place": "directory"})]
"""A directory of the agent's own."""
SocketPath = Annotated[Path, msgspec.Meta(extra={"place": "socket"})]

SMALLEST_SPOOL_BYTES = 8 * 1024 * 1024
"""The reserve, an empty database, its -wal and one large chunk have to fit."""


def _not_too_small(size: Size) -> None:
    if size < SMALLEST_SPOOL_BYTES:
        raise ValueError("must be at least 8MiB")


def _not_nothing(duration: Duration) -> None:
    if duration <= 0:
        raise ValueError("must be longer than 0s")


class Spool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are kept, and for how long."""

    directory: Directory | None = None
    """Where events are kept; under systemd the unit's state directory. Elsewhere the unit may not write:
    `systemctl edit sts-agent`, and write `[Service]` and below it `ReadWritePaths=DIRECTORY`; the
    directory has to exist and be owned by sts-agent. `sts-agent doctor` tells. Default: `/var/lib/sts-agent`."""
    max_size: Annotated[Size, msgspec.Meta(extra={"rule": _not_too_small})] = Size(512 * 1024 * 1024)
    """How large the whole directory may become; at least `8MiB`."""
    max_age: Annotated[Duration, msgspec.Meta(extra={"rule": _not_nothing})] = Duration(30 * 86400)
    """Older events are dropped, counted, and told."""
    keep_delivered: Duration = Duration(7 * 86400)
    """How long `sts-agent log` remembers what was delivered."""
    when_full: Literal["drop_oldest", "reject_new"] = "drop_oldest"
    """`drop_oldest`, or `reject_new`: local programs are refused, collectors wait."""

    def __post_init__(self) -> None:
        _not_too_small(self.max_size)
        _not_nothing(self.max_age)


class IntakeHttp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The intake on a port, for programs that cannot use the socket; whoever uses it shows the token."""

    listen: Loopback
    """A port of the loopback that takes events as well. Off without `intake.http`."""
    token_file: TokenFile
    """The file with the token that whoever uses the port has to show."""


class IntakeSensu(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ports that Sensu's own programs know; they have no token."""

    api: Loopback | None = None
    """The port of Sensu's API, of the loopback, as `127.0.0.1:4567`. Default: off."""
    client: Loopback | None = None
    """The port of Sensu's client socket, as `127.0.0.1:3030`. Default: off."""
    http: Loopback | None = None
    """The port of Sensu's HTTP socket, as `127.0.0.1:3031`. Default: off."""


class Intake(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where local programs hand in their events."""

    socket: SocketPath | None = None
    """Where local programs hand in events; mode 0660. Default: `/run/sts-agent/intake.sock`."""
    http: IntakeHttp | None = None
    sensu: IntakeSensu | None = None

    def __post_init__(self) -> None:
        listens = {"http": self.http.listen if self.http else None}
        if self.sensu:
            listens |= {f"sensu.{name}": getattr(self.sensu, name) for name in ("api", "client", "http")}
        taken: dict[str, str] = {}
        for key, listen in listens.items():
            if listen is not None and (other := taken.setdefault(str(listen), key)) != key:
                raise ValueError(f"{other} and {key} cannot both have the port {listen}")


Hostname = Annotated[
    str,
    msgspec.Meta(
        pattern=r"""^[^\s/$%{}<>"'`\\]+$""", description="a host name without spaces or placeholders"
    ),
]


class Metrics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A port of its own for what a Prometheus reads; without one the socket alone answers `/metrics`."""

    listen: ListenAddress
    """Where a Prometheus reads the metrics at `/metrics`; root and the service's user read them from the socket without it. At an address other hosts reach, a request has to name this host by its name or an address. Off without `metrics`."""


class Status(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When `status` and `/health` say that action is needed."""

    alert_after: Duration = Duration(900)
    """Nothing delivered for so long, while something waits: action is needed, say `status` and `/health`."""


class Who(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is seen besides changes, to say who made them."""

    execs: bool = False
    """Hears always of what programs begin to be executed, and not only while files change: who asked for something by a
    program that is over at once is known then. It wakes the agent up at each."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """agent.yaml as written; the on/off keys of default collectors are added from the registry."""

    hostname: Hostname | None = None
    """The name events are filed under; it has to be letter for letter the one StackState knows the host by.
    `localhost` and its kin count only when written here. Default: the host's own."""
    tags: Tags = ()
    """On every event, as `key:value`."""
    element_identifiers: Identifiers = ()
    """On every event, besides `urn:host:/<hostname>`."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """`debug`, `info`, `warning` or `error`."""
    destinations: dict[str, DestinationSettings] = {}
    """By name; as loaded, each is of its own system's type."""
    spool: Spool = Spool()
    intake: Intake = Intake()
    metrics: Metrics | None = None
    status: Status = Status()
    diff_at_most: Literal["never", "strict", "auto", "always"] = "auto"
    """No entry of conf.d gets more of a diff: `never`, `strict`, `auto` or `always`."""
    who: bool | Who = True
    """Whether the kernel is asked which process changed a file; where it does not tell, `sts-agent status` says why. `false` is
    off. Read at a start, a reload follows it."""


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """What a file in conf.d says of all its entries; the keys of the entries are added from the registry."""

    tags: Tags = ()
    """On every event of this file, as `key:value`."""
    element_identifiers: Identifiers = ()
    """On every event of this file, besides `urn:host:/<hostname>` and those of agent.yaml."""


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
    replaced: tuple[str, ...] = ()
    """What is wrong with agent.yaml, where the last one that was right has taken its place."""
    withheld: dict[str, str] = {}
    """Destinations that cannot be used though they are configured, and why: their keys are not kept, or they are we."""
    warnings: tuple[str, ...] = ()
    """What works, and is likely not meant: whoever loads says it once."""
