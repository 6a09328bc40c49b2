"""What the agent is doing, in one line for `systemctl status`: that it works, or what does not.

Made of states that are at hand: it asks neither the disk nor the network. Its texts come masked from where they arise.
"""

from collections.abc import Iterator, Mapping, Sequence

from agent.runtime.supervisor import State
from collectors._portable import counted, printable

_LONGEST = 250
"""Characters; systemctl cuts longer ones by itself."""


def status_line(
    collectors: Mapping[str, State],
    destinations: Sequence[str],
    troubles: Mapping[str, str],
    *,
    not_listening: Sequence[str] = (),
    refused: bool = False,
) -> str:
    """Return the line; `troubles` says of each destination that does not deliver why.

    It names nothing that moves by itself, as a count of events or a time: it changes when something begins or ends.
    """
    wrong = [
        *(f"{name} delivers nothing: {why}" for name, why in sorted(troubles.items())),
        *_of_collectors(collectors),
        *(f"{name} does not listen" for name in not_listening),
        *(["a reload was refused, the configuration before it counts"] if refused else []),
    ]
    line = "; ".join([_well(collectors, destinations), *wrong])
    line = printable(line)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _well(collectors: Mapping[str, State], destinations: Sequence[str]) -> str:
    watching = f"watching by {counted(len(collectors), 'collector')}"
    if not destinations:
        return f"{watching}, recording on this host alone: no destination is configured"
    names = ", ".join(sorted(destinations))
    return f"{watching}, delivering to {names}"


def _of_collectors(collectors: Mapping[str, State]) -> Iterator[str]:
    for name, state in sorted(collectors.items()):
        if state.phase == "restarting":
            yield f"collector {name} fails and is started again"
        if state.phase == "stopped":
            yield f"collector {name} does not run"
