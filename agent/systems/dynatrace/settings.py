"""What agent.yaml says of a destination of type `dynatrace`."""

from typing import Annotated, ClassVar, Literal

import msgspec

from agent.configuration.types import DestinationSettings, Duration, Key, KeyFile
from agent.systems.dynatrace.rules import DEFAULT_TIMEOUT_MINUTES, MAX_TIMEOUT_MINUTES

_Name = Annotated[str, msgspec.Meta(min_length=1)]


class Attach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entities events are attached to that bring no rules of their own."""

    entity_ids: tuple[_Name, ...] = ()
    """Entities that events are attached to which bring no rules of their own, as `HOST-0123456789ABCDEF`.
    At least one of these and `attach.tags` is needed; with `api: v2` these win, since a selector there
    holds one or the other."""
    tags: tuple[_Name, ...] = ()
    """Hosts with these tags are what events are attached to which bring no rules of their own."""

    def __post_init__(self) -> None:
        if not self.entity_ids and not self.tags:
            raise ValueError("attach needs at least one of entity_ids and tags")


class DynatraceSettings(DestinationSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An environment; `url` is its base, to which the agent appends the path of the `api`."""

    credential_keys: ClassVar[tuple[str, ...]] = ("api_token", "api_token_file")

    type: Literal["dynatrace"] = "dynatrace"
    api: Literal["v1", "v2"] = "v1"
    """Which version of the events API, `v1` or `v2`. The url is the base, `https://ENV.live.example.com` or
    `https://HOST/e/ENV`; the agent appends `/api/v1/events` or `/api/v2/events/ingest`."""
    api_token: Key | None = None
    """The API token itself."""
    api_token_file: KeyFile | None = None
    """The file that holds the API token, read again when it changes."""
    attach: Attach
    problem_timeout: Duration = Duration(DEFAULT_TIMEOUT_MINUTES * 60)
    """How long a problem stays open that is not refreshed, at most `120m`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.problem_timeout <= MAX_TIMEOUT_MINUTES * 60:
            raise ValueError("problem_timeout must be longer than 0s and at most 120m")
