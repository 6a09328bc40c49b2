"""The name that the agent's events are filed under, kept the one that the host has.

The kernel says when the name is set; no thread, and no look now and then but while there is none.
"""

import logging

from agent.configuration.types import Settings
from agent.events import hostname
from agent.events.capture import Capture
from agent.runtime.signal_pipe import SignalPipe

log = logging.getLogger(__name__)

RENAMED = -1
"""What `SignalPipe` returns when the kernel's name of the host was set; no signal has this number."""


class HostName:
    """Follows the name of the host; for one thread."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    @property
    def is_missing(self) -> bool:
        """Return whether no acceptable name is known."""
        return not self._capture.identity.hostname

    def watch(self, signals: SignalPipe) -> None:
        """Have `signals` return `RENAMED` from now on, whenever the name is set."""
        descriptor = hostname.open_signal()
        if descriptor is not None:
            signals.watch(descriptor, RENAMED)  # open for as long as the process lives

    def follow(self, settings: Settings) -> bool:
        """Go on under the name that the host has now, and return whether it is another; a name that is lost stays."""
        name = hostname.discover(settings.hostname)
        before = self._capture.identity.hostname
        if name is None or name == before:
            return False
        log.info("this host is %s%s", name, f", and was {before}" if before else "")
        self._capture.rename(name)
        return True
