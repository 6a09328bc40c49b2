"""What the running daemon says of itself: the parts, put together as `status` shows them."""

import os
import time

from agent import __version__, clock
from agent.configuration.types import Configuration
from agent.deliveries import Deliveries
from agent.events.identity import Identity
from agent.status import Collector, Document, spool_size
from agent.supervisor import Supervisor
from spool import Spool

_STARTED = time.time()


def overview(
    configuration: Configuration,
    *,
    identity: Identity,
    spool: Spool,
    supervisor: Supervisor,
    deliveries: Deliveries,
    no_intake: str,
) -> Document:
    """Return what everything is at; `no_intake` is why the socket does not listen, empty where it does."""
    kept = spool.status()
    return Document(
        running=True,
        pid=os.getpid(),
        version=__version__,
        started=_STARTED,
        hostname=identity.hostname or None,
        clock_trusted=clock.is_trusted(),
        socket=str(configuration.socket),
        intake=no_intake,
        configuration=[str(source) for source in configuration.sources],
        set_aside={str(path): list(problems) for path, problems in configuration.set_aside.items()},
        collectors={
            name: Collector(state=state.phase, detail=state.detail, restarts=state.restarts)
            for name, state in supervisor.states().items()
        },
        destinations=deliveries.describe(kept),
        spool=spool_size(spool.directory, kept),
    )
