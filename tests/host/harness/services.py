"""A test host on which the `services` collector runs alone, and what it tells of the test's own units."""

from harness.host import Host
from harness.receiver import Json

SLEEP = "[Service]\nExecStart=/bin/sleep 1000\nExecReload=/bin/true\n"
STARTED, STOPPED, FAILED = "ServiceStartedEvent", "ServiceStoppedEvent", "ServiceFailedEvent"
RELOADED, FLAPPING = "ServiceReloadedEvent", "ServiceFlappingEvent"
_MOST_MARKS = 100


class Watched:
    """A host with the collector running; `told` is what it tells of the test's own units."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._marks = 0

    def boot(self) -> None:
        """Boot, and wait until the collector has taken note of the end of the boot."""
        self.host.boot()
        self.run("systemctl is-system-running --quiet --wait || true")
        self.told()

    def unit(self, name: str, text: str) -> None:
        """Write a unit's file."""
        self.host.write(f"/etc/systemd/system/{name}", text)

    def run(self, script: str, **options: object) -> str:
        """Run a shell script on the host; return its output."""
        return self.host.shell(script, **options)

    def told(self) -> list[tuple[str, str]]:
        """Wait until everything before now was told; return (type, unit) of it, without the marks.

        A mark stays up until it was told: what comes and goes while the bus is away is seen by nobody. One that was
        there at the collector's first look is never told, so another one follows.
        """
        while not self._is_told(mark := self._next_mark()):
            pass
        self.run(f"systemctl stop {mark}")
        self.host.receiver.wait_for_event(STOPPED, unit=mark)
        return [
            (event["event_type"], event["context"]["data"]["unit"])
            for event in self.host.receiver.events
            if not event["context"]["data"]["unit"].startswith("mark-")
        ]

    def _next_mark(self) -> str:
        self._marks += 1
        assert self._marks < _MOST_MARKS, "nothing that starts is told"
        mark = f"mark-{self._marks}.service"
        self.run(f"systemd-run --quiet --unit={mark} --remain-after-exit /bin/true")
        return mark

    def _is_told(self, mark: str) -> bool:
        try:
            self.host.receiver.wait_for_event(STARTED, 10, unit=mark)
        except AssertionError:
            return False
        return True

    def told_of(self, unit: str) -> list[str]:
        """Return the types of what is told of one unit."""
        return [kind for kind, name in self.told() if name == unit]

    def data(self, kind: str, unit: str) -> Json:
        """Return the data of the one event of a type that tells of a unit."""
        [event] = self.host.receiver.of_type(kind, unit=unit)
        data: Json = event["context"]["data"]
        return data

    def prop(self, unit: str, name: str) -> str:
        """Return one property of a unit."""
        return self.host.property(unit, name)
