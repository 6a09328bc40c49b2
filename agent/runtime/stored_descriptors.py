"""The descriptors that systemd gives to the service, by their names (sd_listen_fds(3)): those that a step before it left there."""

import os
from collections.abc import MutableMapping

CHANGES, EXECUTIONS = "who-changes", "who-executions"
"""The groups of fanotify that `agent.runtime.fanotify_group` leaves."""
REFUSED = "who-refused"
"""What it leaves where there is none: a file that holds the number of the error."""
_FIRST = 3


def take_descriptors(environ: MutableMapping[str, str] = os.environ, first: int = _FIRST) -> dict[str, int]:
    """Return them by name, the last of each; the others are closed. What this process starts inherits none and hears of none."""
    said = {name: environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")}
    if said["LISTEN_PID"] != str(os.getpid()) or not said["LISTEN_FDS"].isdecimal():
        return {}
    names = said["LISTEN_FDNAMES"].split(":")
    found: dict[str, int] = {}
    for fd in range(first, first + int(said["LISTEN_FDS"])):
        name = names[fd - first] if fd - first < len(names) else ""
        os.set_inheritable(fd, False)
        if name in found:
            os.close(found[name])
        found[name] = fd
    return found
