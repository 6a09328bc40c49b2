"""What agent.yaml says of a destination of type `sematext`."""

from typing import Literal

from agent.configuration.types import DestinationSettings, Readable, Secret


class SematextSettings(DestinationSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sematext's event receiver; `url` is its base, to which the agent appends `/<token>/event`."""

    type: Literal["sematext"] = "sematext"
    token: Secret | None = None
    """The token itself."""
    token_file: Readable | None = None
    """The file that holds the token, read again when it changes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.token is not None and self.token_file is not None:
            raise ValueError("give token or token_file, not both")
