"""What agent.yaml says of a destination of type `sensu`."""

from typing import Literal

from agent.configuration.types import DestinationSettings


class SensuSettings(DestinationSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Sensu client's HTTP socket or a Sensu API; `url` is its base, to which the agent appends `/results`."""

    type: Literal["sensu"] = "sensu"
