"""Numbers of ports that are free for both TCP and UDP, for servers of tests; none is given twice in a run.

Where several processes run the tests, each gives numbers of its own.
"""

import os
import random
import socket

_MOST_PROCESSES = 16
_OURS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _MOST_PROCESSES
_given: set[int] = set()


def free_port() -> int:
    """Return a number below those that the kernel gives to clients."""
    while True:
        number = random.randrange(10_000, 32_000 - _MOST_PROCESSES, _MOST_PROCESSES) + _OURS
        if number not in _given and _is_free(number):
            _given.add(number)
            return number


def _is_free(number: int) -> bool:
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        try:
            tcp.bind(("127.0.0.1", number))
            udp.bind(("127.0.0.1", number))
        except OSError:
            return False
        return True
