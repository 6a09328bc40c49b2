"""The wiring: what the daemon is made of, how it starts, goes on, reloads and ends.

    collectors ──▶ Capture ──▶ Spool ──▶ a DeliveryLoop for each destination
    the socket ──▶    ┘

Start-up waits for nothing: not for the network, the time, a baseline, nor the backlog. After it, only a
signal ends the daemon: whatever fails is restarted, waits, or is told. This module decides the order of
things and nothing else.
"""

import logging
import signal
from collections.abc import Callable, Sequence
from typing import ParamSpec

from agent.configuration.compare import compare
from agent.configuration.problem import ConfigurationError
from agent.configuration.types import Configuration
from agent.events import hostname, plans
from agent.events.capture import INTAKE, Capture
from agent.http.budget import budget_of_this_process
from agent.http.message import Response
from agent.intake.control import Control
from agent.intake.incoming import ARRIVED, IncomingFiles
from agent.intake.keeping import Keeping
from agent.intake.open_listeners import OpenListeners
from agent.intake.quota import IntakeQuota
from agent.intake.router import Router
from agent.intake.wanted import wanted_listeners
from agent.runtime.clone_check import settle_in
from agent.runtime.configured_spool import open_spool, options
from agent.runtime.deliveries import Deliveries
from agent.runtime.drop_reports import DropReports
from agent.runtime.earliest_clock import EarliestClock
from agent.runtime.guarded import guarded
from agent.runtime.log_setup import say, say_refused
from agent.runtime.metrics import answer, readings_now
from agent.runtime.metrics_port import wanted_metrics
from agent.runtime.own_files import OwnFiles
from agent.runtime.running_work import RunningWork
from agent.runtime.schedule import Housekeeping, Job
from agent.runtime.sd_notify import Notify
from agent.runtime.self_reports import SelfReporter
from agent.runtime.signal_pipe import SignalPipe
from agent.runtime.status import Document
from agent.runtime.status_actions import action_needed
from agent.runtime.status_line import status_line
from agent.runtime.status_report import host_state, overview
from agent.runtime.supervisor import CollectorServices, State, Supervisor
from agent.runtime.system_ports import SystemPorts
from agent.systems.registry import dialects
from agent.systems.sources import WithSources
from agent.systems.system import Surroundings
from collectors.registry import COLLECTORS

log = logging.getLogger(__name__)

P = ParamSpec("P")

FLUSH_SECONDS = 5.0
HOUR_SECONDS = 3600.0
TRY_AGAIN_SECONDS = 300.0
TELL_AGAIN_SECONDS = 60.0
LISTEN_AGAIN_SECONDS = 30.0
START_AGAIN_SECONDS = 5.0
RENAMED = -1
"""What `SignalPipe` returns when the kernel's name of the host was set; no signal has this number."""


