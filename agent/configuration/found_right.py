"""Which agent.yaml the daemon found right: left by it where its socket usually lies, for commands that only look.

To check a configuration takes such a command longer than all the rest that it does. So it goes by the daemon's word, as
long as the file is the very one that was found right, and no variable of the environment has a say. No path or value of
the configuration is in it: whoever could write there could keep a warning from being shown, and lead nobody astray.
"""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from agent import __version__
from agent.configuration.location import Location

if TYPE_CHECKING:  # who only reads what was left needs none of it
    from agent.configuration.types import Configuration

NAME = "found-right"
USUAL, OTHER = "usual", "other"
"""Where the spool lies: in the default directory, or where agent.yaml says."""

_OURS = "STS_"
_WHERE_ALONE = frozenset({"STS_AGENT_CONFIG"})
_OF_OTHERS = frozenset({"http_proxy", "https_proxy", "no_proxy", "credentials_directory"})
_TICK_SECONDS = 0.05
"""What is written twice within a tick of the file system's clock looks as if it were written once."""


def has_a_say(variable: str) -> bool:
    """Return whether a variable of the environment can change what agent.yaml comes to."""
    ours = variable.startswith(_OURS) and variable not in _WHERE_ALONE
    return ours or variable.lower() in _OF_OTHERS


def state_of(location: Location, environ: Mapping[str, str]) -> str:
    """Return what tells agent.yaml as it is from how it was before; empty where that cannot be told, or does not say all."""
    if any(map(has_a_say, environ)):
        return ""
    try:
        found = location.file.stat()
    except OSError:
        return ""
    if time.time() - found.st_ctime < _TICK_SECONDS:
        return ""
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {location.file}"


def leave(location: Location, state: str, configuration: "Configuration") -> None:
    """Leave word that agent.yaml was right in this state, for everybody; raises OSError.

    A daemon with a socket of its own leaves none: the usual place is another's.
    """
    if not state or configuration.socket != location.socket or not location.socket.parent.is_dir():
        return
    spool = OTHER if configuration.settings.spool.directory else USUAL
    target = location.socket.parent / NAME
    temporary = target.with_name(f".{NAME}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    way = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(way, "w", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - a descriptor, not a path
        os.fchmod(way, 0o644)
        file.write(_word(spool, state))
    temporary.rename(target)


def where_the_spool_is(location: Location, environ: Mapping[str, str]) -> str:
    """Return `USUAL` or `OTHER` where agent.yaml is known to be right, without a look into it; empty where it is not."""
    state = state_of(location, environ)
    if not state or not os.access(location.file, os.R_OK, effective_ids=True):
        return ""
    said = ""
    with suppress(OSError):
        said = (location.socket.parent / NAME).read_text("utf-8", "surrogateescape")
    return next((spool for spool in (USUAL, OTHER) if said == _word(spool, state)), "")


def _word(spool: str, state: str) -> str:
    return f"{__version__} {spool} {state}\n"
