"""What a process that was seen to change something says about who did it. Pure.

A process is judged by what it cannot choose: its login, its control group, whose rights it has. Its name and those above it count
only for root, only as a part of work that something else tells of as well, and never across sudo, su or a login.
"""

from collections.abc import Iterable, Sequence

from collectors._origin.actor import Actor, Seen
from collectors._origin.claim import NO_KINDS, Claim, Kind

_CRON = frozenset({"cron.service", "crond.service", "anacron.service", "atd.service"})
CRON_SESSIONS = frozenset({"cron", "crond", "anacron", "atd"})
"""What opens a session for a job, as logind names it."""
_WORKS: dict[Kind, frozenset[str]] = {
    "package": frozenset(
        {"dpkg", "apt", "apt-get", "aptitude", "unattended-upgr", "rpm", "dnf", "dnf5", "yum"}
    ),
    "puppet": frozenset({"puppet", "ruby"}),
}
_BORDERS = frozenset(
    {"sudo", "su", "doas", "pkexec", "runuser", "login", "sshd", "sshd-session", "systemd", "init"}
)
"""Whoever is above one of these asked for what is below it, and is not doing it himself."""
_ANSIBLE = "ansible"


def relevant(seen: Sequence[Seen], *, is_content: bool) -> list[Seen]:
    """Return those of a path's processes that made a change of its content or name, or else of its attributes."""
    found = [
        one
        for one in seen
        if (one.changed_content or one.changed_names if is_content else one.changed_attributes)
    ]
    return found or list(seen)


def has_to_know_trigger(actor: Actor) -> bool:
    """Return whether it depends on what started its unit who it was."""
    return actor.login_uid is None and _is_service(actor.unit) and actor.unit not in _CRON


def claim_of(actor: Actor, *, trigger: str | None, session_service: str) -> Claim:
    """Return what one process says; without a unit its login may be one that cron made for the owner of a job.

    `trigger` is what started its unit, "" where that was no timer and None where it is not known; `session_service` is
    what logind says opened its session, as `sshd`.
    """
    kind, unit = _kind(actor, trigger, session_service)
    return Claim(
        kind=kind,
        how="process",
        is_direct=True,
        login_user="" if kind == "timer" or not unit else actor.login_user,
        user=actor.user,
        program=actor.program,
        pid=actor.pid,
        unit=unit,
        part_of=_part_of(actor),
        may_be_of=_may_be_of(actor),
    )


def _kind(actor: Actor, trigger: str | None, session_service: str) -> tuple[Kind, str]:
    unit = actor.unit
    if unit in _CRON or session_service in CRON_SESSIONS:
        return "timer", unit
    if _is_ansible(actor):
        return "ansible", unit
    if actor.login_uid is not None and unit:
        return ("unknown" if _may_be_ansible(actor) or _is_users_own(actor) else "person"), unit
    if unit == "init.scope":
        return "manager", unit
    if not _is_service(unit) or trigger is None:
        return "unknown", unit
    return ("timer", trigger) if trigger else ("service", unit)


def _is_service(unit: str) -> bool:
    return unit.endswith(".service") and not unit.startswith("user@")


def _is_users_own(actor: Actor) -> bool:
    """Return whether it is of a service that a user's own manager runs: he, or a timer of his, started it."""
    return actor.unit.startswith("user@") and actor.cgroup.endswith(".service")


def _is_ansible(actor: Actor) -> bool:
    """Return whether it is a module that Ansible runs on its own host."""
    return _may_be_ansible(actor) and any(name.startswith(_ANSIBLE) for name in actor.ancestors)


def _may_be_ansible(actor: Actor) -> bool:
    """Return whether it may be a module that Ansible runs, by ssh too: nothing but its command line, gone by now, would say."""
    return actor.program.startswith("python") and actor.ancestors[:1] == ("sh",)


def _part_of(actor: Actor) -> frozenset[Kind]:
    if actor.uid or actor.real_uid:
        return NO_KINDS
    names = {actor.program, *_own(actor.ancestors)}
    return frozenset(kind for kind, programs in _WORKS.items() if names & programs)


def _may_be_of(actor: Actor) -> frozenset[Kind]:
    """Return the works that a process of root's may be a part of, where it is not known what is above it."""
    is_known = bool(set(actor.ancestors) & _BORDERS)
    return NO_KINDS if is_known or actor.uid or actor.real_uid else frozenset(_WORKS)


def _own(ancestors: Iterable[str]) -> list[str]:
    """Return the names of those above it that are doing what it does."""
    found = []
    for name in ancestors:
        if name in _BORDERS:
            break
        found.append(name)
    return found
