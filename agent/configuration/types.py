"""The typed configuration: what agent.yaml and the environment may say, with every default.

Values only. Where they come from, and what is said about wrong ones, is `load`'s. The collectors'
own entries are typed beside each collector and reach this through `collectors.registry`.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from agent.configuration.no_proxy import Exemption
from agent.configuration.values import ListenAddress, Loopback, Secret, Url
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
    "Intake",
    "IntakeHttp",
    "IntakeSensu",
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
    "Tls",
    "Url",
]


Tag = Annotated[str, msgspec.Meta(pattern=r"^[^:]+:", description="a tag `key:value`, as env:prod")]
Tags = Annotated[tuple[Tag, ...], msgspec.Meta(extra={"may_be_empty": True})]
Identifier = Annotated[str, msgspec.Meta(min_length=1, description="an identifier, as urn:component:/nginx")]
Identifiers = Annotated[tuple[Identifier, ...], msgspec.Meta(extra={"may_be_empty": True})]
Readable = Annotated[Path, msgspec.Meta(extra={"must_exist": True})]
"""A file that `check` wants to read; the daemon starts without it and looks again."""
AtLeastOne = Annotated[int, msgspec.Meta(ge=1, description="a whole number, at least 1")]


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the other side proves who it is, and we who we are."""

    ca_file: Readable | None = None
    """Certificates that the receiver's is checked against. Default: the system's."""
    client_cert_file: Readable | None = None
    """The certificate this agent shows."""
    client_key_file: Readable | None = None
    """The key of that certificate, when it is not in the same file."""
    verify: bool = True
    """`false` accepts any certificate; `check` warns of it."""

    def __post_init__(self) -> None:
        if self.client_key_file and not self.client_cert_file:
            raise ValueError("client_key_file needs client_cert_file beside it")


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much one request holds; bytes are of JSON before compression."""

    max_events: AtLeastOne = 1000
    """Events in a request, at most."""
    max_bytes: Size = Size(900 * 1024)
    """Bytes of JSON in a request before compression, at most."""
    linger: Duration = Duration(0.25)
    """How long a request waits for more events; the first after silence goes at once."""

    def __post_init__(self) -> None:
        if self.max_bytes < 1:
            raise ValueError("max_bytes must be at least 1B")


class Backoff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bounds of the wait after a failure."""

    initial: Duration = Duration(1)
    """The wait after a first failure."""
    max: Duration = Duration(300)
    """The longest wait after many failures."""

    def __post_init__(self) -> None:
        if not 0 < self.initial <= self.max:
            raise ValueError("initial must be longer than 0s and at most max")


class Only(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A filter: event types, and tags as `k:v`; an event passes when it matches each list that is given."""

    types: tuple[str, ...] = ()
    """Send events of these types alone. Default: all."""
    tags: tuple[Tag, ...] = ()
    """Send events with one of these tags alone. Default: all."""


class DestinationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every destination has, whatever its system; a system's own settings derive from it and add a `type`.

    As loaded, the environment's word is in it already: a `proxy` of None means none.
    """

    credential_keys: ClassVar[tuple[str, ...]] = ()
    """Keys of which exactly one must be given, as `token` and `token_file`."""
    credential_variable: ClassVar[str] = ""
    """A variable of the environment that may give it instead."""
    known_elsewhere: ClassVar[frozenset[str]] = frozenset(
        [
            "api",
            "api_key",
            "api_key_file",
            "api_token",
            "api_token_file",
            "attach",
            "batch",
            "compression",
            "encoding",
            "headers",
            "health",
            "health_interval",
            "instance",
            "key_in",
            "problem_timeout",
            "scheme",
            "token",
            "token_file",
            "topology",
        ]
    )
    """Keys of one system or another: a message names one that does not belong here, though it stands beside a secret."""
    never: ClassVar[frozenset[str]] = frozenset()
    """Names of events that it does not get as events: what they tell goes to it in records of a kind of its own."""

    type: str
    """Which system listens there."""
    url: Url
    """The receiver's address. Of `type: stackstate` with or without `/intake`, with or without a last
    slash; of the others the base, to which the agent appends the path. The agent's own intake, in any
    spelling, is an error for `check`; the daemon starts, keeps the events, and pauses that destination."""
    timeout: Duration = Duration(20)
    """For a whole request, from connecting to the last byte of the answer."""
    proxy: Url | None = None
    """A proxy; an empty text means none, whatever the environment says."""
    no_proxy: tuple[Exemption, ...] = ()
    """What is reached without the proxy: hosts and domains (`example.com`, `.example.com`, `*.example.com`),
    addresses, nets (`10.0.0.0/8`), each also with `:port` (`[::1]:8080`), `*` for all. Anything else is
    an error."""
    tls: Tls = Tls()
    backoff: Backoff = Backoff()
    start: Literal["now", "oldest"] = "now"
    """Where a destination begins that is added beside others: `now`, or `oldest` that is kept."""
    only: Only = Only()

    def __post_init__(self) -> None:
        if self.timeout <= 0:
            raise ValueError("timeout must be longer than 0s")
        given = [key for key in self.credential_keys if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"give {' or '.join(given)}, not both")


class BatchedSettings(DestinationSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same for a system that takes several events in one request."""

    batch: Batch = Batch()


SMALLEST_SPOOL_BYTES = 8 * 1024 * 1024
"""The reserve, an empty database, its -wal and one large chunk have to fit."""


class Spool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are kept, and for how long."""

    directory: Path | None = None
    """Where events are kept; under systemd the unit's state directory. Elsewhere the unit may not write:
    `systemctl edit sts-agent`, and write `[Service]` and below it `ReadWritePaths=DIRECTORY`; the
    directory has to exist and be owned by sts-agent. `sts-agent doctor` tells. Default: `/var/lib/sts-agent`."""
    max_size: Size = Size(512 * 1024 * 1024)
    """How large the whole directory may become; at least `8MiB`."""
    max_age: Duration = Duration(30 * 86400)
    """Older events are dropped, counted, and told."""
    keep_delivered: Duration = Duration(7 * 86400)
    """How long `sts-agent log` remembers what was delivered."""
    when_full: Literal["drop_oldest", "reject_new"] = "drop_oldest"
    """`drop_oldest`, or `reject_new`: local programs are refused, collectors wait."""

    def __post_init__(self) -> None:
        if self.max_size < SMALLEST_SPOOL_BYTES:
            raise ValueError("max_size must be at least 8MiB")
        if self.max_age <= 0:
            raise ValueError("max_age must be longer than 0s")


class IntakeHttp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The intake on a port, for programs that cannot use the socket; whoever uses it shows the token."""

    listen: Loopback
    """A port of the loopback that takes events as well. Off without `intake.http`."""
    token_file: Readable
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

    socket: Path | None = None
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


Hostname = Annotated[str, msgspec.Meta(pattern=r"^[^\s/]+$", description="a host name without spaces")]


class Metrics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A port of its own for what a Prometheus reads; without one the socket alone answers `/metrics`."""

    listen: ListenAddress
    """Where a Prometheus reads the metrics at `/metrics`; root and the service's user read them from the socket without it. At an address other hosts reach, a request has to name this host by its name or an address. Off without `metrics`."""


class Status(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When `status` and `/health` say that action is needed."""

    alert_after: Duration = Duration(900)
    """Nothing delivered for so long, while something waits: action is needed, say `status` and `/health`."""


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
