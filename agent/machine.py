"""Whether this is still the machine that the spool was filled on.

A disk image that is cloned takes the spool along. The clone must not send what the original saw, nor
report everything that differs here as a change.
"""

import logging

from agent import clock
from agent.own_events import OWNER
from spool import Spool, SpoolError

log = logging.getLogger(__name__)

_KEY = "machine-id"


def settle_in(spool: Spool, machine_id: str | None = None) -> bool:
    """Remember this machine; on another one than remembered forget all first, and return True."""
    here = clock.read_machine_id() if machine_id is None else machine_id
    if not here:
        return False
    remembered = spool.memory(OWNER).get(_KEY)
    if remembered == here.encode():
        return False
    if remembered is not None:
        aside = spool.set_aside_undelivered("cloned image")
        spool.forget()
        log.warning(
            "this spool was filled on another machine (a cloned image?): "
            "memory is forgotten, %d undelivered events are set aside",
            aside,
        )
    try:
        spool.append([], owner=OWNER, remember={_KEY: here.encode()})
    except SpoolError as error:
        log.warning("this machine's name is not remembered: %s", error)
    return remembered is not None
