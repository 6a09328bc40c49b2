"""What agent.yaml says of a destination of type `dynatrace`."""

from typing import Annotated, ClassVar, Literal

import msgspec

from agent.configuration.types import DestinationSettings, Duration, Readable, Secret
from agent.systems.dynatrace.rules import DEFAULT_TIMEOUT_MINUTES, MAX_TIMEOUT_MINUTES

_Name = Annotated[str, msgspec.Meta(min_length=1)]


class Attach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entities events are attached to that bring no rules of their own."""

    entity_ids: tuple[_Name, ...] = ()
    tags: tuple[_Name, ...] = ()

    def __post_init__(self) -> None:
        if not self.entity_ids and not self.tags:
            raise ValueError("attach needs at least one of entity_ids and tags")


class DynatraceSettings(DestinationSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An environment; `url` is its base, to which the agent appends the path of the `api`."""

    credential_keys: ClassVar[tuple[str, ...]] = ("api_token", "api_token_file")

    type: Literal["dynatrace"] = "dynatrace"
    api: Literal["v1", "v2"] = "v1"
    api_token: Secret | None = None
    api_token_file: Readable | None = None
    attach: Attach
    problem_timeout: Duration = Duration(DEFAULT_TIMEOUT_MINUTES * 60)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.problem_timeout <= MAX_TIMEOUT_MINUTES * 60:
            raise ValueError("problem_timeout must be longer than 0s and at most 120m")
