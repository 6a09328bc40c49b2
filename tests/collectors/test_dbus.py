"""The connection to the bus, against a real dbus-daemon of the test's own."""

import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from collectors._dbus import (
    BUS,
    BUS_PATH,
    Bus,
    BusLost,
    Call,
    CallFailed,
    Interrupted,
    connect_again,
    find_address,
)

NAME = "com.example.Told"
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>"""


class PipeStop:
    """A stop as the agent lends it."""

    def __init__(self):
        self._event = threading.Event()
        self._read, self._write = os.pipe()

    def set(self):
        self._event.set()
        os.write(self._write, b"x")

    def is_set(self):
        return self._event.is_set()

    def wait(self, timeout_seconds=None):
        return self._event.wait(timeout_seconds)

    def fileno(self):
        return self._read

    def close(self):
        os.close(self._read)
        os.close(self._write)


class Daemon:
    """A message bus of the test's own."""

    def __init__(self, directory: Path):
        self.path = directory / "bus"
        self._config = directory / "bus.conf"
        self._config.write_text(CONFIG.format(path=self.path))
        self.start()

    def start(self):
        self._process = subprocess.Popen(
            ["dbus-daemon", "--nofork", "--print-address", f"--config-file={self._config}"],
            stdout=subprocess.PIPE,
        )
        self._process.stdout.readline()  # it listens from here on

    def stop(self):
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
        self.path.unlink(missing_ok=True)


class Peer:
    """Another program on the bus."""

    def __init__(self, daemon):
        from jeepney.io.blocking import open_dbus_connection

        self.connection = open_dbus_connection(f"unix:path={daemon.path}")

    def own(self, name):
        from jeepney import message_bus

        self.connection.send_and_get_reply(message_bus.RequestName(name))

    def tell(self, member, *numbers, to=None):
        from jeepney import DBusAddress, HeaderFields, new_signal

        message = new_signal(
            DBusAddress("/told", interface="com.example.I"), member, "u" * len(numbers), numbers
        )
        if to:
            message.header.fields[HeaderFields.destination] = to
        self.connection.send(message)

    def close(self):
        self.connection.close()


@pytest.fixture
def daemon(tmp_path):
    if shutil.which("dbus-daemon") is None:
        pytest.skip("needs dbus-daemon: make test-deps")
    daemon = Daemon(tmp_path)
    yield daemon
    daemon.stop()


@pytest.fixture
def stop():
    stop = PipeStop()
    yield stop
    stop.close()


@pytest.fixture
def bus(daemon, stop):
    with Bus(str(daemon.path), stop=stop) as bus:
        yield bus


@pytest.fixture
def peer(daemon):
    peer = Peer(daemon)
    yield peer
    peer.close()


GET_ID = Call(BUS, BUS_PATH, BUS, "GetId")


def test_signals_that_arrive_during_a_call_are_kept_in_order(bus, peer):
    peer.own(NAME)
    bus.match(NAME)
    for number in range(50):
        peer.tell("Counted", number)
    peer.connection.send_and_get_reply(_list_names())  # the bus has taken all fifty
    bus.call(GET_ID)
    assert [bus.next_signal(0).body for _ in range(50)] == [(number,) for number in range(50)]


def test_only_the_owner_of_a_matched_name_is_believed(bus, peer, daemon):
    peer.own(NAME)
    bus.match(NAME)
    liar = Peer(daemon)
    [us] = [name for name in _names(liar) if name.startswith(":") and name == ":1.0"]
    liar.tell("Lied", 1, to=us)
    liar.connection.send_and_get_reply(_list_names())
    peer.tell("True", 2)
    signal = bus.next_signal()
    assert (signal.member, signal.sender) == ("True", NAME)
    liar.close()


def test_a_name_that_changes_hands_is_followed_and_told(bus, peer):
    bus.match(NAME)
    peer.own(NAME)
    peer.tell("Hello", 1)
    told = [bus.next_signal(), bus.next_signal()]
    assert [signal.member for signal in told] == ["NameOwnerChanged", "Hello"]
    assert told[0].sender == BUS


def test_a_name_that_is_taken_just_after_its_owner_was_asked_for_is_believed(daemon, peer):
    class Slow(Bus):
        def _send(self, call):
            serial = super()._send(call)
            if call.method == "GetNameOwner":
                answer = self._socket.recv(65536, socket.MSG_PEEK)
                peer.own(NAME)
                while len(self._socket.recv(65536, socket.MSG_PEEK)) == len(answer):
                    pass  # until the change lies behind the answer, to be received with it
            return serial

    with Slow(str(daemon.path)) as bus:
        bus.match(NAME)
        assert bus.next_signal(10).member == "NameOwnerChanged"
        peer.tell("Told")
        assert bus.next_signal(10).member == "Told"


def test_setting_the_stop_ends_a_wait_without_a_timeout(bus, stop):
    seen = []
    waiting = threading.Thread(target=lambda: seen.append(bus.next_signal()))
    waiting.start()
    stop.set()
    waiting.join(10)
    assert seen == [None]


def test_setting_the_stop_interrupts_a_call_unless_told_not_to_heed_it(bus, stop):
    stop.set()
    with pytest.raises(Interrupted):
        bus.call(GET_ID)
    assert bus.call(GET_ID, heed_stop=False)


def test_a_wait_ends_when_its_time_is_over(bus):
    assert bus.next_signal(0.01) is None


def test_an_error_reply_is_told_by_its_name_and_spoils_no_other_call(bus):
    nobody = Call("com.example.Nobody", "/", "com.example.I", "Ask")
    answers = bus.calls([nobody, GET_ID] * 100)
    assert {type(answer) for answer in answers[::2]} == {CallFailed}
    assert answers[0].name in {
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
    }
    assert len({answer[0] for answer in answers[1::2]}) == 1


def test_a_call_that_nobody_answers_ends_in_time(bus, peer):
    peer.own(NAME)
    with pytest.raises(CallFailed, match="NoReply"):
        bus.call(Call(NAME, "/", "com.example.I", "Ask"), timeout_seconds=0.05)


def test_a_bus_that_ends_is_lost_and_found_again(daemon, stop):
    with Bus(str(daemon.path), stop=stop) as bus:
        daemon.stop()
        with pytest.raises(BusLost):
            bus.next_signal()
    with pytest.raises(BusLost):
        Bus(str(daemon.path))
    daemon.start()
    with connect_again(str(daemon.path), stop) as again:
        assert again.call(GET_ID)


def test_the_search_for_a_lost_bus_ends_with_the_stop(tmp_path, stop):
    stop.set()
    assert connect_again(str(tmp_path / "bus"), stop) is None


def test_the_bus_is_found_where_the_environment_says():
    assert find_address("system", {}) == "/run/dbus/system_bus_socket"
    assert find_address("system", {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/x/y"}) == "/x/y"
    assert find_address("session", {"XDG_RUNTIME_DIR": "/run/user/7"}) == "/run/user/7/bus"
    with pytest.raises(BusLost):
        find_address("session", {})


def _list_names():
    from jeepney import message_bus

    return message_bus.ListNames()


def _names(peer):
    return peer.connection.send_and_get_reply(_list_names()).body[0]
