"""The ports that systems open for themselves, as Sensu's: made when they are first asked for, and then kept.

Nothing of a system is loaded before that. This module knows the table of systems and no system.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial

from agent.configuration.types import Intake
from agent.events.capture import Observing
from agent.events.identity import Identity
from agent.http.budget import Budget
from agent.intake.dialect import Parsed
from agent.intake.keeping import Keeping
from agent.intake.odd import Odd, ignored
from agent.intake.open_listeners import Wanted
from agent.systems.registry import SYSTEMS, system
from agent.systems.system import Lent, OwnPorts
from collectors.collector import Memory, Remember

log = logging.getLogger(__name__)


class SystemPorts:
    """Every system's own ports; for one thread."""

    def __init__(
        self,
        keeping: Keeping,
        memory: Callable[[str], Memory],
        identity: Callable[[], Identity],
        budget: Budget | None = None,
        odd: Odd = ignored,
    ) -> None:
        self._keeping = keeping
        self._memory = memory
        self._identity = identity
        self._budget = budget
        self._odd = odd
        self._made: dict[str, OwnPorts] = {}
        self.observers: Mapping[str, Observing] = {}
        """Who remembers something of collectors' events, by whose memory it is."""

    def wanted(self, intake: Intake) -> list[Wanted]:
        """Return what is to listen, and have those systems observe that have something to listen for."""
        asked = {name: ports for name in SYSTEMS if _is_asked(name, intake) and (ports := self._get(name))}
        self.observers = {name: ports.observing for name, ports in asked.items()}
        return [one for ports in asked.values() for one in ports.wanted(intake)]

    def _get(self, name: str) -> OwnPorts | None:
        """Return a system's ports; where they cannot be made nothing else is hindered, and the next reload tries again."""
        ports = system(name).ports
        if name not in self._made and ports is not None:
            try:
                self._made[name] = ports.make(self._lent(name))
            except Exception:
                log.exception("%s: its ports cannot be made; the next reload tries again", name)
        return self._made.get(name)

    def _lent(self, name: str) -> Lent:
        def keep(parsed: Parsed, remember: Remember) -> None:
            self._keeping.keep(parsed, remember, name)

        return Lent(self._identity, partial(self._memory, name), keep, self._budget, self._odd)


def _is_asked(name: str, intake: Intake) -> bool:
    """Return whether its ports are configured; only a system whose key of `intake` is there is loaded to be asked."""
    key = SYSTEMS[name].ports
    if not key or getattr(intake, key) is None:
        return False
    ports = system(name).ports
    return ports is not None and ports.are_asked(intake)
