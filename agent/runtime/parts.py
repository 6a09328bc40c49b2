"""What a daemon is made of, wired; nothing of it runs before it is told to.

collectors ──▶ Capture ──▶ Spool ──▶ a DeliveryLoop for each destination
the ways in ──▶   ┘
"""

import time
from collections.abc import Callable
from functools import partial

from agent.configuration.types import Configuration
from agent.events import hostname, plans
from agent.events.capture import Capture
from agent.events.preceding import Preceding
from agent.http.message import Response
from agent.intake.control import Control
from agent.runtime.clone_check import settle_in
from agent.runtime.deliveries import Deliveries
from agent.runtime.drop_reports import DropReports
from agent.runtime.earliest_clock import EarliestClock
from agent.runtime.host_name import HostName
from agent.runtime.last_day import last_day
from agent.runtime.own_files import OwnFiles
from agent.runtime.running_work import RunningWork
from agent.runtime.self_reports import SelfReporter
from agent.runtime.signal_pipe import SignalPipe
from agent.runtime.status import Document
from agent.runtime.status_actions import action_needed
from agent.runtime.status_report import host_state
from agent.runtime.stored_descriptors import take_descriptors
from agent.runtime.supervisor import CollectorServices, Supervisor, begin_anew
from agent.runtime.unit_facts import read_facts
from agent.runtime.ways_in import WaysIn
from agent.runtime.who import WhoChanged
from agent.systems.sources import WithSources
from agent.systems.system import Surroundings
from collectors.collector import Absence
from collectors.registry import COLLECTORS
from spool import Spool


class Parts:
    """Every part that a daemon starts, asks and ends."""

    def __init__(
        self,
        spool: Spool,
        signals: SignalPipe,
        configuration: Callable[[], Configuration],
        status: Callable[[], Document],
    ) -> None:
        """Make them; `configuration` returns the one in use, `status` what everything is at, both for any thread."""
        self.spool = spool
        self.signals = signals
        self.was_cloned = settle_in(spool)
        self.capture = Capture(spool, hostname.identity(configuration().settings))
        self.host_name = HostName(self.capture)
        self.earliest = EarliestClock(self.capture.clocks)
        self.telling = SelfReporter(spool, self.capture)
        self.planned = plans.Plans(
            spool.memory(plans.OWNER),
            lambda keys: spool.records.append([], owner=plans.OWNER, remember=keys),
            RunningWork(),
        )
        self.capture.planned = self.planned.at
        self.capture.preceding = Preceding(partial(last_day, spool.directory), read_facts)
        surroundings = Surroundings(
            lambda: self.capture.identity.hostname or None,
            lambda: host_state(status(), configuration(), self.capture.identity, spool.memory),
            spool.memory,
            lambda owner, keys: spool.records.append([], owner=owner, remember=keys),
        )
        self.deliveries = Deliveries(spool, surroundings, self.capture.clocks, signals.ring)
        self.who = WhoChanged(take_descriptors())
        self._absences = {name: Absence() for name in configuration().collectors}
        self.supervisor = Supervisor(WithSources(COLLECTORS), self._lent())
        self.ways_in = WaysIn(spool, self.capture, self._control(status))
        self.drops = DropReports(spool, self.telling.drops, signals.ring)
        self.capture.on_kept = self.drops.notice
        spool.notices.on_news(signals.ring)

    def _lent(self) -> CollectorServices:
        found = self.spool.directory.stat()
        return CollectorServices(
            memory=partial(self.spool.memory, on_lost=begin_anew),
            stamp=self.spool.stamp,
            keep=self.capture.keep,
            flush=self.deliveries.flush,
            leave_out=frozenset({(found.st_dev, found.st_ino)}),
            is_own=OwnFiles(self.spool.directory),
            witnesses=self.who,
            absence=lambda name: self._absences.get(name) or Absence(lasts=False),
            changed=self.signals.ring,
        )

    def _control(self, status: Callable[[], Document]) -> Control:
        return Control(
            status,
            lambda: action_needed(status()),
            self.deliveries.retry,
            self.spool.rejected.discard,
            self.spool.notices.acknowledge_drops,
            partial(self._metrics, status),
            self.planned,
        )

    def _metrics(self, status: Callable[[], Document]) -> Response:
        from agent.runtime.metric_families import Readings  # with the first scrape
        from agent.runtime.metrics import answer

        return answer(
            Readings(status(), dict(self.capture.counts), dict(self.deliveries.totals), time.time())
        )
