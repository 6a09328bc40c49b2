"""What every destination's entry in agent.yaml holds, whatever its system. `agent.configuration.types` has these names, too."""

from typing import Annotated, ClassVar, Literal

import msgspec

from agent.configuration.no_proxy import Exemption
from agent.configuration.values import Certificates, PrivateKey, Tag, Url
from collectors.collector import Duration, Size

LONGEST_LINGER_SECONDS = LONGEST_TIMEOUT_SECONDS = 3600.0
LONGEST_BACKOFF_SECONDS = 86400.0
"""Of a longer wait nobody hears: nothing fails, and nothing arrives."""

AtLeastOne = Annotated[int, msgspec.Meta(ge=1, description="a whole number, at least 1")]


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the other side proves who it is, and we who we are."""

    ca_file: Certificates | None = None
    """Certificates that the receiver's is checked against. Default: the system's."""
    client_cert_file: Certificates | None = None
    """The certificate this agent shows."""
    client_key_file: PrivateKey | None = None
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
    """How long a request waits for more events; the first after silence goes at once. At most `1h`."""

    def __post_init__(self) -> None:
        if self.max_bytes < 1:
            raise ValueError("max_bytes must be at least 1B")
        if self.linger > LONGEST_LINGER_SECONDS:
            raise ValueError("linger must be at most 1h")


class Backoff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bounds of the wait after a failure."""

    initial: Duration = Duration(1)
    """The wait after a first failure."""
    max: Duration = Duration(300)
    """The longest wait after many failures, at most `1d`."""

    def __post_init__(self) -> None:
        if not 0 < self.initial <= self.max:
            raise ValueError("initial must be longer than 0s and at most max")
        if self.max > LONGEST_BACKOFF_SECONDS:
            raise ValueError("max must be at most 1d")


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
    """For a whole request, from connecting to the last byte of the answer; at most `1h`."""
    proxy: Url | None = None
    """A proxy; an empty text means none, whatever the environment says."""
    no_proxy: tuple[Exemption, ...] = ()
    """What is reached without the proxy: hosts and domains (`example.com`, `.example.com`, `*.example.com`),
    addresses, nets (`10.0.0.0/8`), each also with `:port` (`[::1]:8080`), `*` for all. Anything else is
    an error."""
    tls: Tls = Tls()
    backoff: Backoff = Backoff()
    start: Literal["now", "oldest"] = "now"
    """Where a destination begins that is added beside others: `now`, or `oldest` that is kept.

    One that was there under this name, or with this address, goes on where it stood.
    """
    only: Only = Only()

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= LONGEST_TIMEOUT_SECONDS:
            raise ValueError("timeout must be longer than 0s and at most 1h")
        given = [key for key in self.credential_keys if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"give {' or '.join(given)}, not both")


class BatchedSettings(DestinationSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same for a system that takes several events in one request."""

    batch: Batch = Batch()
