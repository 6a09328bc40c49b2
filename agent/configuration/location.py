"""Where the configuration lies, and where the agent keeps its data when the configuration does not say.

Only "does not exist" falls through to the next candidate. What exists and may not be read is never
passed over: an agent that silently ran with another configuration would be worse than none.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from agent.configuration.problem import ConfigurationError, Problem

SYSTEM_FILE = Path("/etc/sts-agent/agent.yaml")
SYSTEM_SPOOL = Path("/var/lib/sts-agent")
SYSTEM_SOCKET = Path("/run/sts-agent/intake.sock")
NAME = "sts-agent"
VOLATILE = "volatile-spool"
"""The directory beside the socket, by its usual place, in which a daemon keeps events that has no other."""


class Location(msgspec.Struct, frozen=True):
    """The file to read, whether there is one, and the defaults that go with it."""

    file: Path
    exists: bool
    spool_directory: Path
    socket: Path
    warnings: tuple[str, ...] = ()

    @property
    def applications(self) -> Path:
        """The directory with one file per application."""
        return self.file.parent / "conf.d"


def locate(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    user: bool = False,
    for_run: bool = False,
) -> Location:
    """Return where to read; raises `ConfigurationError` when a file was asked for and is not there.

    `$STATE_DIRECTORY` counts only `for_run`: in the ExecStartPre of another unit it names that unit's.
    """
    file, spool, socket = _user_defaults(environ) if user else (SYSTEM_FILE, SYSTEM_SPOOL, SYSTEM_SOCKET)
    if for_run and (state := environ.get("STATE_DIRECTORY")):
        spool = Path(state.split(":")[0])
    warnings: tuple[str, ...] = ()
    if path is not None:
        if not _exists(path):
            raise ConfigurationError([Problem(str(path), 1, "", "does not exist")])
        return Location(path.absolute(), True, spool, socket)
    if named := environ.get("STS_AGENT_CONFIG"):
        if _exists(Path(named)):
            return Location(Path(named).absolute(), True, spool, socket)
        warnings = (f"{named}: does not exist, though $STS_AGENT_CONFIG names it; {file} counts",)
    return Location(file, _exists(file), spool, socket, warnings)


def _user_defaults(environ: Mapping[str, str]) -> tuple[Path, Path, Path]:
    import platformdirs

    state = platformdirs.user_state_path(NAME)
    runtime = environ.get("XDG_RUNTIME_DIR")  # without a session there is none: then where nobody else writes
    return (
        platformdirs.user_config_path(NAME) / "agent.yaml",
        state,
        (Path(runtime) / NAME if runtime else state) / "intake.sock",
    )


def _exists(path: Path) -> bool:
    """Return whether there is something; whatever else stands in the way is found when it is read."""
    try:
        path.stat()
    except FileNotFoundError:
        return path.is_symlink()
    except OSError:
        return True
    return True
