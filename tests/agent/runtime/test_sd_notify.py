"""What the service manager hears."""

import os
import socket

import pytest

from agent.runtime.sd_notify import Notify


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        yield listener


def notify(manager, **environ):
    return Notify({"NOTIFY_SOCKET": manager.getsockname(), **environ})


def test_ready_reloading_stopping_and_alive_are_said(manager):
    to_manager = notify(manager)
    to_manager.ready("running")
    to_manager.reloading()
    to_manager.stopping()
    to_manager.alive()
    said = [manager.recv(4096).decode() for _ in range(4)]
    assert said[0] == "READY=1\nSTATUS=running"
    assert said[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert said[2:] == ["STOPPING=1\nSTATUS=ending: sending what waits", "WATCHDOG=1"]


def test_an_abstract_address_begins_with_an_at_sign():
    name = f"sts-agent-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name)
        Notify({"NOTIFY_SOCKET": "@" + name}).alive()
        assert listener.recv(100) == b"WATCHDOG=1"


def test_nobody_to_tell_is_no_trouble(tmp_path):
    Notify({}).ready()
    Notify({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "180000000"}, 180.0),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": str(os.getpid())}, 180.0),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": "1"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_only_where_it_waits_for_this_process(environ, seconds):
    assert Notify(environ).watchdog_seconds == seconds
