"""What the configuration says of a StackState destination."""

from typing import Annotated, ClassVar, Literal

import msgspec

from agent.configuration.types import BatchedSettings, Duration, Readable, Secret

LONGEST_INTERVAL_SECONDS = 1800.0
"""More than this a receiver does not take as the interval of health."""

Text = Annotated[str, msgspec.Meta(min_length=1, description="a text")]


class Instance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which synchronization of StackState takes the topology; without a url it is the host's name."""

    type: Text = "sts-agent"
    url: Text | None = None


class StackStateSettings(BatchedSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver. As loaded, a key that the URL carried is `api_key`."""

    credential_keys: ClassVar[tuple[str, ...]] = ("api_key", "api_key_file")
    credential_variable: ClassVar[str] = "STS_API_KEY"

    type: Literal["stackstate"] = "stackstate"
    api_key: Secret | None = None
    api_key_file: Readable | None = None
    compression: Literal["deflate", "gzip", "none"] = "deflate"
    key_in: Literal["auto", "header", "query", "both"] = "auto"
    topology: bool = False
    """Whether it is told of this host and its services as components."""
    health: bool = False
    """Whether it is told how they are, again and again."""
    instance: Instance = Instance()
    health_interval: Duration = Duration(60)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.health_interval <= LONGEST_INTERVAL_SECONDS:
            raise ValueError("health_interval must be from 1s to 30m")
