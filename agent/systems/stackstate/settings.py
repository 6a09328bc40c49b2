"""What the configuration says of a StackState destination."""

from typing import ClassVar, Literal

from agent.configuration.types import BatchedSettings, Readable, Secret


class StackStateSettings(BatchedSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver. As loaded, a key that the URL carried is `api_key`."""

    credential_keys: ClassVar[tuple[str, ...]] = ("api_key", "api_key_file")
    credential_variable: ClassVar[str] = "STS_API_KEY"

    type: Literal["stackstate"] = "stackstate"
    api_key: Secret | None = None
    api_key_file: Readable | None = None
    compression: Literal["deflate", "gzip", "none"] = "deflate"
    key_in: Literal["auto", "header", "query", "both"] = "auto"
