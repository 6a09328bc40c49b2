"""All that this host says of who changed something: gathered when it changed, decided by `decide`.

Reads what package managers, Puppet and logins leave behind anyway, and only when something changed. Nothing is waited for,
so what is written down later than an event is not in it.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from collectors._origin.actor import Actor, NoWitnesses, Witnesses
from collectors._origin.claim import Claim
from collectors._origin.decide import Origin, decide
from collectors._origin.package_logs import PackageLogs
from collectors._origin.process import claim_of, has_to_know_trigger, relevant
from collectors._origin.puppet_runs import PuppetRuns
from collectors._origin.sessions import Sessions
from collectors._origin.trigger import read_trigger
from collectors._regular import IsOwn

log = logging.getLogger(__name__)

_RESTARTS = {
    "restart",
    "try-restart",
    "condrestart",
    "reload-or-restart",
    "try-reload-or-restart",
    "force-reload",
}
_VERBS = frozenset({"start", "stop", "reload", "enable", "disable", "reenable", *_RESTARTS})
"""With which `systemctl` asks for a job."""


class Origins:
    """Looks up, below a root directory, who changed something; `is_own` says what nobody may open."""

    def __init__(
        self,
        root: Path = Path("/"),
        is_own: IsOwn = lambda *_: False,
        witnesses: Witnesses | None = None,
        ask_trigger: Callable[[str, Path], str | None] = read_trigger,
    ) -> None:
        self._root = root
        self._witnesses = witnesses or NoWitnesses("nobody looks")
        self._ask_trigger = ask_trigger
        self._triggers: dict[str, str | None] = {}
        self._packages = PackageLogs(root, is_own)
        self._puppet = PuppetRuns(root, is_own)
        self._sessions = Sessions(root)

    def of_file(
        self, path: str, at: float, *, is_recent: bool, is_content: bool = True, was_watched: bool = False
    ) -> Origin:
        """Return who changed `path` at a time, its content or name, or else its attributes.

        What is open now counts for a recent change only, and what was seen since the look before if it `was_watched`.
        """
        by_package = _claims(lambda: self._packages.of_file(path, at))
        seen = _claims(lambda: self._seen(path, is_content=is_content)) if was_watched else []
        return decide(self._beside(by_package, "File", path, at, is_recent=is_recent) + seen)

    def of_package(self, package: str, version: str, at: float) -> Origin:
        """Return who brought a package to a version, or took that version away, at a time that its manager names."""
        by_package = _claims(lambda: [self._packages.of_package(package, version, at)])
        return decide(self._beside(by_package, "Package", package, at, is_recent=False))

    def of_unit(
        self, unit: str, at: float, *, is_recent: bool, asked: tuple[float, float] | None = None
    ) -> Origin:
        """Return who had a unit started, stopped or reloaded at a time, where systemd itself does not say it.

        `asked` is when somebody must have asked for it, in seconds of CLOCK_MONOTONIC.
        """
        found = _claims(
            lambda: [claim for path in unit_files(unit) for claim in self._packages.of_file(path, at)]
        )
        by_package = [claim for claim in found if claim.is_direct] or found
        seen = _claims(lambda: self._asking_for(unit, *asked)) if asked else []
        name = unit.removesuffix(".service")
        return decide(self._beside(by_package, "Service", name, at, is_recent=is_recent) + seen)

    def forget(self) -> None:
        """Let go of what was read for one round of changes."""
        self._triggers.clear()
        self._packages.forget()
        self._puppet.forget()
        self._sessions.forget()

    def _beside(
        self, by_package: list[Claim], kind: str, title: str, at: float, *, is_recent: bool
    ) -> list[Claim]:
        by_puppet = _claims(lambda: self._puppet.of(kind, title, at, is_recent=is_recent))
        # Puppet's report tells the moment of each change, and what it asks of a package manager is in that one's log too.
        is_puppets = any(claim.is_direct for claim in by_puppet)
        by_session = _claims(lambda: self._sessions.of(at)) if is_recent else []
        return [*([] if is_puppets else by_package), *by_puppet, *by_session]

    def _seen(self, path: str, *, is_content: bool) -> list[Claim]:
        """Return the claims of the processes that changed a path; none where another may have done it unseen."""
        testimony = self._witnesses.of(path)
        if not testimony.is_complete:
            return []
        return [self._claim_of(one.actor) for one in relevant(testimony.seen, is_content=is_content)]

    def _asking_for(self, unit: str, since: float, until: float) -> list[Claim]:
        """Return the claims of the `systemctl` processes that asked for a job of a unit by its name."""
        names = {unit, unit.removesuffix(".service")}
        executions = self._witnesses.executions("systemctl", since, until)
        return [
            self._claim_of(one.actor)
            for one in executions
            if names.intersection(one.arguments[1:]) and _VERBS.intersection(one.arguments[1:])
        ]

    def _claim_of(self, actor: Actor) -> Claim:
        trigger = self._trigger(actor.unit) if has_to_know_trigger(actor) else ""
        service = self._sessions.service_of(actor.session) if actor.session else ""
        return claim_of(actor, trigger=trigger, session_service=service)

    def _trigger(self, unit: str) -> str | None:
        """Return what started a unit, asked once for all that it changed in one round."""
        if unit not in self._triggers:
            self._triggers[unit] = self._ask_trigger(unit, self._root)
        return self._triggers[unit]


def unit_files(unit: str) -> tuple[str, ...]:
    """Return where a package may have put the file of a unit, or of the template that it is made from."""
    stem, _, kind = unit.rpartition(".")
    template = f"{stem.partition('@')[0]}@.{kind}" if "@" in stem else unit
    return tuple(f"{directory}/systemd/system/{template}" for directory in ("/usr/lib", "/lib"))


def _claims(ask: Callable[[], list[Claim]]) -> list[Claim]:
    """Return an answer, or nothing where what others wrote down makes no sense: the change is told all the same."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - whatever stands in a log of others, it is no reason not to tell the change
        log.warning("who made a change cannot be told: %s", type(error).__name__)
        return []
