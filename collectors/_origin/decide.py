"""The one decision: which origin follows from all that is known. Pure.

It must never guess. Evidence that names different people, programs' works or units is contradictory, and what merely
happened at the same time is no author: both are `unknown`, which then says what was under way.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from collectors._origin.claim import Claim, How, Kind
from collectors._redaction.passing import without_secrets
from collectors.event import Value

_HOWS: tuple[How, ...] = ("process", "package-log", "report", "job", "session")
_FACTS = ("login_user", "user", "program", "pid", "unit")
_TEXTS = frozenset({"origin_name", "origin_program"})
"""In which anything may stand: how a program is called, what a log says."""
_WHO = ("login_user", "unit")
"""In which the evidence must agree: a work of several programs has several pids, and each may run as another user."""
_CALLED: dict[Kind, str] = {"package": "package", "puppet": "Puppet run", "ansible": "Ansible"}
_MOST_NAMED = 10


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who made a change, as events say it."""

    kind: Kind = "unknown"
    how: tuple[How, ...] = ()
    name: str = ""
    login_user: str = ""
    user: str = ""
    program: str = ""
    pid: int = 0
    unit: str = ""

    def as_data(self) -> dict[str, Value]:
        """Return the keys of an event's data; what is not known is left out."""
        facts: dict[str, Value] = {
            f"origin_{key}": value for key in ("name", *_FACTS) if (value := getattr(self, key))
        }
        facts |= {key: without_secrets(str(facts[key])) for key in _TEXTS & facts.keys()}
        how: dict[str, Value] = {"origin_how": ",".join(self.how)} if self.how else {}
        return {"origin": self.kind, **how, **facts}


def decide(claims: Iterable[Claim]) -> Origin:
    """Return what follows from all claims, in whatever order they come."""
    known = sorted(dict.fromkeys(claims), key=_order)
    direct = [claim for claim in known if claim.is_direct]
    around = [claim for claim in known if not claim.is_direct]
    if not direct:
        return Origin(how=_hows(around), name=_called(around))
    if not _agree(direct, around):
        return Origin(how=_hows(direct))
    processes = [claim for claim in direct if claim.how == "process"]
    works = [claim for claim in direct if claim.how != "process"]
    kind = _kind(processes, works, frozenset(claim.kind for claim in around))
    if kind is None:
        return Origin(how=_hows(direct))
    used = direct + [claim for claim in around if _supports(claim, kind, processes)]
    if kind == "unknown":
        used = direct + [claim for claim in around if claim.kind != "person"]
    return _origin(kind, used)


def _kind(processes: Sequence[Claim], works: Sequence[Claim], under_way: frozenset[Kind]) -> Kind | None:
    """Return the one kind that all direct claims allow; `unknown` where two are possible, None where none is."""
    kinds = {claim.kind for claim in works}
    own = {claim.kind for claim in processes}
    if len(kinds) > 1 or len(own) > 1:
        return None
    if not own:
        return kinds.pop()
    part_of = frozenset.intersection(*(claim.part_of for claim in processes)) | own
    may_be = frozenset[Kind]().union(*(claim.may_be_of for claim in processes))
    if kinds:
        [work] = kinds
        return work if work in part_of else "unknown" if work in may_be else None
    within = part_of & under_way - own
    if len(within) > 1 or (may_be - within) & under_way:
        return "unknown"
    return next(iter(within or own))


def _agree(direct: Sequence[Claim], around: Sequence[Claim]) -> bool:
    """Return whether all that is claimed of people and units can be true together; a session has one login."""
    users = {(claim.unit, claim.login_user) for claim in around if claim.how == "session" and claim.unit}
    for claim in direct:
        if claim.login_user and any(unit == claim.unit and user != claim.login_user for unit, user in users):
            return False
    return all(len({getattr(claim, key) for claim in direct} - {""}) <= 1 for key in _WHO)


def _supports(claim: Claim, kind: Kind, processes: Sequence[Claim]) -> bool:
    """Return whether what was there at that moment fits what is known directly, and so belongs to it."""
    if claim.kind == "person":
        return bool(claim.login_user) and any(
            process.login_user == claim.login_user and process.unit == claim.unit for process in processes
        )
    return claim.kind == kind


def _origin(kind: Kind, used: Sequence[Claim]) -> Origin:
    """Return the origin with what is known of it; the kernel's word of a process goes before what others wrote down."""
    processes = [claim for claim in used if claim.how == "process"]
    facts = {key: _one(processes, key) or _one(used, key) for key in _FACTS}
    name = _called(used) if kind == "unknown" else _names(claim.name for claim in used if claim.kind == kind)
    return Origin(kind=kind, how=_hows(used), name=name, **facts)


def _one(claims: Sequence[Claim], key: str) -> Any:
    """Return the one value that is claimed; an empty one where none or several are."""
    found = {value for claim in claims if (value := getattr(claim, key)) and claim.how != "session"}
    return found.pop() if len(found) == 1 else 0 if key == "pid" else ""


def _hows(claims: Iterable[Claim]) -> tuple[How, ...]:
    found = {claim.how for claim in claims}
    return tuple(how for how in _HOWS if how in found)


def _called(around: Iterable[Claim]) -> str:
    """Return what was at work or open at that moment, each as what it is."""
    return _names(f"{_CALLED.get(claim.kind, '')} {claim.name}".strip() for claim in around)


def _names(names: Iterable[str]) -> str:
    found = [*dict.fromkeys(filter(None, names))]
    return ", ".join(found[:_MOST_NAMED]) + (" and more" if len(found) > _MOST_NAMED else "")


def _order(claim: Claim) -> tuple[int, str, str, str]:
    return _HOWS.index(claim.how), claim.kind, claim.name, repr(claim)
