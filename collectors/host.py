"""The `host` collector: when this host boots, goes down, crashes, sleeps and wakes.

It writes a mark at every heartbeat and tells at the next boot what the mark says of the last one. While
it runs it waits for logind's warnings; without them, being told to stop is the warning, and systemd is
asked whether it stops the host. It must never hold up a shutdown for more than a few seconds.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from collectors._dbus import Bus, BusError, find_address
from collectors._host import accounting, boot, clock, first_boot, previous_shutdown, shutdown_state
from collectors._host.logind import Logind, Warned
from collectors._host.recorder import Recorder, Sources
from collectors.collector import Runtime, Stop

_FLUSH_SECONDS = 2.0
_RECONNECT_SECONDS = 1.0
_KIND_SECONDS = 10.0
"""logind waits for other inhibitors before systemd gets its job; usually 5 s at most."""
_KIND_INTERVAL_SECONDS = 0.1
_NO_KIND = {shutdown_state.NOT_GOING_DOWN, shutdown_state.KIND_UNKNOWN, shutdown_state.NOBODY_TO_ASK}


def _not_held(refusal: str) -> str:
    """Return what it means that logind does not wait for the agent, and why it does not."""
    if "AccessDenied" in refusal:
        return "a shutdown or sleep may be told late: logind waits for the agent only where polkit allows it"
    return f"a shutdown or sleep may be told late: logind does not wait for the agent: {refusal}"


class Host:
    """Watches over one boot of this host."""

    def __init__(
        self,
        *,
        root: Path = Path("/"),
        read_boot: Callable[[], boot.Boot] | None = None,
        sources: Sources | None = None,
        open_bus: Callable[[Stop], Bus] | None = None,
        read_kind: Callable[[], str] | None = None,
    ) -> None:
        self._read_boot = read_boot or partial(boot.read_boot, root)
        self._sources = sources or Sources(
            read_instant=partial(clock.read_instant, root),
            read_place=partial(accounting.read_place, root),
            read_ended=partial(previous_shutdown.read_ended, root=root),
            started_with_boot=partial(first_boot.started_with_boot, root=root),
        )
        self._open_bus = open_bus or open_system_bus
        self._read_kind = read_kind or partial(shutdown_state.read_kind, root)

    def run(self, runtime: Runtime) -> None:
        """Tell what happened since the last mark, then watch until the stop."""
        diary = Recorder.begin(runtime, self._read_boot(), self._sources)
        while not runtime.stop.is_set():
            try:
                logind = self._open_logind(runtime)
            except BusError as error:
                runtime.report(f"watching the clocks; no word from logind: {error.problem}")
                self._watch_clocks(runtime, diary)
                continue
            try:
                self._watch(runtime, diary, logind)
            except BusError:
                runtime.stop.wait(_RECONNECT_SECONDS)
            finally:
                logind.close()
        diary.end(self._read_kind())

    def _open_logind(self, runtime: Runtime) -> Logind:
        logind = Logind(self._open_bus(runtime.stop))
        try:
            logind.listen()
            logind.hold()
        except BusError:
            logind.close()
            raise
        return logind

    def _watch(self, runtime: Runtime, diary: Recorder, logind: Logind) -> None:
        told = None
        while not runtime.stop.is_set():
            if logind.refusal != told:
                told = logind.refusal
                runtime.report(f"watching; {_not_held(told)}" if told else "watching")
            warned = logind.next_warning(diary.seconds_until_beat())
            if warned is not None:
                self._heed(warned, runtime, diary, logind)
            diary.beat_when_due()

    def _watch_clocks(self, runtime: Runtime, diary: Recorder) -> None:
        runtime.stop.wait(diary.seconds_until_beat())
        diary.beat_when_due()

    def _heed(self, warned: Warned, runtime: Runtime, diary: Recorder, logind: Logind) -> None:
        match warned:
            case Warned("sleep", begins=True):
                diary.sleep_begins()
                runtime.flush(_FLUSH_SECONDS)
                logind.let_go()
            case Warned("sleep", begins=False):
                diary.sleep_ends()
                logind.hold()
            case Warned("shutdown", begins=True, kind=""):
                diary.shutdown_announced()
                logind.let_go()
                self._tell_once_known(runtime, diary)
            case Warned("shutdown", begins=True, kind=kind):
                diary.shutdown(kind)
                runtime.flush(_FLUSH_SECONDS)
                logind.let_go()
            case _:
                diary.shutdown_cancelled()
                logind.hold()

    def _tell_once_known(self, runtime: Runtime, diary: Recorder) -> None:
        """Wait for the job that says how the host goes down: it comes when logind stops waiting."""
        deadline = time.monotonic() + _KIND_SECONDS
        while diary.state == "announced" and time.monotonic() < deadline:
            kind = self._read_kind()
            if kind not in _NO_KIND:
                diary.shutdown(kind)
            elif runtime.stop.wait(_KIND_INTERVAL_SECONDS):
                return  # the end tells it


def open_system_bus(stop: Stop) -> Bus:
    """Open the system bus for signals and descriptors."""
    return Bus(find_address("system"), stop=stop, unix_fds=True)