class Daemon:
    """One agent's life, from `run` to its return; all of it in the main thread but what others own."""

    def __init__(
        self, configuration: Configuration, load: Callable[[], Configuration], keep: Callable[[], None]
    ) -> None:
        """`load` returns the configuration a reload goes over to, `keep` keeps the one in use as a right one."""
        self._configuration = configuration
        self._load = load
        self._keep = keep
        self._refused: tuple[str, ...] = ()
        self._has_begun = False
        self._notify = Notify()

    def run(self) -> int:
        """Watch, keep and deliver until SIGTERM or SIGINT; raises `SpoolError` when there is no spool."""
        self._spool = open_spool(self._configuration)
        self._signals = SignalPipe((signal.SIGTERM, signal.SIGINT, signal.SIGHUP, ARRIVED))
        self._make()
        # Destinations come first: each gets everything that is kept from here on.
        guarded("starting the destinations", self._deliver)
        guarded("opening the intake", self._listen)
        self._notify.ready(self._doing())
        self._begin()
        self._wait()
        self._end()
        return 0

    def _make(self) -> None:
        """Make every part; nothing runs yet."""
        self._was_cloned = settle_in(self._spool)
        self._is_telling_again = False
        self._capture = Capture(self._spool, hostname.identity(self._configuration.settings))
        self._earliest = EarliestClock(self._capture.clocks)
        self._telling = SelfReporter(self._spool, self._capture)
        planned = plans.Plans(
            self._spool.memory(plans.OWNER),
            lambda keys: self._spool.records.append([], owner=plans.OWNER, remember=keys),
            RunningWork(),
        )
        self._capture.planned = planned.at
        surroundings = Surroundings(
            lambda: self._capture.identity.hostname or None,
            lambda: host_state(
                self.status(), self._configuration, self._capture.identity, self._spool.memory
            ),
            self._spool.memory,
            lambda owner, keys: self._spool.records.append([], owner=owner, remember=keys),
        )
        self._deliveries = Deliveries(self._spool, surroundings, self._capture.clocks, self._signals.ring)
        found = self._spool.directory.stat()
        lent = CollectorServices(
            memory=self._spool.memory,
            keep=self._capture.keep,
            flush=self._deliveries.flush,
            leave_out=frozenset({(found.st_dev, found.st_ino)}),
            is_own=OwnFiles(self._spool.directory),
            changed=self._signals.ring,
        )
        self._supervisor = Supervisor(WithSources(COLLECTORS), lent)
        self._budget = budget_of_this_process()
        self._listeners = OpenListeners()
        share = IntakeQuota(
            lambda: self._spool.records.waiting_bytes(INTAKE), lambda: self._spool.records.room_bytes() // 2
        )
        keeping = Keeping(self._capture, share)
        self._system_ports = SystemPorts(
            keeping, self._spool.memory, lambda: self._capture.identity, self._budget
        )
        self._router = Router(
            dialects(surroundings),
            keeping,
            Control(
                self.status,
                lambda: action_needed(self.status()),
                self._retry,
                self._spool.rejected.discard,
                self._spool.notices.acknowledge_drops,
                self._metrics,
                planned,
            ),
        )
        self._incoming = IncomingFiles(
            self._spool, self._capture, self._router.parse_common, share.has_room, self._budget
        )
        self._drops = DropReports(self._spool, self._telling.drops, self._signals.ring)
        self._capture.on_kept = self._drops.notice
        self._spool.notices.on_news(self._signals.ring)
        self._housekeeping = Housekeeping(self._jobs())

    def _jobs(self) -> dict[str, Job]:
        """Return what is due now and then; each is a wake-up, so none is without need."""
        jobs = {
            "the spool": Job(HOUR_SECONDS, self._tidy),
            "incoming": Job(HOUR_SECONDS, self._take_incoming),
        }
        if self._spool.notices.has_news:
            jobs["news of the spool"] = Job(TELL_AGAIN_SECONDS, self._tell_news)
        if self._supervisor.is_owing:
            jobs["collectors"] = Job(START_AGAIN_SECONDS, self._supervise)
        if self._deliveries.failed:
            jobs["destinations"] = Job(TRY_AGAIN_SECONDS, self._deliver)
        if self._listeners.has_problems:
            jobs["listening"] = Job(LISTEN_AGAIN_SECONDS, self._listen_again)
        if not self._capture.identity.hostname:
            jobs["the hostname"] = Job(TRY_AGAIN_SECONDS, self._follow_hostname)
        return jobs

    def _deliver(self) -> None:
        """Bring the destinations in line with the configuration; one that cannot be made is tried again."""
        configuration = self._configuration
        self._deliveries.reconfigure(configuration.settings.destinations, configuration.withheld)
        self._housekeeping.arm(self._jobs())

    def _listen(self) -> None:
        """Bring what listens in line with the configuration; what cannot is tried again."""
        wanted = wanted_listeners(self._configuration, self._router, self._budget)
        wanted += self._system_ports.wanted(self._configuration.settings.intake)
        wanted += wanted_metrics(
            self._configuration.settings.metrics,
            self._metrics,
            lambda: self._capture.identity.hostname,
            self._budget,
        )
        self._capture.observers = self._system_ports.observers
        self._listeners.reconfigure(wanted)
        self._housekeeping.arm(self._jobs())

    def _listen_again(self) -> None:
        self._listeners.try_again()
        self._housekeeping.arm(self._jobs())

    def _begin(self) -> None:
        """Tell what has to be told of this start, then let everything run: no step stands or falls with another."""
        configuration = self._configuration
        guarded("logging the configuration", say, configuration)
        guarded("telling of the start", self._telling.start, configuration, was_cloned=self._was_cloned)
        guarded("telling what was damaged", self._tell_news)
        guarded("watching the host's name", self._watch_hostname)
        guarded("watching incoming/", self._incoming.watch, self._spool.directory / "incoming")
        guarded("taking in what lies in incoming/", self._take_incoming)
        guarded("starting the collectors", self._supervise)
        guarded("keeping the configuration", self._keep)
        self._has_begun = True

    def _supervise(self) -> None:
        """Run the collectors of the configuration; one that cannot be started yet is tried again."""
        self._supervisor.reconfigure(self._configuration.collectors)
        self._housekeeping.arm(self._jobs())

    def _wait(self) -> None:
        """Sleep until something is to be done; return when the end was asked for."""
        watchdog_seconds = self._notify.watchdog_seconds
        half = watchdog_seconds / 2 if watchdog_seconds else None
        while True:
            waits = (half, self._housekeeping.wait_seconds(), self._drops.wait_seconds())
            came = self._signals.wait(min((wait for wait in waits if wait is not None), default=None))
            if came & {signal.SIGTERM, signal.SIGINT}:
                return
            guarded("what was due", self._turn, came)

    def _turn(self, came: set[int]) -> None:
        if signal.SIGHUP in came:
            self.reload()
        if RENAMED in came:
            self._follow_hostname()
        if ARRIVED in came:
            self._take_incoming()
        if self._spool.notices.has_news and not self._is_telling_again:
            self._tell_news()
        self._housekeeping.run_due()
        self._drops.tell_due()
        self._notify.doing(self._doing())
        if self._gets_work_done():
            self._notify.alive()

    def _end(self) -> None:
        """End in an order that loses nothing: those who emit, then those who deliver, then the spool."""
        self._notify.stopping()
        log.info("stopping")
        guarded("ending the collectors", self._supervisor.stop)
        guarded("ending the intake", self._listeners.stop)
        guarded("a last word", self._telling.stop)
        guarded("the last flush", self._deliveries.stop, FLUSH_SECONDS)
        self._incoming.close()
        self._signals.close()
        self._spool.close()
        log.info("stopped")

    def reload(self) -> None:
        """Go over to the configuration as it is now, or stay with the old one if that is wrong."""
        self._notify.reloading()
        try:
            self._apply(self._load())
        except ConfigurationError as error:
            self._refused = tuple(map(str, error.problems))
            say_refused(self._refused)
            self._telling.rejected(error.problems)
        else:
            self._refused = ()
            guarded("keeping the configuration", self._keep)
        finally:
            self._notify.ready(self._doing())

    def _apply(self, configuration: Configuration) -> None:
        before = self._configuration
        difference = compare(before, configuration)
        for key in sorted(difference.needs_restart):
            log.warning("%s changes at the next start", key)
        self._configuration = configuration
        say(configuration)
        self._spool.reconfigure(options(configuration.settings.spool))
        self._capture.identity = hostname.identity(self._configuration.settings)
        guarded("starting the collectors", self._supervise)
        guarded("starting the destinations", self._deliver)
        guarded("opening what listens", self._listen)
        if difference or self._refused or before.replaced or before.set_aside:
            self._telling.reloaded(before, configuration, difference.names())
        log.info("reloaded%s", "" if difference else ": nothing changed")

    def status(self) -> Document:
        """Return what everything is at; for any thread."""
        return overview(
            self._configuration,
            identity=self._capture.identity,
            spool=self._spool,
            supervisor=self._supervisor,
            deliveries=self._deliveries,
            listening=self._listeners.states(),
            refused_reload=self._refused,
            has_begun=self._has_begun,
        )

    def _doing(self) -> str:
        """Return in one line what is going on, from what is at hand."""
        configuration, owed = self._configuration, self._supervisor.states()
        return status_line(
            dict.fromkeys(configuration.collectors, State("starting")) | owed,
            [*configuration.settings.destinations],
            self._deliveries.troubles(),
            not_listening=[name for name, one in self._listeners.states().items() if one.problem],
            refused=bool(self._refused),
        )

    def _metrics(self) -> Response:
        return answer(lambda: readings_now(self.status(), self._capture.counts, self._deliveries.totals))

    def _watch_hostname(self) -> None:
        descriptor = hostname.open_signal()
        if descriptor is not None:
            self._signals.watch(descriptor, RENAMED)  # open for as long as the process lives
        self._follow_hostname()  # what was set since it was read

    def _follow_hostname(self) -> None:
        """Go on under the name that the host has now; one that loses its name goes on under the last."""
        name = hostname.discover(self._configuration.settings.hostname)
        before = self._capture.identity.hostname
        if name is None or name == before:
            return
        log.info("this host is %s%s", name, f", and was {before}" if before else "")
        self._capture.rename(name)
        self._spool.records.interrupt()
        self._housekeeping.arm(self._jobs())

    def _take_incoming(self) -> None:
        if count := self._incoming.take():
            log.info("%d events were left in incoming/", count)
        self._telling.refused_files()

    def _retry(self, ids: Sequence[int] | None) -> int:
        count = self._spool.rejected.retry(ids)
        self._deliveries.poke()
        return count

    def _tell_news(self) -> None:
        """Tell what is damaged or had no room; while that is not kept, it is tried again now and then."""
        self._telling.news_of_the_spool()
        if self._spool.notices.has_news or self._is_telling_again:
            self._is_telling_again = self._spool.notices.has_news
            self._housekeeping.arm(self._jobs())

    def _tidy(self) -> None:
        now = self._earliest.moment()
        self._spool.housekeeping(trusted_time=now is not None, now=now)

    def _gets_work_done(self) -> bool:
        """Return whether the spool answers and no thread that must run is gone."""
        self._spool.notices.drops()  # a turn of the writer
        parts = {
            "a collector": self._supervisor.is_alive(),
            "a destination": self._deliveries.is_alive(),
            "the intake": self._listeners.is_alive(),
        }
        dead = [name for name, is_alive in parts.items() if not is_alive]
        if dead:
            log.critical(
                "the thread of %s is gone; the service manager may restart us", " and of ".join(dead)
            )
        return not dead
