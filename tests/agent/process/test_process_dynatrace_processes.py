"""A watched process that ended: an information at Dynatrace at once, and a problem that is kept open while none runs."""

import shutil
import subprocess

import pytest

from agent.systems.registry import stand_in

TIMEOUT_SECONDS = 2


@pytest.fixture(params=["v1", "v2"])
def environment(request):
    with stand_in("dynatrace", credential="t") as one:
        one.api = request.param
        yield one


@pytest.fixture
def processes(agent, tmp_path):
    """Watch two kinds of process, of each of which one runs; return a function that starts one."""
    started = []
    entries = []
    for name in ("worker", "other"):
        shutil.copy("/bin/sleep", tmp_path / name)
        entries.append({"name": name, "match": {"exe": str(tmp_path / name)}})
    agent.configure_application("processes", processes=entries)

    def start(name):
        started.append(subprocess.Popen([tmp_path / name, "1000"]))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


def messages(environment, event_type, title):
    return [
        one.event
        for one in environment.received
        if one.event["eventType"] == event_type and one.event["title"] == title
    ]


def wait_for_problems(environment, name, count):
    environment.wait_for(lambda _: len(messages(environment, "ERROR_EVENT", f"{name} stopped")) >= count, 60)
    return messages(environment, "ERROR_EVENT", f"{name} stopped")


def test_its_problem_is_sent_again_over_a_kill_of_the_agent_until_one_runs_again(
    agent, environment, processes, receiver, wait_until
):
    agent.settings["destinations"]["desk"] = {
        **environment.destination,
        "api": environment.api,
        "problem_timeout": f"{TIMEOUT_SECONDS}s",
        "backoff": {"initial": "50ms", "max": "200ms"},
    }
    agent.configure()
    running = [processes("worker"), processes("other")]
    agent.start()
    wait_until(lambda: "watching 2" in agent.detail("processes"), agent.log)
    for one in running:
        one.kill()
        one.wait()
    first, *others = wait_for_problems(environment, "worker", 3)
    assert all(one == first for one in others)
    assert len(messages(environment, "CUSTOM_INFO", "worker stopped")) == 1

    agent.kill()
    agent.start()
    before = len(wait_for_problems(environment, "worker", 3))
    assert wait_for_problems(environment, "worker", before + 2)[-1] == first

    processes("worker")
    receiver.wait_for(lambda all_: any(one.event_type == "ProcessStartedEvent" for one in all_), 60)
    before, still = (
        len(wait_for_problems(environment, "worker", 1)),
        len(wait_for_problems(environment, "other", 1)),
    )
    wait_for_problems(environment, "other", still + 3)
    assert len(wait_for_problems(environment, "worker", before)) <= before + 1  # one may have been on its way
    assert environment.report.broken == {}
