"""What the configuration says of a StackState destination."""

from typing import Annotated, ClassVar, Literal

import msgspec

from agent.configuration.types import BatchedSettings, Duration, Key, KeyFile

LONGEST_INTERVAL_SECONDS = 1800.0
"""More than this a receiver does not take as the interval of health."""

Text = Annotated[str, msgspec.Meta(min_length=1, description="a text")]


class Instance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which synchronization of StackState takes the topology; without a url it is the host's name."""

    type: Text = "sts-agent"
    """The type of the synchronization that takes the topology."""
    url: Text | None = None
    """The url of the synchronization that takes the topology. Default: the host's name."""


class StackStateSettings(BatchedSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver. As loaded, a key that the URL carried is `api_key`."""

    credential_keys: ClassVar[tuple[str, ...]] = ("api_key", "api_key_file")
    credential_variable: ClassVar[str] = "STS_API_KEY"

    type: Literal["stackstate"] = "stackstate"
    api_key: Key | None = None
    """The key itself."""
    api_key_file: KeyFile | None = None
    """The file that holds the key, read again when it changes. Missing, it is an error for `check`; the
    daemon starts and holds that destination."""
    compression: Literal["deflate", "gzip", "none"] = "deflate"
    """`deflate`, `gzip` or `none`."""
    key_in: Literal["auto", "header", "query", "both"] = "auto"
    """Where the key goes: `header`, `query`, `both`, or `auto`: the header, and the query when a receiver
    refuses that."""
    topology: bool = False
    """Bring this host and its services as components, so that events show without any other agent."""
    health: bool = False
    """Say again and again how the services and this agent are."""
    instance: Instance = Instance()
    health_interval: Duration = Duration(60)
    """How often topology and health are told, from `1s` to `30m`; after three that did not come StackState forgets the
    health of this host."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.health_interval <= LONGEST_INTERVAL_SECONDS:
            raise ValueError("health_interval must be from 1s to 30m")
