"""The step before the service: it leaves the groups with systemd, or why there are none, and never makes the start fail."""

import contextlib
import errno
import os
import socket
import subprocess
import sys
import threading

import pytest

from agent.runtime import fanotify_group
from agent.runtime.stored_descriptors import take_descriptors


@pytest.fixture
def systemd(tmp_path):
    """Return a socket on which systemd would hear."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(60)
        yield heard


def run(systemd, make):
    """Run the step; return what systemd was told, with the descriptor of each word."""
    told = []

    def listen():
        while not told or not told[-1][0].startswith("BARRIER"):
            data, fds, _, _ = socket.recv_fds(systemd, 4096, 4)
            told.append((data.decode(), fds))
        os.close(told[-1][1][0])

    listener = threading.Thread(target=listen)
    listener.start()
    status = fanotify_group.main({"NOTIFY_SOCKET": systemd.getsockname()}, make)
    listener.join()
    for _, fds in told[:-1]:
        for fd in fds:
            os.close(fd)
    assert status == 0
    return [text for text, _ in told[:-1]], [len(fds) for _, fds in told]


def a_group():
    return os.memfd_create("group")


def test_it_takes_the_place_of_what_is_there_and_leaves_one_of_each(systemd):
    texts, descriptors = run(systemd, a_group)
    assert texts == [
        "FDSTOREREMOVE=1\nFDNAME=who-changes",
        "FDSTOREREMOVE=1\nFDNAME=who-executions",
        "FDSTOREREMOVE=1\nFDNAME=who-refused",
        "FDSTORE=1\nFDNAME=who-changes\nFDPOLL=0",
        "FDSTORE=1\nFDNAME=who-executions\nFDPOLL=0",
    ]
    assert descriptors == [0, 0, 0, 1, 1, 1]


def test_where_the_kernel_refuses_it_leaves_the_reason(systemd):
    def refuse():
        raise OSError(errno.EPERM, "no")

    texts, _ = run(systemd, refuse)
    assert texts[3:] == ["FDSTORE=1\nFDNAME=who-refused\nFDPOLL=0"]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_it_ends_well_where_nobody_hears_it(environ, capsys):
    assert fanotify_group.main(environ, a_group) == 0
    assert "who changes what is not seen" in capsys.readouterr().err


def test_it_loads_little_and_nothing_that_is_not_ours_or_pythons():
    script = "import sys, agent.runtime.fanotify_group; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"msgspec", "yaml", "logging", "watchdog", "agent.configuration", "agent.cli"} & {*loaded}


def given(names, first, **changes):
    variables = {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": str(len(names)),
        "LISTEN_FDNAMES": ":".join(names),
        "PATH": "/bin",
    }
    environ = variables | changes
    return take_descriptors(environ, first), environ


@pytest.fixture
def two():
    """Return the first of two descriptors with numbers one after another."""
    low = os.memfd_create("a")
    first = 200
    os.dup2(low, first)
    os.dup2(low, first + 1)
    os.close(low)
    yield first
    for fd in (first, first + 1):
        with contextlib.suppress(OSError):
            os.close(fd)


def test_what_systemd_gives_is_taken_by_name_and_told_to_nobody_else(two):
    found, environ = given(["who-changes", "other"], two)
    assert found == {"who-changes": two, "other": two + 1}
    assert environ == {"PATH": "/bin"}
    assert not os.get_inheritable(two)


def test_of_several_with_one_name_the_last_counts_and_the_others_are_closed(two):
    found, _ = given(["who-changes", "who-changes"], two)
    assert found == {"who-changes": two + 1}
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(two)


@pytest.mark.parametrize("changes", [{"LISTEN_PID": "1"}, {"LISTEN_FDS": "x"}, {"LISTEN_PID": ""}])
def test_what_is_not_meant_for_us_is_left_alone(changes, two):
    found, _ = given(["a", "b"], two, **changes)
    assert found == {}
