"""What conf.d may say of packages, and how the collector is made of it, which is loaded then and not before."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from collectors.collector import Collector, Registration, Scoped


class PackagesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which packages an entry means."""

    names: tuple[Annotated[str, msgspec.Meta(min_length=1, description="a name, as nginx or php*")], ...] = (
        "*",
    )
    """Packages by glob, as `nginx` or `php*`."""


def _create(entries: Sequence[Scoped[PackagesConfig]]) -> Collector:
    from collectors.packages import PackageWatch

    return PackageWatch(entries)


REGISTRATION = Registration(entry=PackagesConfig, create=_create, many=True, default=PackagesConfig())
