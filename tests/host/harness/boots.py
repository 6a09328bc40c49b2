"""What the boot tests have in common: a host that is known, and what was told of it."""

from harness.host import Host
from harness.receiver import Receiver


def boots(receiver: Receiver) -> list[str]:
    """Return what arrived under `boot`, as types in their order."""
    return [event["event_type"] for event in receiver.events if event["source_type_name"] == "boot"]


def settled(host: Host) -> list[str]:
    """Wait until everything the agent has to say about this boot has arrived; return it as types."""
    host.wait_until_watching("host")
    host.catch_up()
    return boots(host.receiver)


def known(host: Host, **how_to_boot: object) -> Host:
    """Boot a host whose agent then knows it; what was told of that boot is forgotten."""
    host.boot(**how_to_boot)
    assert settled(host) == ["HostBootedEvent"]
    host.receiver.forget("boot")
    return host
