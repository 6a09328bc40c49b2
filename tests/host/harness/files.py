"""A test host whose installed agent watches /etc/app, and what it tells of it."""

import hashlib
from typing import Any

from harness.host import Host
from harness.receiver import PATIENCE_SECONDS

CHANGED = "ConfigurationChangedEvent"
CONF = "/etc/sts-agent/conf.d/app.yaml"
APP = "files:\n  - paths: ['/etc/app/**']\n"
UNIT = "sts-agent.service"

Json = dict[str, Any]


class Files:
    """A host whose agent watches /etc/app; `told` is what it tells, the marks left out."""

    def __init__(self, host: Host, conf: str = APP) -> None:
        self.host = host
        self._marks = 0
        host.write(CONF, conf)
        host.path("/etc/app").mkdir(exist_ok=True)

    def boot(self, **options: Any) -> None:
        """Boot the host; return when what is there is learnt, or compared."""
        self.host.boot(**options)
        self.wait_until_watching()

    def told(self, timeout_seconds: float = PATIENCE_SECONDS) -> list[Json]:
        """Wait until every change before now was told; return the events, in the order of their arrival.

        A path that was told of shortly before settles for longer than the mark does: wait for its event first.
        """
        self._marks += 1
        mark = f"/etc/app/mark-{self._marks}"
        self.host.shell(f"echo {self._marks} > {mark}")
        self.host.receiver.wait_for_event(CHANGED, timeout_seconds, path=mark)
        self.host.catch_up()  # what came in one request with the mark is all there
        events = self.host.receiver.of_type(CHANGED)
        return [event for event in events if "/mark-" not in event["context"]["data"]["path"]]

    def data(self) -> list[Json]:
        """Return the data of everything told."""
        return [event["context"]["data"] for event in self.told()]

    def said(self) -> list[tuple[str, str]]:
        """Return (path, change) of everything told."""
        return [(data["path"], data["change"]) for data in self.data()]

    def wait_until_watching(self) -> None:
        """Wait until what is there is learnt, or compared."""
        status = "/opt/sts-agent/bin/sts-agent status --json"
        self.host.shell(f"until {status} | grep -q 'watching [0-9]* files'; do sleep 0.1; done")


def sha256(text: str) -> str:
    """Return the hash of a file of this text, as events have it."""
    return hashlib.sha256(text.encode()).hexdigest()
