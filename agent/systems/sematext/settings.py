"""What agent.yaml says of a destination of type `sematext`."""

from typing import ClassVar, Literal
from urllib.parse import unquote, urlsplit

from agent.configuration.types import DestinationSettings, Key, KeyFile


class SematextSettings(DestinationSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sematext's event receiver; `url` is its base, to which the agent appends `/<token>/event`."""

    credential_keys: ClassVar[tuple[str, ...]] = ("token", "token_file")

    type: Literal["sematext"] = "sematext"
    token: Key | None = None
    """The token itself."""
    token_file: KeyFile | None = None
    """The file that holds the token, read again when it changes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        path = urlsplit(self.url).path.rstrip("/")
        token = self.token.reveal().strip() if self.token else None
        if path.endswith("/event") or token in unquote(path).split("/"):
            # A url is shown, and would show the token in it.
            raise ValueError("url must be the base alone: the agent appends the token and /event")
