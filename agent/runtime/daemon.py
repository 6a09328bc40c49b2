"""The life of a daemon: how it starts, goes on, reloads and ends. What it is made of: `agent.runtime.parts`.

Start-up waits for nothing: not for the network, the time, a baseline, nor the backlog. After it, only a
signal ends the daemon: whatever fails is restarted, waits, or is told. This module decides the order of
things and nothing else.
"""

import logging
import signal
from collections.abc import Callable

from agent.configuration.compare import compare
from agent.configuration.problem import ConfigurationError
from agent.configuration.types import Configuration
from agent.events import hostname
from agent.intake.incoming import ARRIVED
from agent.runtime.configured_spool import open_spool, options
from agent.runtime.guarded import guarded
from agent.runtime.host_name import RENAMED
from agent.runtime.log_setup import say, say_refused
from agent.runtime.parts import Parts
from agent.runtime.schedule import Housekeeping, Job
from agent.runtime.sd_notify import Notify
from agent.runtime.signal_pipe import SignalPipe
from agent.runtime.status import Document
from agent.runtime.status_line import status_line
from agent.runtime.status_report import overview
from agent.runtime.supervisor import State

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
HOUR_SECONDS = 3600.0
TRY_AGAIN_SECONDS = 300.0
TELL_AGAIN_SECONDS = 60.0
LISTEN_AGAIN_SECONDS = 30.0
START_AGAIN_SECONDS = 5.0
_SEES_CHANGES = "files"


