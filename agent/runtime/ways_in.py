"""The ways in for other programs' events: the socket, the ports, and the files in `incoming/`.

Made whole at the start and brought in line with the configuration; nothing listens before `reconfigure`.
"""

import logging
import math
from collections.abc import Callable

from agent.configuration.types import Configuration
from agent.events.capture import INTAKE, Capture
from agent.http.budget import budget_of_this_process
from agent.http.message import Response
from agent.intake.control import Control
from agent.intake.incoming import IncomingFiles
from agent.intake.keeping import Keeping
from agent.intake.open_listeners import OpenListeners
from agent.intake.quota import IntakeQuota
from agent.intake.router import Router
from agent.intake.wanted import wanted_listeners
from agent.runtime.metrics_port import wanted_metrics
from agent.runtime.odd_posts import OddPosts
from agent.runtime.system_ports import SystemPorts
from agent.systems.registry import dialects
from collectors._portable import were
from spool import Spool

log = logging.getLogger(__name__)

LEFT_BEFORE_SECONDS = 1.0
"""How long files in `incoming/` may delay a start; the rest of them is taken in after it."""


class WaysIn:
    """The main thread changes them; what they say of themselves is for any."""

    def __init__(self, spool: Spool, capture: Capture, control: Control) -> None:
        self._capture = capture
        self._metrics: Callable[[], Response] = control.metrics
        self._budget = budget_of_this_process()
        quota = IntakeQuota(
            lambda: spool.records.waiting_bytes(INTAKE), lambda: spool.records.room_bytes() // 2
        )
        keeping = Keeping(capture, quota)
        self.odd_posts = OddPosts(capture)
        odd = self.odd_posts.met
        self._router = Router(dialects(), keeping, control, odd)
        self._system_ports = SystemPorts(keeping, spool.memory, lambda: capture.identity, self._budget, odd)
        self.listeners = OpenListeners()
        parse = self._router.parse_common
        self.incoming = IncomingFiles(spool, capture, parse, quota.has_room, self._budget)

    def reconfigure(self, configuration: Configuration) -> None:
        """Listen where the configuration says, and close what it says no more."""
        settings = configuration.settings
        wanted = wanted_listeners(configuration, self._router, self._budget)
        wanted += self._system_ports.wanted(settings.intake)
        wanted += wanted_metrics(
            settings.metrics, self._metrics, lambda: self._capture.identity.hostname, self._budget
        )
        self._capture.observers = self._system_ports.observers
        self.listeners.reconfigure(wanted)

    def take_left_before(self) -> None:
        """Keep the events that lie in `incoming/` before anything listens, as far as that delays no start."""
        if self.incoming.are_few():
            self.take_incoming(LEFT_BEFORE_SECONDS)

    def take_incoming(self, most_seconds: float = math.inf) -> None:
        """Keep the events that lie in `incoming/`, for about so long at most."""
        if count := self.incoming.take(most_seconds):
            log.info("%s left in incoming/", were(count, "event"))

    def stop(self) -> None:
        """Stop listening; what lies in `incoming/` stays there."""
        self.listeners.stop()
        self.incoming.close()
