"""Keeping what was handed in: how much fits, and that it is on disk before anybody hears so.

A flood ends in 429, and takes at most half of the spool: it never pushes out what this host saw itself.
"""

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

import msgspec

from agent.events.capture import INTAKE, Capture
from agent.intake.dialect import Parsed, Problem
from agent.intake.quota import IntakeQuota
from agent.intake.rate import Rate
from spool import SpoolError, SpoolFull

log = logging.getLogger(__name__)


NOTHING: Mapping[str, bytes | None] = MappingProxyType({})

EVENTS_A_SECOND, EVENTS_AT_ONCE = 1000.0, 1_000_000.0
"""The intake's rate: a backlog or a benchmark passes at once, a program that runs wild does not."""


class Keeping(msgspec.Struct, frozen=True):
    """The way from what was parsed to the disk; any thread may use it."""

    capture: Capture
    share: IntakeQuota
    rate: Rate = msgspec.field(default_factory=lambda: Rate(EVENTS_A_SECOND, EVENTS_AT_ONCE))

    def keep(
        self, parsed: Parsed, remember: Mapping[str, bytes | None] = NOTHING, owner: str = INTAKE
    ) -> None:
        """Return when it is on disk, and what `owner` remembers with it; raises `Problem` when nothing was kept."""
        count = parsed.count
        if not count and not remember:
            return
        if wait_seconds := self.rate.take(count):
            after = str(math.ceil(wait_seconds))
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"too many events; again in {after} s",
                headers=(("Retry-After", after),),
            )
        try:
            self.capture.keep_posted(
                parsed.events,
                parsed.identity,
                has_room=self.share.has_room,
                items=parsed.items,
                owner=owner,
                remember=remember,
            )
        except SpoolFull as error:
            raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, str(error)) from None
        except SpoolError as error:
            log.error("intake: cannot keep events: %s", error)  # noqa: TRY400 - made for people, with a hint
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from None
