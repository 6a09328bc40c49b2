"""What conf.d may say of Puppet, and how the collector is made of it, which is loaded then and not before."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from collectors.collector import Collector, Registration, Scoped


class PuppetConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Puppet leaves its reports; `unchanged` tells runs that changed nothing, too."""

    report_dir: Path | None = None
    """Where Puppet leaves its reports. Default: Puppet's own."""
    unchanged: bool = False
    """Tell runs that changed nothing as well."""


def _create(entries: Sequence[Scoped[PuppetConfig]]) -> Collector:
    from collectors.puppet import Puppet

    return Puppet(entries)


REGISTRATION = Registration(entry=PuppetConfig, create=_create)
