"""The event of one run of Puppet, after that of StackState's tutorial."""

import re
from pathlib import Path

from collectors._portable import escaped
from collectors._puppet.report import Report
from collectors._redaction.passing import without_secrets
from collectors.event import AlertType, Category, Event, Value

NAME = "puppet"
_COMMIT = re.compile(r"(?>(?:[A-Za-z_.]++[-_:]){0,100})(?:[0-9]{1,20}|[0-9a-f]{7,64})")
_TAGGED = ("configuration_version", "transaction_uuid", "catalog_uuid", "environment", "status")


def puppet_run(report: Report, tags: tuple[str, ...], element_identifiers: tuple[str, ...]) -> Event:
    """Make the event of a run; it happened when the run began, on the host that the report names."""
    return Event(
        name=NAME,
        event_type="ConfigurationChangedEvent",
        category=Category.CHANGES,
        title=f"Puppet run for {without_secrets(report.host)} {report.status}",
        text="\n".join(_lines(report)),
        timestamp=report.time,
        data=_data(report),
        tags=(*_tags(report), *tags),
        element_identifiers=(*element_identifiers, f"urn:host:/{report.host}"),
        source_identifier=report.identity,
        alert_type=AlertType.ERROR if report.status == "failed" else None,
    )


def no_report(path: Path, reason: str, now: int) -> Event:
    """Make the event that says that a file where reports lie is none; `now` in seconds since the epoch."""
    shown, reason = without_secrets(escaped(str(path))), without_secrets(reason)
    return Event(
        name="agent",
        event_type="WatchDegradedEvent",
        category=Category.ALERTS,
        title=f"{shown} is no report of Puppet",
        text=f"{shown} is no report of Puppet: {reason}. What that run changed is not told, other runs are.",
        timestamp=now,
        data={"path": shown, "reason": reason},
    )


def _data(report: Report) -> dict[str, Value]:
    data: dict[str, Value] = {
        "configuration_version": _version(report.configuration_version),
        "transaction_uuid": report.transaction_uuid,
        "catalog_uuid": report.catalog_uuid,
        "status": report.status,
        "environment": without_secrets(report.environment),
        "certname": without_secrets(report.host),
        "puppet_version": report.puppet_version,
        "noop": report.noop,
    }
    for what in ("total", "changed", "failed", "skipped"):
        if what in report.counts:
            data[f"resources_{what}"] = report.counts[what]
    return data


def _tags(report: Report) -> tuple[str, ...]:
    data = _data(report)
    return tuple(f"{key}:{value}" for key in _TAGGED if (value := data[key]))


def _version(version: str) -> str:
    """Return a version of the configuration: a time or the name of a commit as it is, else without what looks like a secret."""
    return version if _COMMIT.fullmatch(version) else without_secrets(version)


def _lines(report: Report) -> list[str]:
    lines = []
    for what, names in (("changed", report.changed), ("failed", report.failed)):
        count = report.counts.get(what, len(names))
        lines.append(f"{count} of {report.counts.get('total', '?')} resources {what}.")
        lines += [f"- {without_secrets(name)}" for name in names]
        if count > len(names):
            lines.append(f"- and {count - len(names)} more")
    if report.first_error:
        lines.append(f"First error: {without_secrets(report.first_error)}")
    return lines
