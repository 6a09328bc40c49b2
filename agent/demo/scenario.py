"""What happens in the demo: real changes of real files, an event by hand, an outage and what follows it."""

import json
import shlex
import time
from collections.abc import Callable
from pathlib import Path

from agent.demo.environment import DemoEnvironment
from agent.demo.screen import Screen
from agent.stand_in import Received
from agent.systems.registry import DEFAULT_TYPE

_SHORTEST_PAUSE_SECONDS = 0.3
_ACTS = 9

_BEFORE = """\
# The shop's web server
workers = 4
timeout = 30
db_password = hunter2
log = /var/log/shop.log
"""
_AFTER = _BEFORE.replace("workers = 4", "workers = 16").replace("timeout = 30", "timeout = 10")

_NEXT = """\
To go on:
  {receiver:39} a strict receiver of your own on 127.0.0.1:7077
  /etc/sts-agent/agent.yaml               hostname, tags, destinations: see packaging/agent.yaml
  /etc/sts-agent/conf.d/NAME.yaml         what to watch for one application
  sts-agent check                         is it right? every problem at once
  sts-agent run                           the daemon; sts-agent.service runs it for good
  sts-agent status, sts-agent log -f      what it does, and what happened on this host"""


def next_steps(system: str) -> str:
    """Return how to go on after a demo with this system."""
    is_default = system == DEFAULT_TYPE
    return _NEXT.format(receiver="sts-agent receiver" + ("" if is_default else f" --system {system}"))


class Scenario:
    """Plays the demo in about so many seconds; `arrived` is called for each event that gets there."""

    def __init__(self, screen: Screen, seconds: float) -> None:
        self._screen = screen
        self._pause_seconds = max(_SHORTEST_PAUSE_SECONDS, seconds / _ACTS - 0.5)
        self._outage_began: float | None = None

    def arrived(self, received: Received) -> None:
        """Show one event that the receiver accepted."""
        late = None
        happened = received.event.get("timestamp")
        if (
            self._outage_began is not None
            and isinstance(happened, int)
            and happened >= int(self._outage_began)
        ):
            late = received.arrived - happened
        self._screen.arrived(received, late)

    def play(self, stage: DemoEnvironment) -> None:
        """Do everything, each step when the one before has arrived."""
        screen, folder = self._screen, stage.folder
        screen.aside(f"receiver  {stage.url}", f"watching  {folder}")
        stage.wait_for("the agent's start", _mentions("AgentStartedEvent"))

        config, leftover = folder / "shop.conf", folder / "shop.conf.old"
        self._step("a file is made: shop.conf")
        config.write_text(_BEFORE)
        stage.wait_for("the new file", _is_change("created", config))

        self._step("it is edited, as an editor saves: a new file takes its place")
        _save(config, _AFTER)
        stage.wait_for("the change", _is_change("modified", config))

        self._step("another one is made, and deleted")
        leftover.write_text("# what was here before\n")
        stage.wait_for("the other file", _is_change("created", leftover))
        leftover.unlink()
        stage.wait_for("its end", _is_change("deleted", leftover))

        self._step("somebody says what happened")
        words = (
            "DeploymentEvent",
            "--title",
            "shop 2.4 is out",
            "-c",
            "Deployments",
            "--tags",
            "version:2.4",
        )
        screen.aside(f"$ sts-agent event send {shlex.join(words)}")
        stage.send(*words)
        stage.wait_for("the event by hand", _mentions("DeploymentEvent"))

        self._outage(stage, config)
        self._rest()

    def _outage(self, stage: DemoEnvironment, config: Path) -> None:
        screen = self._screen
        self._step("the receiver goes down; the host goes on")
        stage.take_receiver_down()
        began = time.time()
        _save(config, _AFTER.replace("timeout = 10", "timeout = 20"))
        waiting = stage.wait_until_waiting(1)
        stage.send("RestartEvent", "--title", "shop was restarted", "-c", "Activities")
        waiting = stage.wait_until_waiting(waiting + 1)
        screen.note(f"{waiting} events wait on the agent's disk; a reboot would not lose them")
        self._rest()

        self._step("the receiver is back")
        self._outage_began = began
        stage.bring_receiver_back()
        stage.wait_for("what waited", _mentions("RestartEvent"))

    def _step(self, text: str) -> None:
        self._rest()
        self._screen.done(text)

    def _rest(self) -> None:
        time.sleep(self._pause_seconds)


def _save(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.rename(path)


def _mentions(*words: str) -> Callable[[Received], bool]:
    """Return whether an event holds all these words, wherever its system puts them."""
    return lambda received: all(word in json.dumps(received.event) for word in words)


def _is_change(change: str, path: Path) -> Callable[[Received], bool]:
    """Return whether an event tells a change; by the file's name, since a directory's may be masked as a secret."""
    return _mentions(change, f"/{path.name}")
