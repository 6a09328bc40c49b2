"""Whether the service may see what the configuration wants to match: the program of other users' processes."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from agent.configuration.types import Scoped
from collectors._regular import content_of

DROP_IN = "/opt/sts-agent/share/sts-agent.service.d/processes.conf"
UNIT_DIRECTORIES = tuple(Path(place, "systemd/system") for place in ("/etc", "/run", "/usr/lib", "/lib"))
_CAPABILITY = "CAP_SYS_PTRACE"


def doubts(
    collectors: Mapping[str, Iterable[Scoped[Any]]], places: Iterable[Path] = UNIT_DIRECTORIES
) -> list[str]:
    """Return a warning where processes are matched by `exe` and no drop-in of the unit lets that be seen."""
    entries = [scoped.config for scoped in collectors.get("processes", ())]
    named = [entry.name for entry in entries if getattr(getattr(entry, "match", None), "exe", None)]
    if not named or _is_granted(places):
        return []
    seen = f"match.exe of other users' processes is seen with {_CAPABILITY} alone, which {DROP_IN} gives to the service"
    return [f"processes {', '.join(named)}: {seen}: install it into /etc/systemd/system/sts-agent.service.d/"]


def _is_granted(places: Iterable[Path]) -> bool:
    return any(
        _CAPABILITY.encode() in content_of(file)
        for place in places
        for file in place.glob("sts-agent.service.d/*.conf")
    )
