"""What conf.d may say of the host: nothing; and how the collector is made, which is loaded then and not before."""

from collections.abc import Sequence

import msgspec

from collectors.collector import Collector, Registration, Scoped


class HostConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The host needs no configuration."""


def _create(_: Sequence[Scoped[HostConfig]]) -> Collector:
    from collectors.host import Host

    return Host()


REGISTRATION = Registration(entry=HostConfig, create=_create, default=HostConfig())
