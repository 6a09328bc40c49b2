"""What agent.yaml says of a destination of type `otlp`."""

import re
from typing import Annotated, Literal

import msgspec

from agent.configuration.types import BatchedSettings, Key, KeyFile, Secret

Scheme = Annotated[
    str, msgspec.Meta(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", description="one word, as Bearer")
]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset(
    {"content-type", "content-encoding", "content-length", "transfer-encoding", "host", "connection"}
)
"""Headers that say what the request is: the destination makes them."""


class OtlpSettings(BatchedSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver of OTLP/HTTP logs; `url` is its base, to which the agent appends `/v1/logs`.

    A receiver on the same host often wants no credential, so none has to be given. Any header may carry one.
    """

    type: Literal["otlp"] = "otlp"
    encoding: Literal["json", "protobuf"] = "json"
    """`json`, or `protobuf`, which is half as large before compression and needs the extra `otlp`."""
    headers: dict[str, Secret] | None = None
    """Headers of every request, by name. Their values are kept as secrets."""
    token: Key | None = None
    """The token itself."""
    token_file: KeyFile | None = None
    """The file that holds the token, read again when it changes."""
    scheme: Scheme = "Bearer"
    """The word before the token in the header Authorization."""

    def __post_init__(self) -> None:
        super().__post_init__()
        has_token = self.token is not None or self.token_file is not None
        if self.token is not None and self.token_file is not None:
            raise ValueError("give token or token_file, not both")
        names = [name.lower() for name in self.headers or {}]
        if not all(map(_NAME.fullmatch, names)):
            raise ValueError("headers holds something that is no name of a header")
        if len(set(names)) < len(names):
            raise ValueError("headers names one header twice")
        if ours := sorted(_OURS.intersection(names)):
            raise ValueError(f"headers may not set {ours[0]}: the agent does")
        if has_token and "authorization" in names:
            raise ValueError("give a token or the header authorization, not both")
        if not all(value.reveal().isascii() for value in (self.headers or {}).values()):
            raise ValueError("headers holds a value that is not ASCII")
