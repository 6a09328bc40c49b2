"""What agent.yaml says of a destination of type `sensu`, and conf.d of a server whose events are polled."""

from typing import ClassVar, Literal

import msgspec

from agent.configuration.types import DestinationSettings
from agent.configuration.values import Url
from collectors.collector import Duration

_SHORTEST_INTERVAL, _LONGEST_INTERVAL = 0.1, 86400.0


class SensuSettings(DestinationSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Sensu client's HTTP socket or a Sensu API; `url` is its base, to which the agent appends `/results`."""

    never: ClassVar[frozenset[str]] = frozenset({"sensu"})
    """Transitions of checks: it gets the results themselves, or knows them better than we do."""

    type: Literal["sensu"] = "sensu"


class SensuApiConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Sensu API whose events are polled; user and password may stand in its address."""

    url: Url
    """The API of a Sensu Core server, as `http://sensu.example.com:4567`, whose events are polled; user and
    password may stand in it (`http://USER:PASSWORD@…`) and are shown nowhere."""
    interval: Duration = Duration(30)
    """How often it is asked; from `100ms` to `1d`."""

    def __post_init__(self) -> None:
        if not _SHORTEST_INTERVAL <= self.interval <= _LONGEST_INTERVAL:
            raise ValueError("interval must be at least 100ms and at most 1d")
