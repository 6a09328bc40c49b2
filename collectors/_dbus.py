"""The D-Bus as collectors read it: one blocking connection that loses no signal and ends when told to.

A call keeps the signals that arrive before its reply, in order (jeepney's own call throws them away),
so one connection serves for calls and signals, and a reply tells exactly which signals came before
it. Waiting is one poll over the socket and the stop: no wake-up without a cause, no reader left behind.

Anybody on a bus may send a signal straight to us, past every match rule. So a signal counts only when
its sender owns, at that moment, a name that was matched. Nothing here ever activates a service.
"""

import os
import select
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import msgspec

from collectors.collector import CollectorError, Stop

BUS = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"

_AUTHENTICATION_SECONDS = 2.0
_SEND_SECONDS = 5.0
_MAX_CALLS_UNDER_WAY = 64
"""dbus-daemon refuses a connection of the system bus its 129th pending reply."""
_RECONNECT_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class BusError(CollectorError):
    """Something about the bus."""


class BusLost(BusError):  # noqa: N818 - what became of the connection
    """The bus is not there, or ended the connection: open a new one and compare everything."""


class CallFailed(BusError):  # noqa: N818 - what became of the call
    """The other side answered with an error, or not in time; `name` is the D-Bus error name."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name


class Interrupted(BusError):  # noqa: N818 - what became of the call
    """The stop was set while a call waited for its reply."""


class Call(msgspec.Struct, frozen=True):
    """One method call; `signature` and `body` are its arguments."""

    destination: str
    path: str
    interface: str
    method: str
    signature: str = ""
    body: tuple[Any, ...] = ()


class Signal(msgspec.Struct, frozen=True):
    """One signal; `sender` is the well-known name that was matched."""

    sender: str
    path: str
    interface: str
    member: str
    body: tuple[Any, ...]


Rule = dict[str, str]
Reply = tuple[Any, ...]


class Bus:
    """A connection to a message bus, for one thread.

    `stop` ends every wait. With `unix_fds`, descriptors in a reply come as jeepney's `FileDescriptor`
    (`to_raw_fd()` hands one over; what nobody took is closed).
    """

    def __init__(self, address: str, *, stop: Stop | None = None, unix_fds: bool = False) -> None:
        from jeepney import Parser
        from jeepney.auth import AuthenticationError
        from jeepney.io.blocking import prep_socket

        try:
            self._socket: socket.socket = prep_socket(address, unix_fds, timeout=_AUTHENTICATION_SECONDS)
        except (OSError, AuthenticationError) as error:
            raise BusLost(f"no bus answers at {address}: {error}") from error
        self._socket.settimeout(_SEND_SECONDS)  # for sending; receiving follows a poll
        self._parser: Any = Parser()
        self._stop = stop
        self._unix_fds = unix_fds
        self._serial = 0
        self._replies: dict[int, Any] = {}
        self._signals: deque[Signal] = deque()
        self._owners: dict[str, str | None] = {BUS: BUS}  # None: asked, and nothing heard yet
        try:
            self.call(Call(BUS, BUS_PATH, BUS, "Hello"))
        except BusError:
            self.close()
            raise

    def match(self, sender: str, **rule: str) -> None:
        """Receive the signals of `sender` (a well-known name) that agree with the rule's keys.

        Keys are those of a D-Bus match rule: path, path_namespace, interface, member, arg0 and so on.
        A change of the name's owner arrives as the signal NameOwnerChanged of the bus itself.
        """
        if sender not in self._owners:
            self._owners[sender] = None
            self._add_match({"sender": BUS, "member": "NameOwnerChanged", "arg0": sender})
            try:
                [owner] = self.call(Call(BUS, BUS_PATH, BUS, "GetNameOwner", "s", (sender,)))
            except CallFailed:
                owner = ""  # not there yet; NameOwnerChanged will tell
            if self._owners[sender] is None:  # a change that was received with the answer is newer than it
                self._owners[sender] = owner
        self._add_match({"sender": sender, **rule})

    def call(self, call: Call, *, timeout_seconds: float = 10.0, heed_stop: bool = True) -> Reply:
        """Return the body of the reply; raise `CallFailed`, `BusLost` or `Interrupted`."""
        [answer] = self.calls([call], timeout_seconds=timeout_seconds, heed_stop=heed_stop)
        if isinstance(answer, CallFailed):
            raise answer
        return answer

    def calls(
        self, calls: Sequence[Call], *, timeout_seconds: float = 10.0, heed_stop: bool = True
    ) -> list[Reply | CallFailed]:
        """Make many calls at once; each answer is a body or what went wrong with that one.

        `timeout_seconds` is for all of them. With `heed_stop` off, they are made and awaited even when
        the stop is set.
        """
        deadline = time.monotonic() + timeout_seconds
        answers: list[Reply | CallFailed] = []
        for first in range(0, len(calls), _MAX_CALLS_UNDER_WAY):
            serials = [self._send(call) for call in calls[first : first + _MAX_CALLS_UNDER_WAY]]
            try:
                answers += [self._answer(serial, deadline, heed_stop=heed_stop) for serial in serials]
            finally:
                for serial in serials:
                    self._replies.pop(serial, None)
        return answers

    def next_signal(self, timeout_seconds: float | None = None) -> Signal | None:
        """Wait for a signal; None when the time is over or the stop is set. Zero looks and never waits."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not self._signals:
            if not self._wait(deadline, heed_stop=True):
                return None
            self._receive()
        return self._signals.popleft()

    def close(self) -> None:
        """End the connection. From another thread, set the stop instead."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _add_match(self, rule: Rule) -> None:
        text = ",".join(f"{key}='{value}'" for key, value in {"type": "signal", **rule}.items())
        self.call(Call(BUS, BUS_PATH, BUS, "AddMatch", "s", (text,)))

    def _send(self, call: Call) -> int:
        from jeepney import DBusAddress, MessageFlag, new_method_call

        address = DBusAddress(call.path, bus_name=call.destination, interface=call.interface)
        message = new_method_call(address, call.method, call.signature or None, call.body)
        message.header.flags |= MessageFlag.no_auto_start
        self._serial += 1
        try:
            self._socket.sendall(message.serialise(serial=self._serial))
        except OSError as error:
            raise BusLost(f"the bus takes nothing: {error}") from error
        self._replies[self._serial] = None
        return self._serial

    def _answer(self, serial: int, deadline: float, *, heed_stop: bool) -> Reply | CallFailed:
        from jeepney import HeaderFields, MessageType

        while self._replies[serial] is None:
            if not self._wait(deadline, heed_stop=heed_stop):
                if heed_stop and self._stop is not None and self._stop.is_set():
                    raise Interrupted("told to stop")
                return CallFailed("org.freedesktop.DBus.Error.NoReply", "no answer in time")
            self._receive()
        message = self._replies.pop(serial)
        body: Reply = tuple(message.body)
        if message.header.message_type is MessageType.error:
            name = message.header.fields.get(HeaderFields.error_name, "")
            return CallFailed(name, str(body[0]) if body else "")
        return body

    def _wait(self, deadline: float | None, *, heed_stop: bool) -> bool:
        """Return whether there is something to receive before the deadline and the stop."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if heed_stop and self._stop is not None:
            poll.register(self._stop.fileno(), select.POLLIN)
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        ready = {descriptor for descriptor, _ in poll.poll(left)}
        if heed_stop and self._stop is not None and self._stop.fileno() in ready:
            return False
        return bool(ready)

    def _receive(self) -> None:
        from jeepney.fds import FileDescriptor, fds_buf_size

        try:
            if self._unix_fds:
                wanted = self._parser.bytes_desired()
                data, ancillary, _, _ = self._socket.recvmsg(wanted, fds_buf_size())
                descriptors = FileDescriptor.from_ancdata(ancillary)
            else:
                data, descriptors = self._socket.recv(65536), []
        except OSError as error:
            raise BusLost(f"the bus is gone: {error}") from error
        if not data:
            raise BusLost("the bus ended the connection")
        self._parser.add_data(data, fds=descriptors)
        while (message := self._parser.get_next_message()) is not None:
            self._sort(message)

    def _sort(self, message: Any) -> None:
        from jeepney import HeaderFields, MessageType

        fields = message.header.fields
        match message.header.message_type:
            case MessageType.method_return | MessageType.error:
                serial = fields.get(HeaderFields.reply_serial)
                if serial in self._replies:  # else nobody waits for it any more
                    self._replies[serial] = message
            case MessageType.signal:
                signal = Signal(
                    self._name_of(fields.get(HeaderFields.sender, "")),
                    fields[HeaderFields.path],
                    fields[HeaderFields.interface],
                    fields[HeaderFields.member],
                    tuple(message.body),
                )
                self._believe(signal)
            case _:
                pass  # nobody has anything to ask of us

    def _name_of(self, unique: str) -> str:
        return next((name for name, owner in self._owners.items() if owner == unique), "")

    def _believe(self, signal: Signal) -> None:
        if signal.sender == BUS:
            if signal.member != "NameOwnerChanged" or signal.body[0] not in self._owners:
                return  # it also greets us, as NameAcquired
            self._owners[signal.body[0]] = signal.body[2]
        if signal.sender:
            self._signals.append(signal)


