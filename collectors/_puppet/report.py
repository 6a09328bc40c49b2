"""Reading one report of Puppet: YAML of any length, whose `!ruby/object:` tags mean nothing here.

It is read as a stream of events, so that a report of fifty megabytes costs no more memory than a small
one, and nothing in it is ever made into an object.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from collectors._puppet.scalars import parse_scalars

MAX_NAMED_RESOURCES = 50
MAX_MESSAGE_CHARACTERS = 1000
_LATEST_SECONDS = 100_000_000_000
"""What no receiver takes for seconds any more: it is the year 5138."""
_COUNT = re.compile("[0-9]{1,9}")


class NotAReport(ValueError):  # noqa: N818 - what the file is
    """The file is no report, or not all of one."""


@dataclass(slots=True)
class Report:
    """One run of Puppet."""

    host: str = ""
    time: int = 0
    """When the run began, in seconds since the epoch."""
    status: str = ""
    """`changed`, `unchanged` or `failed`."""
    transaction_uuid: str = ""
    catalog_uuid: str = ""
    configuration_version: str = ""
    environment: str = ""
    puppet_version: str = ""
    noop: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    """How many resources were `total`, `changed`, `failed` and so on."""
    changed: list[str] = field(default_factory=list)
    """The first resources that were changed, as `File[/etc/motd]`."""
    failed: list[str] = field(default_factory=list)
    first_error: str = ""

    @property
    def identity(self) -> str:
        """What no other run has; reports older than Puppet 3.3 have no uuid."""
        return self.transaction_uuid or (f"{self.host}:{self.time}" if self.host else "")


def parse_report(stream: IO[bytes] | bytes) -> Report:
    """Read a report; raise `NotAReport`."""
    import yaml

    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    reader = _Reader()
    try:
        for path, value in parse_scalars(yaml.parse(stream, Loader=loader)):
            reader.take(path, value)
    except (yaml.YAMLError, OverflowError, ValueError) as error:
        raise NotAReport(str(error).partition("\n")[0]) from error
    report = reader.report
    if not (report.host and report.status and report.time):
        raise NotAReport("host, time or status is missing")
    return report


def parse_time(text: str) -> int:
    """Return the seconds since the epoch of `2026-11-21T00:13:57.362842999+00:00` and its older spelling."""
    moment = datetime.fromisoformat(text.strip().replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))
    seconds = int(moment.timestamp())
    if not 0 <= seconds < _LATEST_SECONDS:
        raise NotAReport(f"the time {text[:40]!r} is not of our days")
    return seconds


_TEXTS = frozenset(
    {
        "host",
        "status",
        "transaction_uuid",
        "catalog_uuid",
        "configuration_version",
        "environment",
        "puppet_version",
    }
)


class _Reader:
    """Keeps what says something about the run, as the file goes by."""

    def __init__(self) -> None:
        self.report = Report()
        self._resource_count = ""
        self._log_level = ""

    def take(self, path: Sequence[str], value: str) -> None:
        """Look at one scalar of the file."""
        report = self.report
        match path:
            case [key] if key in _TEXTS:
                setattr(report, key, _cut(value))
            case ["time"]:
                report.time = parse_time(value)
            case ["noop"]:
                report.noop = value == "true"
            case ["metrics", "resources", "values", _, "0"]:
                self._resource_count = _cut(value)
            case ["metrics", "resources", "values", _, "2"] if _COUNT.fullmatch(value):
                report.counts[self._resource_count] = int(value)
            case ["resource_statuses", name, "changed"] if value == "true":
                _add(report.changed, name)
            case ["resource_statuses", name, "failed"] if value == "true":
                _add(report.failed, name)
            case ["logs", _, "level"]:
                self._log_level = value
            case ["logs", _, "message"] if self._log_level in _ERRORS and not report.first_error:
                report.first_error = _cut(value)
            case _:
                pass


_ERRORS = frozenset({"err", "alert", "emerg", "crit"})


def _add(names: list[str], name: str) -> None:
    if len(names) < MAX_NAMED_RESOURCES:
        names.append(_cut(name))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_CHARACTERS else f"{text[:MAX_MESSAGE_CHARACTERS]}… (cut)"
