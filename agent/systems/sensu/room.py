"""How much the registry may remember: a bounded number of checks, and of bytes.

A program that names a new check each time must fill neither the disk nor the memory: the check that was well
longest ago makes room, and one that is not well never does. Belongs to whoever holds the registry's lock.
"""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec

from agent.intake.dialect import Problem

log = logging.getLogger(__name__)

MOST_CHECKS = 10_000
MOST_BYTES = 16 * 1024 * 1024


class _Seen(msgspec.Struct):
    """Of a state, what decides who makes room."""

    result: "_SeenResult"
    event: "_SeenEvent | None" = None


class _SeenResult(msgspec.Struct):
    executed: int = 0


class _SeenEvent(msgspec.Struct):
    pass


class _Known(msgspec.Struct, frozen=True):
    size: int
    executed: int
    """When its last result was, in seconds since the epoch."""
    is_well: bool


_decode = msgspec.json.Decoder(_Seen).decode


class Room:
    """The checks that are remembered, by their keys."""

    def __init__(
        self,
        has_room: Callable[[int], bool],
        *,
        most_checks: int = MOST_CHECKS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._has_room = has_room
        self._most_checks = most_checks
        self._most_bytes = most_bytes
        self._known: dict[str, _Known] = {}
        self._bytes = 0
        self._is_told = False

    def found(self, key: str, value: bytes) -> None:
        """Take note of what is remembered."""
        self._drop(key)
        try:
            seen = _decode(value)
        except msgspec.MsgspecError:
            seen = _Seen(_SeenResult())
        self._known[key] = _Known(len(key) + len(value), seen.result.executed, seen.event is None)
        self._bytes += self._known[key].size

    def changed(self, remember: Mapping[str, bytes | None]) -> None:
        """Take note of what is remembered from now on."""
        for key, value in remember.items():
            if value is None:
                self._drop(key)
            else:
                self.found(key, value)

    def make(self, wanted: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
        """Return what must be forgotten for this to have room; raises `Problem` where nothing may be."""
        size = sum(len(key) + len(value or b"") for key, value in wanted.items())
        replaced = [self._known[key].size for key in wanted if key in self._known]
        more = size - sum(replaced)
        checks = len(self._known) + len(wanted) - len(replaced) - self._most_checks
        excess = self._bytes + more - self._most_bytes
        if checks <= 0 and excess <= 0:
            if more <= 0 or self._has_room(more):
                return {}
            excess = more
        gone = self._oldest(wanted, checks, excess)
        self._tell(len(gone))
        return dict.fromkeys(gone)

    def _oldest(self, wanted: Mapping[str, bytes | None], checks: int, excess: int) -> list[str]:
        """Return the keys of well checks that free so much, oldest first."""
        gone: list[str] = []
        slack = max(1, self._most_checks // 100)  # so that not each new check asks them all
        may_go = sorted(
            (known.executed, key) for key, known in self._known.items() if known.is_well and key not in wanted
        )
        for _, key in may_go:
            if checks <= 0 and excess <= 0 and len(gone) >= slack:
                break
            gone.append(key)
            checks -= 1
            excess -= self._known[key].size
        if checks > 0 or excess > 0:
            raise Problem(
                HTTPStatus.INSUFFICIENT_STORAGE,
                f"no more checks can be remembered: {len(self._known)} are, at most {self._most_checks}"
                f" and {self._most_bytes} bytes",
            )
        return gone

    def _tell(self, count: int) -> None:
        if not self._is_told:
            self._is_told = True
            log.warning(
                "sensu: %d checks are remembered, no more have room: the longest well ones are forgotten (%d now)",
                len(self._known),
                count,
            )

    def _drop(self, key: str) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            self._bytes -= known.size
