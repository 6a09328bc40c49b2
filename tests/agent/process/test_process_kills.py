"""SIGKILL at random moments under load: nothing acknowledged is lost, nothing is told twice.

The oracle stands outside the agent: what the clients were answered, what the folder holds, and what
the receiver got.
"""

import hashlib
import json
import random
import threading
import time
from collections import defaultdict
from itertools import pairwise

import pytest

from agent.cli import CommandError
from agent.cli.daemon_client import ask
from agent.stand_in import Reply

FILES = 4
POSTERS = 3


class Load:
    """Changes files, posts and sends from several threads until it is ended; notes what was acknowledged."""

    def __init__(self, agent) -> None:
        self.agent = agent
        self.acknowledged: dict[str, list[str]] = defaultdict(list)
        self.contents: dict[str, str] = {}
        self._answered = threading.Semaphore(0)
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._change)]
        self._threads += [threading.Thread(target=self._post, args=(number,)) for number in range(POSTERS)]
        self._threads += [threading.Thread(target=self._send)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def wait_for_answers(self, answers: int) -> None:
        """Block until the daemon has acknowledged so much more."""
        while self._answered.acquire(blocking=False):
            pass
        for _ in range(answers):
            assert self._answered.acquire(timeout=60), self.agent.log()[-2000:]

    def _change(self) -> None:
        for step in range(1_000_000):
            if self._ending.wait(0.02):
                return
            path = self.agent.watched / f"{step % FILES}.conf"
            text = f"step = {step}\n"
            new = path.with_suffix(".new")
            new.write_text(text)
            new.rename(path)
            self.contents[str(path)] = hashlib.sha256(text.encode()).hexdigest()

    def _post(self, number: int) -> None:
        name = f"poster{number}"
        for step in range(1_000_000):
            if self._ending.wait(0.01):
                return
            titles = [f"{name} {step}.{part}" for part in range(1 + step % 3)]
            body = json.dumps({"events": {name: [{"msg_title": title} for title in titles]}}).encode()
            try:
                reply = ask(self.agent.socket, "POST", "/stsAgent/intake", body, timeout_seconds=30)
            except CommandError:
                continue
            assert reply.is_ok, reply
            self.acknowledged[name] += titles
            self._answered.release()

    def _send(self) -> None:
        for step in range(1_000_000):
            if self._ending.is_set():
                return
            ran = self.agent.command(
                "event", "send", "TestEvent", "--title", f"sent {step}", "--name", "sent", check=False
            )
            if ran.returncode == 0:
                self.acknowledged["sent"].append(f"sent {step}")


@pytest.mark.parametrize(
    "kills", [10, pytest.param(220, marks=pytest.mark.torture)], ids=["a-few", "over-two-hundred"]
)
def test_killed_at_random_moments_it_loses_nothing_and_tells_nothing_twice(
    agent, receiver, wait_until, kills
):
    chance = random.Random()
    receiver.intercept = lambda _: Reply(503) if chance.random() < 0.2 else None
    agent.watch_files()
    agent.start()
    wait_until(lambda: "watching" in agent.detail("files"), agent.log)
    with Load(agent) as load:
        for kill in range(kills):
            if kill % 4:
                load.wait_for_answers(3)  # else it is killed while it starts
            time.sleep(chance.uniform(0, 0.5))
            agent.kill()
            time.sleep(chance.choice((0, 0, 0.3)))
            agent.begin()
    receiver.intercept = None
    receiver.wait_for(lambda received: is_all_there(load, received), 120)
    assert agent.stop() == 0
    assert sum(map(len, load.acknowledged.values())) > 5 * kills
    assert not [problem for one in receiver.received for problem in one.problems]
    assert came_as_two_events(receiver.received) == set()
    first_of_each = [*{one.identifier: one for one in reversed(receiver.received)}.values()][::-1]
    for number in range(POSTERS):
        steps = [step_of(one) for one in first_of_each if one.name == f"poster{number}"]
        assert steps == sorted(steps)
    for path, content in load.contents.items():
        changes = [one.event["context"]["data"] for one in first_of_each if path_of(one) == path]
        for before, after in pairwise(changes):
            assert after.get("old_sha256") == before["new_sha256"], path
        assert changes[-1]["new_sha256"] == content


def is_all_there(load, received) -> bool:
    """Return whether all that was acknowledged came, and the last content of each file."""
    titles = {one.event["msg_title"] for one in received}
    acknowledged = {title for titles in load.acknowledged.values() for title in titles}
    contents = {(path_of(one), one.event["context"]["data"].get("new_sha256")) for one in received}
    return acknowledged <= titles and set(load.contents.items()) <= contents


def came_as_two_events(received) -> set[str]:
    """Return what was handed in once and came with two identifiers."""
    identifiers = defaultdict(set)
    for one in received:
        if one.name == "sent" or one.name.startswith("poster"):
            identifiers[one.event["msg_title"]].add(one.identifier)
    return {title for title, found in identifiers.items() if len(found) > 1}


def step_of(one) -> tuple[int, ...]:
    return tuple(map(int, one.event["msg_title"].split()[1].split(".")))


def path_of(one) -> str | None:
    return one.event["context"]["data"].get("path")
