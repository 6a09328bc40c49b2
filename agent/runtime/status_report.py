"""What the running daemon says of itself: the parts, put together as `status` shows them."""

import os
import time
from collections.abc import Callable, Mapping, Sequence

from agent import __version__
from agent.configuration.fingerprint import configuration_hash
from agent.configuration.types import Configuration
from agent.events import clock
from agent.events.host_state import HostState, read_conditions
from agent.events.identity import Identity
from agent.intake.open_listeners import Listening
from agent.runtime.deliveries import Deliveries
from agent.runtime.status import (
    Collector,
    Document,
    Listener,
    WhoState,
    spool_size,
)
from agent.runtime.status_actions import action_needed, configuration_problems
from agent.runtime.supervisor import State, Supervisor
from collectors.collector import Memory
from collectors.registry import COLLECTORS
from spool import Spool

_STARTED = time.time()


def overview(
    configuration: Configuration,
    *,
    identity: Identity,
    spool: Spool,
    supervisor: Supervisor,
    deliveries: Deliveries,
    listening: Mapping[str, Listening],
    refused_reload: Sequence[str],
    has_begun: bool,
    odd_posts: str = "",
    who: WhoState | None = None,
) -> Document:
    """Return what everything is at.

    A collector that is configured and not supervised is about to be started until the daemon `has_begun`.
    """
    kept = spool.status()
    return Document(
        running=True,
        pid=os.getpid(),
        version=__version__,
        started=_STARTED,
        hostname=identity.hostname or None,
        clock_trusted=clock.is_trusted(),
        socket=str(configuration.socket),
        listens={
            name: Listener(address=found.address, problem=found.problem) for name, found in listening.items()
        },
        configuration=[str(source) for source in configuration.sources],
        configuration_hash=configuration_hash(configuration),
        set_aside={str(path): list(problems) for path, problems in configuration.set_aside.items()},
        replaced=list(configuration.replaced),
        refused_reload=list(refused_reload),
        warnings=list(configuration.warnings),
        odd_posts=odd_posts,
        who=who,
        alert_after=float(configuration.settings.status.alert_after),
        collectors=_collectors(configuration, supervisor, has_begun=has_begun),
        destinations=deliveries.describe(kept),
        spool=spool_size(spool.directory, kept),
    )


def _collectors(
    configuration: Configuration, supervisor: Supervisor, *, has_begun: bool
) -> dict[str, Collector]:
    absent = State("stopped", "it was not started") if has_begun else State("starting")
    states = dict.fromkeys(configuration.collectors, absent) | supervisor.states()
    return {
        name: Collector(
            state=state.phase,
            detail=state.detail,
            restarts=state.restarts,
            is_asked_for=_is_asked_for(name, configuration),
        )
        for name, state in sorted(states.items())
    }


def _is_asked_for(name: str, configuration: Configuration) -> bool:
    """Return whether conf.d names a collector; what runs by default only may find nothing on a host."""
    default = COLLECTORS[name].default if name in COLLECTORS else None
    entries = configuration.collectors.get(name, ())
    return any(entry.config is not default for entry in entries)


def host_state(
    document: Document, configuration: Configuration, identity: Identity, memory: Callable[[str], Memory]
) -> HostState:
    """Return how this host is, given what `status` shows."""
    of_configuration = tuple(configuration_problems(document))
    return HostState(
        services=read_conditions("services", memory, configuration.collectors),
        processes=read_conditions("processes", memory, configuration.collectors),
        configuration=of_configuration,
        agent=tuple(one for one in action_needed(document) if one not in of_configuration),
        tags=identity.tags,
    )
