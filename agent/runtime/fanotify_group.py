"""The step before the service (`ExecStartPre=+`): makes the groups of fanotify and leaves them with systemd. Nothing else.

To make a group that names processes takes CAP_SYS_ADMIN, which the service never has. This runs as root for some milliseconds, reads no
configuration and no file of anybody's, and hands the descriptors to systemd, which gives them to the service (sd_notify(3),
FDSTORE). It ends with 0 whatever happens: without a group the service works, and says why nobody is named.
"""

import os
import select
import socket
import sys
from collections.abc import Callable, Mapping

from agent.runtime.stored_descriptors import CHANGES, EXECUTIONS, REFUSED
from collectors._origin.fanotify import make_group

_BARRIER_SECONDS = 5.0


def main(environ: Mapping[str, str] = os.environ, make: Callable[[], int] = make_group) -> int:
    """Leave two groups with systemd in place of those that are there, or say why there are none."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        _complain("this is no step of a unit")
        return 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
        way.settimeout(_BARRIER_SECONDS)
        try:
            way.connect("\0" + address[1:] if address.startswith("@") else address)
            _leave_all(way, make)
        except OSError as error:
            _complain(str(error))
    return 0


def _complain(why: str) -> None:
    sys.stderr.write(f"sts-agent: who changes what is not seen: {why}\n")


def _leave_all(way: socket.socket, make: Callable[[], int]) -> None:
    for name in (CHANGES, EXECUTIONS, REFUSED):
        # systemd keeps what is there at a restart: it would give the service both, and soon have no room for more.
        _tell(way, f"FDSTOREREMOVE=1\nFDNAME={name}")
    try:
        for name in (CHANGES, EXECUTIONS):
            _leave(way, name, make())
    except OSError as error:
        said = os.memfd_create("who", os.MFD_CLOEXEC)
        os.write(said, str(error.errno).encode())
        _leave(way, REFUSED, said)
    _wait_until_heard(way)


def _leave(way: socket.socket, name: str, fd: int) -> None:
    # FDPOLL=0: systemd would be woken up at each event.
    socket.send_fds(way, [f"FDSTORE=1\nFDNAME={name}\nFDPOLL=0".encode()], [fd])
    os.close(fd)


def _tell(way: socket.socket, text: str) -> None:
    way.send(text.encode())


def _wait_until_heard(way: socket.socket) -> None:
    """Wait until systemd has read all of it, as long as it still knows whose it is."""
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    socket.send_fds(way, [b"BARRIER=1"], [theirs])
    os.close(theirs)
    select.select([ours], [], [], _BARRIER_SECONDS)
    os.close(ours)


if __name__ == "__main__":
    sys.exit(main())
