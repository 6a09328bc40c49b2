"""Which services of systemd started, stopped, reloaded, failed, or keep failing.

News come as D-Bus signals and go, like every reconcile, through one compare per service, keyed by the
InvocationID of each run: so a run is told once whatever was seen of it, and what happened while the agent
was down is told at its start. The steps from a signal to an event: `systemd` reads it, `watch` brings it
to `course` (what follows), `flapping` (is it a loop), `ledger` (what is known) and `telling` (the event).

Quiet by nature: a shutdown, what comes up at a boot as it was before, and what oneshots, timers and D-Bus
start for a moment, unless it fails. A boot tells what did not come back.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from collectors._braces import expand_braces
from collectors._dbus import Bus, BusLost, Interrupted, connect_again, find_address
from collectors._origin.evidence import Origins
from collectors._services.doubts import doubts
from collectors._services.entry import ServicesEntry
from collectors._services.scope import Scope, Watched
from collectors._services.systemd import Manager
from collectors._services.unit_files import UnitFiles, read_unit_files
from collectors._services.unit_memory import UnitMemory
from collectors._services.watch import Watch
from collectors.collector import NotApplicable, Retired, Runtime, Scoped


class Services:
    """Watches the system's manager, or the user's own when a user runs the agent."""

    def __init__(
        self,
        entries: Sequence[Scoped[ServicesEntry]],
        *,
        root: Path = Path("/"),
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._entries = entries
        self._root = root
        self._environ = environ

    def run(self, runtime: Runtime) -> None:
        """Follow one manager, over as many connections as it takes."""
        user_manager = is_per_user(self._environ)
        address = self._find_bus(user_manager=user_manager)
        scope = Scope(
            [watched_by(entry) for entry in self._entries],
            own_unit=parse_own_unit((self._root / "proc/self/cgroup").read_text()),
            read_unit_files=UnitFiles if user_manager else partial(read_unit_files, self._root),
        )
        ledger = UnitMemory(runtime.memory, scope, user_manager=user_manager)
        try:
            self._follow(address, ledger, runtime)
        except (Interrupted, Retired):
            return

    def _follow(self, address: str, ledger: UnitMemory, runtime: Runtime) -> None:
        bus: Bus | None = Bus(address, stop=runtime.stop)
        while bus is not None:
            try:
                with bus:
                    Watch(
                        Manager(bus), ledger, runtime, Origins(self._root, runtime.is_own, runtime.witnesses)
                    ).run()
                bus = None
            except BusLost as error:
                ledger.forgo()
                runtime.report(f"waiting for D-Bus: {error.problem}")
                bus = connect_again(address, runtime.stop)

    def _find_bus(self, *, user_manager: bool) -> str:
        if not (self._root / "run/systemd/system").is_dir():
            raise NotApplicable("systemd does not run this host")
        try:
            address = find_address("session" if user_manager else "system", self._environ)
        except BusLost as error:
            raise NotApplicable("there is no D-Bus", "install dbus to have services watched") from error
        if not address.startswith("\0") and not Path(address).exists():
            raise NotApplicable(f"there is no D-Bus at {address}", "install dbus to have services watched")
        return address


def watched_by(entry: Scoped[ServicesEntry]) -> Watched:
    """Return an entry of the configuration as what it matches, its braces written out."""
    config = entry.config
    units = [tuple(expand_braces(pattern)) for pattern in config.units]
    return Watched(
        tuple(one for alternatives in units for one in alternatives),
        tuple(one for pattern in config.exclude for one in expand_braces(pattern)),
        entry.tags,
        entry.element_identifiers,
        config.log_lines,
        tuple(alternatives for alternatives in units if len(alternatives) > 1),
    )


def find_doubts(entries: Sequence[Scoped[ServicesEntry]], root: Path) -> Iterable[str]:
    """Return which entries fit no service of the host below `root`; nothing where systemd does not run it."""
    if (root / "run/systemd/system").is_dir():
        return doubts([watched_by(entry) for entry in entries], read_unit_files(root))
    return ()


def is_per_user(environ: Mapping[str, str], uid: int | None = None) -> bool:
    """Return whether this is a user's own agent beside a manager of that user's."""
    if (os.geteuid() if uid is None else uid) == 0:
        return False
    runtime_directory = environ.get("XDG_RUNTIME_DIR")
    return runtime_directory is not None and (Path(runtime_directory) / "systemd").is_dir()


def parse_own_unit(cgroups: str) -> str:
    """Return the service that this process belongs to, from /proc/self/cgroup, or ""."""
    for line in cgroups.splitlines():
        last = line.rpartition("/")[2]
        if last.endswith(".service"):
            return last
    return ""