class Daemon:
    """One agent's life, from `run` to its return; all of it in the main thread but what others own."""

    def __init__(
        self,
        configuration: Configuration,
        load: Callable[[], Configuration],
        keep: Callable[[], None],
        once_ready: Callable[[], object] = bool,
    ) -> None:
        """`load` returns the configuration a reload goes over to, `keep` keeps the one in use as a right one."""
        self._configuration = configuration
        self._load = load
        self._keep = keep
        self._once_ready = once_ready
        self._refused: tuple[str, ...] = ()
        self._has_begun = False
        self._notify = Notify()

    def run(self) -> int:
        """Watch, keep and deliver until SIGTERM or SIGINT; raises `SpoolError` when there is no spool."""
        self._spool = open_spool(self._configuration)
        self._signals = SignalPipe((signal.SIGTERM, signal.SIGINT, signal.SIGHUP, ARRIVED))
        self._parts = Parts(self._spool, self._signals, lambda: self._configuration, self.status)
        self._is_telling_again = False
        self._housekeeping = Housekeeping(self._jobs())
        # Destinations come first: each gets everything that is kept from here on, once all is ready.
        guarded("starting the destinations", self._deliver)
        # What was sent while nothing listened comes before what is sent now.
        guarded("taking in what was left before", self._parts.ways_in.take_left_before)
        guarded("opening the intake", self._listen)
        self._notify.ready(self._doing())
        self._once_ready()
        self._begin()
        self._wait()
        self._end()
        return 0

    def _jobs(self) -> dict[str, Job]:
        """Return what is due now and then; each is a wake-up, so none is without need."""
        jobs = {
            "the spool": Job(HOUR_SECONDS, self._tidy),
            "incoming": Job(
                TRY_AGAIN_SECONDS if self._parts.ways_in.incoming.is_waiting else HOUR_SECONDS,
                self._take_incoming,
            ),
        }
        if self._is_telling_again:
            jobs["news of the spool"] = Job(TELL_AGAIN_SECONDS, self._tell_news)
        if self._parts.supervisor.is_owing:
            jobs["collectors"] = Job(START_AGAIN_SECONDS, self._supervise)
        if self._parts.deliveries.failed:
            jobs["destinations"] = Job(TRY_AGAIN_SECONDS, self._deliver)
        if self._parts.ways_in.listeners.has_problems:
            jobs["listening"] = Job(LISTEN_AGAIN_SECONDS, self._listen_again)
        if self._parts.host_name.is_missing:
            jobs["the hostname"] = Job(TRY_AGAIN_SECONDS, self._follow_hostname)
        return jobs

    def _deliver(self) -> None:
        """Bring the destinations in line with the configuration; one that cannot be made is tried again."""
        configuration = self._configuration
        self._parts.deliveries.reconfigure(configuration.settings.destinations, configuration.withheld)
        self._housekeeping.arm(self._jobs())

    def _begin_to_deliver(self) -> None:
        self._parts.deliveries.begin()
        self._housekeeping.arm(self._jobs())

    def _listen(self) -> None:
        """Bring what listens in line with the configuration; what cannot is tried again."""
        self._parts.ways_in.reconfigure(self._configuration)
        self._housekeeping.arm(self._jobs())

    def _listen_again(self) -> None:
        self._parts.ways_in.listeners.try_again()
        self._housekeeping.arm(self._jobs())

    def _begin(self) -> None:
        """Tell what has to be told of this start, then let everything run: no step stands or falls with another."""
        configuration = self._configuration
        guarded("delivering", self._begin_to_deliver)
        guarded("logging the configuration", say, configuration)
        guarded(
            "telling of the start",
            self._parts.telling.start,
            configuration,
            was_cloned=self._parts.was_cloned,
        )
        guarded("telling what was damaged", self._tell_news)
        guarded("watching the host's name", self._parts.host_name.watch, self._signals)
        guarded("taking over the host's name", self._follow_hostname)  # what was set since it was read
        guarded("watching incoming/", self._parts.ways_in.incoming.watch, self._spool.directory / "incoming")
        guarded("taking in what lies in incoming/", self._take_incoming)
        guarded("asking the kernel who changes what", self._ask_who)
        guarded("starting the collectors", self._supervise)
        guarded("keeping the configuration", self._keep)
        self._has_begun = True
        log.info("started")

    def _ask_who(self) -> None:
        """See who changes what, or end to, as configured; whoever looks for it begins anew where that changes."""
        configuration = self._configuration
        if self._parts.who.reconfigure(configuration.settings.who, configuration.socket.parent):
            others = {
                name: entries for name, entries in configuration.collectors.items() if name != _SEES_CHANGES
            }
            self._parts.supervisor.reconfigure(others)

    def _supervise(self) -> None:
        """Run the collectors of the configuration; one that cannot be started yet is tried again."""
        self._parts.supervisor.reconfigure(self._configuration.collectors)
        self._housekeeping.arm(self._jobs())

    def _wait(self) -> None:
        """Sleep until something is to be done; return when the end was asked for."""
        watchdog_seconds = self._notify.watchdog_seconds
        half = watchdog_seconds / 2 if watchdog_seconds else None
        while True:
            waits = (half, self._housekeeping.wait_seconds(), self._parts.drops.wait_seconds())
            came = self._signals.wait(min((wait for wait in waits if wait is not None), default=None))
            if came & {signal.SIGTERM, signal.SIGINT}:
                return
            guarded("scheduled work", self._turn, came)

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
        self._parts.drops.tell_due()
        self._notify.doing(self._doing())
        if self._gets_work_done():
            self._notify.alive()

    def _end(self) -> None:
        """End in an order that loses nothing: those who emit, then those who deliver, then the spool."""
        self._notify.stopping()
        log.info("stopping")
        guarded("ending the collectors", self._parts.supervisor.stop)
        guarded("asking nobody any more who changes what", self._parts.who.stop)
        guarded("ending the intake", self._parts.ways_in.stop)
        guarded("reporting the stop", self._parts.telling.stop)
        guarded("the last flush", self._parts.deliveries.stop, FLUSH_SECONDS)
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
            self._parts.telling.rejected(error.problems)
        else:
            self._refused = ()
            guarded("keeping the configuration", self._keep)
        finally:
            self._notify.ready(self._doing())

    def _apply(self, configuration: Configuration) -> None:
        before = self._configuration
        difference = compare(before, configuration)
        for key in sorted(difference.needs_restart):
            log.warning("%s takes effect at the next start", key)
        self._configuration = configuration
        say(configuration)
        self._spool.reconfigure(options(configuration.settings.spool))
        self._parts.capture.identity = hostname.identity(self._configuration.settings)
        guarded("asking the kernel who changes what", self._ask_who)
        guarded("starting the collectors", self._supervise)
        guarded("starting the destinations", self._deliver)
        guarded("opening what listens", self._listen)
        if difference or self._refused or before.replaced or before.set_aside:
            self._parts.telling.reloaded(before, configuration, difference.names())
        log.info("reloaded%s", "" if difference else ": nothing changed")

    def status(self) -> Document:
        """Return what everything is at; for any thread."""
        return overview(
            self._configuration,
            identity=self._parts.capture.identity,
            spool=self._spool,
            supervisor=self._parts.supervisor,
            deliveries=self._parts.deliveries,
            listening=self._parts.ways_in.listeners.states(),
            refused_reload=self._refused,
            has_begun=self._has_begun,
            odd_posts=self._parts.ways_in.odd_posts.in_words(),
            who=self._parts.who.state(),
        )

    def _doing(self) -> str:
        """Return in one line what is going on, from what is at hand."""
        configuration, owed = self._configuration, self._parts.supervisor.states()
        return status_line(
            dict.fromkeys(configuration.collectors, State("starting")) | owed,
            [*configuration.settings.destinations],
            self._parts.deliveries.troubles(),
            not_listening=[
                name for name, one in self._parts.ways_in.listeners.states().items() if one.problem
            ],
            refused=bool(self._refused),
        )

    def _follow_hostname(self) -> None:
        if self._parts.host_name.follow(self._configuration.settings):
            self._spool.records.interrupt()  # destinations may wait for a name
            self._housekeeping.arm(self._jobs())

    def _take_incoming(self) -> None:
        ways_in = self._parts.ways_in
        had_some = ways_in.incoming.is_waiting
        ways_in.take_incoming()
        self._parts.telling.refused_files()
        if ways_in.incoming.is_waiting != had_some:
            self._housekeeping.arm(self._jobs())

    def _tell_news(self) -> None:
        """Tell what is damaged or had no room; while that is not kept, it is tried again now and then."""
        was_kept = self._parts.telling.news_of_the_spool()
        if self._is_telling_again or not was_kept:
            self._is_telling_again = not was_kept
            self._housekeeping.arm(self._jobs())

    def _tidy(self) -> None:
        now = self._parts.earliest.moment()
        self._spool.housekeeping(trusted_time=now is not None, now=now)

    def _gets_work_done(self) -> bool:
        """Return whether the spool answers and no thread that must run is gone."""
        self._spool.notices.drops()  # a turn of the writer
        parts = {
            "a collector": self._parts.supervisor.is_alive(),
            "a destination": self._parts.deliveries.is_alive(),
            "the intake": self._parts.ways_in.listeners.is_alive(),
        }
        dead = [name for name, is_alive in parts.items() if not is_alive]
        if dead:
            log.critical(
                "the thread of %s is gone; the service manager may restart us", " and of ".join(dead)
            )
        return not dead
