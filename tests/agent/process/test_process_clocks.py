"""The clock of the host steps, by an hour or by ten years; nothing is lost, late or told twice.

The daemon's wall clock is moved by libfaketime; its monotonic clocks go on, as on a real host.
"""

import os
from pathlib import Path

import pytest

from spool import leave_in_incoming

HOUR, TEN_YEARS = 3600, 10 * 365 * 86_400
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


@pytest.fixture
def step(agent):
    """Start the agent with a clock of its own; return the function that moves it by seconds from now."""
    if not LIBRARIES:
        if os.environ.get("STS_AGENT_REQUIRE_HOST_TESTS"):
            pytest.fail("libfaketime is missing; `make test-deps` installs it")
        pytest.skip("needs libfaketime: `make test-deps`")
    clock = agent.directory / "clock"

    def move(seconds: int) -> None:
        new = clock.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(clock)

    move(0)
    agent.watch_files()
    agent.start(
        LD_PRELOAD=str(LIBRARIES[0]),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
        FAKETIME_DISABLE_SHM="1",  # else it leaves files in /dev/shm
    )
    return move


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, TEN_YEARS, -TEN_YEARS], ids=["+1h", "-1h", "+10y", "-10y"])
def test_a_step_of_the_clock_loses_and_delays_nothing(agent, receiver, step, wait_until, seconds):
    wait_until(lambda: "watching" in agent.detail("files"), agent.log)
    agent.post("before")
    receiver.wait_for(lambda received: "before" in titles(received), 180)
    receiver.intercept = refuse
    agent.post("kept over the step")
    step(seconds)
    agent.post("after")
    leave_in_incoming(agent.spool, "left", b'{"events": {"left": [{"msg_title": "left after"}]}}')
    # That woke the main thread: it has seen the step, and did its housekeeping at once, as it does sooner or later.
    wait_until(lambda: "housekeeping starts anew" in agent.log(), agent.log)
    (agent.watched / "made after").write_text("x")
    wait_until(lambda: agent.history("--type", "ConfigurationChangedEvent"), agent.log)
    agent.command("status")
    step(0)
    receiver.intercept = None
    wanted = ["before", "kept over the step", "after", "left after"]
    received = receiver.wait_for(lambda received: changes(received) and wanted[-1] in titles(received), 180)
    assert [title for title in titles(received) if title in wanted] == wanted
    assert len(changes(received)) == 1
    assert agent.stop() == 0
    assert all(not one["dropped"] for one in agent.status()["destinations"].values())


def refuse(_request):
    from agent.stand_in import Reply

    return Reply(503)


def titles(received):
    return [one.event["msg_title"] for one in received]


def changes(received):
    return [one for one in received if one.event["event_type"] == "ConfigurationChangedEvent"]
