"""What conf.d may say of services, and how the collector is made of it, which is loaded then and not before."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from collectors._braces import expanded
from collectors.collector import Collector, Condition, Memory, Registration, Scoped

MAX_LOG_LINES = 50


def _check_unit(pattern: str) -> None:
    expanded((pattern,))


def _check_lines(count: int) -> None:
    if not 0 <= count <= MAX_LOG_LINES:
        raise ValueError(f"`log_lines` is {count}: give a number from 0 to {MAX_LOG_LINES}")


Unit = Annotated[str, msgspec.Meta(extra={"rule": _check_unit})]


class ServicesEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Services by glob (`{a,b}` too) or alias, with or without `.service`; see `DEFAULT_EXCLUDES` for what a glob leaves out."""

    units: tuple[Unit, ...] = ("*.service",)
    """Units by glob (`{a,b}` too) or by an alias, with or without `.service`. `check`, `doctor` and
    `status` tell one that fits no service of the host."""
    exclude: tuple[Unit, ...] = ()
    """Units that this entry does not mean. `user@*`, `user-runtime-dir@*`, `run-*` and `session-*` are
    never meant by a mere glob."""
    log_lines: Annotated[int, msgspec.Meta(extra={"rule": _check_lines})] = 0
    """So many last lines of the log of a run that failed go with its event, at most 50, secrets masked. The
    agent's user has to be in the group `systemd-journal`."""

    def __post_init__(self) -> None:
        for pattern in (*self.units, *self.exclude):
            _check_unit(pattern)
        _check_lines(self.log_lines)


def _create(entries: Sequence[Scoped[ServicesEntry]]) -> Collector:
    from collectors.services import Services

    return Services(entries)


def _find_doubts(entries: Sequence[Scoped[ServicesEntry]], root: Path) -> Iterable[str]:
    from collectors.services import find_doubts

    return find_doubts(entries, root)


def _read_conditions(memory: Memory) -> Iterable[Condition]:
    from collectors._services.condition import read_conditions

    return read_conditions(memory)


REGISTRATION = Registration(
    ServicesEntry,
    _create,
    many=True,
    default=ServicesEntry(),
    find_doubts=_find_doubts,
    read_conditions=_read_conditions,
)
