"""The name under which this host's events are filed: the one the official agent would use, too.

The receiver matches `urn:host:/<hostname>` exactly, so the name is taken as the host says it: never
lowered, shortened, or asked of DNS, which may be slow, wrong or not there while a host boots.
Without an acceptable name there is None: the agent keeps everything, and sends once there is one.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from agent.configuration.types import Settings
from agent.events.identity import Identity

log = logging.getLogger(__name__)

LOCAL_NAMES = frozenset(
    {
        "(none)",
        "ip6-localhost",
        "ip6-loopback",
        "localhost",
        "localhost.localdomain",
        "localhost4",
        "localhost4.localdomain4",
        "localhost6",
        "localhost6.localdomain6",
    }
)
"""What a host calls itself that was given no name; every one of them is the same `urn:host:/localhost`."""

LONGEST = 255

KERNEL_NAME = Path("/proc/sys/kernel/hostname")


def discover(
    configured: str | None,
    *,
    node_name: Callable[[], str] = lambda: os.uname().nodename,
    static_name: Path = Path("/etc/hostname"),
) -> str | None:
    """Return the configured name, whatever it is, else the kernel's, else the one in /etc/hostname, else None.

    The kernel's comes first because it is what the official agent reports; a lease may have
    changed it after boot. The file helps where nothing has set the kernel's yet.
    """
    if configured:
        return configured
    for name in (node_name(), _read_static(static_name)):
        if is_acceptable(name):
            return name
    return None


def open_signal(path: Path = KERNEL_NAME) -> int | None:
    """Return a descriptor that polls exceptional (POLLPRI) whenever the kernel's name of the host is set.

    None where the kernel does not tell: then a new name counts from the next reload or start on.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        log.info("cannot watch the name of this host, a new one takes effect at the next reload: %s", error)
        return None
    return descriptor


def is_acceptable(name: str) -> bool:
    """Return whether `name` tells this host from others; only an operator may use another."""
    if not name or len(name) > LONGEST or name.lower().rstrip(".") in LOCAL_NAMES:
        return False
    return name.isprintable() and not any(c.isspace() or c == "/" for c in name)


def _read_static(path: Path) -> str:
    """Return the first line of hostname(5) that is no comment, or nothing."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def identity(settings: Settings) -> Identity:
    """Return what the agent says of itself on every event; the name is empty while none is acceptable."""
    name = discover(settings.hostname)
    if name is None:
        log.warning("no acceptable hostname: events are kept and not sent (set `hostname`, or name the host)")
    return Identity(name or "", settings.tags, settings.element_identifiers)
