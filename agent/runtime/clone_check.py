"""Whether this is still the machine that the spool was filled on.

A disk image that is cloned takes the spool along. The clone must not send what the original saw, nor
report everything that differs here as a change.
"""

import logging
from collections.abc import Callable

from agent.events import clock
from agent.runtime.self_events import OWNER
from collectors._portable import were
from spool import Spool, SpoolError

log = logging.getLogger(__name__)

_KEY = "machine-id"
_REASON = "cloned image"


def settle_in(
    spool: Spool, machine_id: str | None = None, start_of_boot: Callable[[], float] = clock.read_start_of_boot
) -> bool:
    """Remember this machine; on another one than remembered forget all first, and return True."""
    try:
        return _settle_in(spool, clock.read_machine_id() if machine_id is None else machine_id, start_of_boot)
    except SpoolError as error:
        log.error("cannot tell whether this machine is a clone: %s", error)  # noqa: TRY400 - made for people
        return False


def _settle_in(spool: Spool, here: str, start_of_boot: Callable[[], float]) -> bool:
    if not here:
        return False
    remembered = spool.memory(OWNER).get(_KEY)
    if remembered == here.encode():
        return False
    if remembered is not None:
        aside = spool.positions.set_aside_undelivered(_REASON)
        _refuse_left_behind(spool, start_of_boot())
        spool.forget()
        log.warning(
            "this spool was filled on another machine (a cloned image?): memory is forgotten, %s set aside",
            were(aside, "undelivered event"),
        )
    try:
        spool.records.append([], owner=OWNER, remember={_KEY: here.encode()})
    except SpoolError as error:
        log.warning("cannot remember the id of this machine: %s", error)
    return remembered is not None


def _refuse_left_behind(spool: Spool, start_of_boot: float) -> None:
    """Set aside what programs of the other machine left in `incoming/`; what came in this boot is our own."""
    for name, _ in spool.incoming.waiting():
        try:
            left_at = (spool.directory / "incoming" / name).stat().st_ctime
        except OSError:
            continue
        if left_at < start_of_boot:
            spool.incoming.refuse(name, _REASON)
    spool.incoming.take_refused()  # the start tells that this is a clone: nothing of theirs is this host's trouble
