"""logind's warnings before the host goes down or to sleep, and the few seconds it waits for us.

A delay inhibitor makes logind wait until our descriptor is closed. Without polkit a plain user gets
none ("Access denied"): the warnings come all the same, only nobody waits.
"""

import os
from typing import NamedTuple

from collectors._dbus import Bus, Call, CallFailed, Signal

LOGIND = "org.freedesktop.login1"
LOGIND_PATH = "/org/freedesktop/login1"
MANAGER = "org.freedesktop.login1.Manager"

_ANSWER_SECONDS = 1.0


class Warned(NamedTuple):
    """What logind said: the host is about to (`begins`), or no longer."""

    what: str
    """`shutdown` or `sleep`."""
    begins: bool
    kind: str = ""
    """Of the shutdown, where logind tells it (systemd 255)."""


def parse_warning(signal: Signal) -> Warned | None:
    """Return what a signal of logind means to us."""
    match signal.member, signal.body:
        case "PrepareForShutdownWithMetadata", (bool(begins), dict(metadata)):
            _, kind = metadata.get("type", ("s", ""))
            return Warned("shutdown", begins, str(kind))
        case "PrepareForShutdown", (bool(begins),):
            return Warned("shutdown", begins)
        case "PrepareForSleep", (bool(begins),):
            return Warned("sleep", begins)
        case _:
            return None


class Logind:
    """Our side of logind on one connection to the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._inhibitors: list[int] = []
        self.refusal = ""
        """Why there is no inhibitor."""

    def listen(self) -> None:
        """Hear the warnings from now on; raise `BusError` when the bus is lost."""
        for member in ("PrepareForShutdownWithMetadata", "PrepareForShutdown", "PrepareForSleep"):
            self._bus.match(LOGIND, interface=MANAGER, path=LOGIND_PATH, member=member)

    def next_warning(self, timeout_seconds: float) -> Warned | None:
        """Wait for logind's next word; None when the time is over, the stop is set, or it was not for us."""
        signal = self._bus.next_signal(timeout_seconds)
        if signal is None:
            return None
        if signal.member == "NameOwnerChanged" and signal.body[2]:
            self.hold()  # at boot logind may come after us
        return parse_warning(signal)

    def hold(self) -> None:
        """Ask logind to wait for us next time; `refusal` says why it will not.

        One inhibitor each: asked for both at once, systemd 252 has polkit judge a third thing (the lid's switch).
        """
        if self._inhibitors:
            return
        self.refusal = ""
        for what in ("shutdown", "sleep"):
            arguments = (what, "sts-agent", "Record that the host goes down", "delay")
            call = Call(LOGIND, LOGIND_PATH, MANAGER, "Inhibit", "ssss", arguments)
            try:
                # a stop must not lose the descriptor on its way to us: logind would wait for it in vain
                [descriptor] = self._bus.call(call, timeout_seconds=_ANSWER_SECONDS, heed_stop=False)
            except CallFailed as error:
                self.refusal = error.problem
            else:
                self._inhibitors.append(descriptor.to_raw_fd())

    def let_go(self) -> None:
        """Let the host go on."""
        while self._inhibitors:
            os.close(self._inhibitors.pop())

    def close(self) -> None:
        """Let go, and end the connection."""
        self.let_go()
        self._bus.close()
