"""Who changed a file: best effort, and each answer says how it is known.

Reads what package managers, Puppet and login leave behind anyway, and only when a file changed. It
never guesses beyond that: a transaction that runs at the same time and does not list the file is told
as running at the same time. Nothing is waited for, so what is written down later than an event is not in
it. Who wrote a file for certain only the kernel's audit could tell.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from collectors._files.origin_packages import PackageLogs
from collectors._files.origin_puppet import PuppetRuns
from collectors._files.origin_sessions import Sessions
from collectors._regular import IsOwn
from collectors.event import Value

log = logging.getLogger(__name__)


class Origins:
    """Looks up, below a root directory, what else happened when a file changed; `is_own` says what nobody may open."""

    def __init__(self, root: Path = Path("/"), is_own: IsOwn = lambda _: False) -> None:
        self._packages = PackageLogs(root, is_own)
        self._puppet = PuppetRuns(root, is_own)
        self._sessions = Sessions(root)

    def of(self, path: str, at: float, *, is_recent: bool) -> dict[str, Value]:
        """Return what is known of who changed `path` at a time; what is open now counts for a recent change only."""
        by_package = _what_is_known(lambda: self._packages.of(path, at))
        by_puppet = _what_is_known(lambda: self._puppet.of(path, at, is_recent=is_recent))
        # Puppet's report tells the moment of each change, a package's log a span: the report wins.
        found = by_puppet if "changed_by" in by_puppet else by_puppet | by_package
        return found | (_what_is_known(lambda: self._sessions.of(at)) if is_recent else {})

    def forget(self) -> None:
        """Let go of what was read for one round of changes."""
        self._packages.forget()
        self._puppet.forget()
        self._sessions.forget()


def _what_is_known(ask: Callable[[], dict[str, Value]]) -> dict[str, Value]:
    """Return an answer, or nothing where what others wrote down makes no sense: the change is told all the same."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - whatever stands in a log of others, it is no reason not to tell the change
        log.warning("who changed a file cannot be told: %s", type(error).__name__)
        return {}