def find_address(bus: Literal["system", "session"], environ: Mapping[str, str] = os.environ) -> str:
    """Return the path of the bus's socket (a leading NUL is an abstract one); raise `BusLost` without one."""
    from jeepney.bus import get_connectable_addresses

    if bus == "system":
        address = environ.get("DBUS_SYSTEM_BUS_ADDRESS") or "unix:path=/run/dbus/system_bus_socket"
    else:
        address = environ.get("DBUS_SESSION_BUS_ADDRESS", "")
        if not address and "XDG_RUNTIME_DIR" in environ:
            address = f"unix:path={environ['XDG_RUNTIME_DIR']}/bus"
    try:
        return str(next(get_connectable_addresses(address)))
    except (ValueError, RuntimeError, StopIteration) as error:
        raise BusLost(f"there is no {bus} bus at {address!r}") from error


def connect_again(address: str, stop: Stop, *, unix_fds: bool = False) -> Bus | None:
    """Open the bus as soon as it is back, trying ever more slowly; None when told to stop."""
    tries = 0
    while not stop.wait(_RECONNECT_SECONDS[min(tries, len(_RECONNECT_SECONDS) - 1)]):
        tries += 1
        try:
            return Bus(address, stop=stop, unix_fds=unix_fds)
        except BusLost:
            continue
        except Interrupted:
            break
    return None
