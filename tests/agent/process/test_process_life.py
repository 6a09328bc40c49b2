"""The daemon's life: starts, reloads, ends; wrong configurations; what systemd is told."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest


def own_events(received, event_type):
    return [one.event for one in received if one.event["event_type"] == event_type]


def arrived(event_type):
    return lambda received: own_events(received, event_type)


def test_a_wrong_configuration_is_refused_with_every_problem_and_2(agent):
    agent.destination["url"] = "no url"
    agent.configure(unknown_key=1, log_level="loud")
    agent.begin()
    assert agent.process.wait(60) == 2
    log = agent.log()
    for key in ("unknown_key", "log_level", "destinations.receiver.url"):
        assert f"agent.yaml:{line_of(agent, key)}: {key}: " in log
    assert not agent.spool.exists()


def line_of(agent, key) -> int:
    last = key.rpartition(".")[2]
    lines = (agent.directory / "agent.yaml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if f'"{last}"' in line)


def test_a_wrong_application_file_is_set_aside_and_told_and_the_rest_runs(agent, receiver):
    agent.configure_application("bad", files=[{"paths": ["/**"], "nonsense": 1}])
    agent.start()
    (event,) = own_events(
        receiver.wait_for(arrived("AgentConfigurationRejectedEvent"), 60), "AgentConfigurationRejectedEvent"
    )
    assert "bad.yaml" in event["msg_text"]
    status = agent.status()
    assert [*status["set_aside"]] == [str(agent.directory / "conf.d" / "bad.yaml")]
    assert agent.command("status", "--exit-code", check=False).returncode == 1


def test_a_second_daemon_on_the_same_spool_names_the_first(agent):
    agent.start()
    second = agent.command("run", check=False)
    assert second.returncode == 1
    assert str(agent.process.pid) in second.stderr
    assert "Traceback" not in second.stderr
    assert agent.status()["running"]


def test_a_reload_takes_the_new_configuration_and_loses_nothing(agent, receiver):
    agent.start()
    agent.send("before")
    agent.configure(tags=["env:new"])
    agent.reload()
    agent.send("after")
    agent.stop()
    events = {one.event["msg_title"]: one.event for one in receiver.received if one.name == "custom"}
    assert events["before"]["tags"] == []
    assert events["after"]["tags"] == ["env:new"]
    assert len(own_events(receiver.received, "AgentStartedEvent")) == 1
    assert receiver.report.repeated == 0


def test_a_reload_of_a_wrong_configuration_keeps_the_old_one_and_says_so(agent, receiver):
    agent.start()
    agent.configure(tags="no list")
    agent.reload()
    (event,) = own_events(
        receiver.wait_for(arrived("AgentConfigurationRejectedEvent"), 60), "AgentConfigurationRejectedEvent"
    )
    assert "agent.yaml" in event["msg_text"]
    agent.settings.pop("tags")
    agent.configure()
    agent.send("goes on")
    agent.stop()
    assert "goes on" in [one.event["msg_title"] for one in receiver.received]


def test_a_destination_that_is_renamed_keeps_its_place(agent, receiver):
    agent.start()
    agent.post("before")
    receiver.wait_for(lambda received: any(one.name == "custom" for one in received), 60)
    agent.settings["destinations"] = {"other-name": agent.destination}
    agent.configure()
    agent.reload()
    agent.post("after")
    agent.stop()
    assert [one.event["msg_title"] for one in receiver.received if one.name == "custom"] == [
        "before",
        "after",
    ]
    assert receiver.report.repeated == 0


def test_a_destination_can_be_taken_away(agent):
    agent.start()
    agent.settings["destinations"] = {}
    agent.configure()
    agent.reload()
    assert agent.status()["destinations"] == {}
    assert "no destination" in agent.log()


def test_a_missing_key_file_pauses_and_does_not_keep_the_agent_from_starting(agent, wait_until):
    agent.key_file.unlink()
    agent.start()
    wait_until(lambda: agent.status()["destinations"]["receiver"]["state"] == "paused", agent.log)


def test_without_destinations_it_records(agent):
    agent.settings["destinations"] = {}
    agent.configure()
    agent.start()
    agent.post("recorded")
    assert [event["msg_title"] for event in agent.history("--type", "custom")] == ["recorded"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(agent, number):
    agent.start()
    assert agent.signal(number) == 0
    assert not agent.socket.exists()
    assert "stopped" in agent.log()


def test_the_service_manager_hears_ready_reloading_stopping_and_that_it_is_alive(agent):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(agent.directory / "notify"))
        manager.settimeout(60)
        agent.begin(NOTIFY_SOCKET=manager.getsockname(), WATCHDOG_USEC="200000")
        heard = [manager.recv(4096).decode().splitlines()[0]]
        assert heard == ["READY=1"]
        assert agent.socket.exists()
        heard.append(manager.recv(4096).decode())
        assert heard[-1] == "WATCHDOG=1"
        agent.process.send_signal(signal.SIGHUP)
        while heard[-1] != "RELOADING=1":
            heard.append(manager.recv(4096).decode().splitlines()[0])
        while heard[-1] != "READY=1":
            heard.append(manager.recv(4096).decode().splitlines()[0])
        agent.process.send_signal(signal.SIGTERM)
        while heard[-1] != "STOPPING=1":
            heard.append(manager.recv(4096).decode().splitlines()[0])
        assert agent.process.wait(60) == 0


def test_status_without_a_daemon_tells_what_waits(agent, receiver):
    from agent.stand_in import Reply

    receiver.intercept = lambda _: Reply(503)
    agent.start()
    agent.post("waits")
    agent.kill()
    status = agent.status()
    assert not status["running"]
    assert status["destinations"]["receiver"]["waiting_events"] == 2
    assert "not running" in agent.command("status").stdout
    assert agent.command("status", "--exit-code", check=False).returncode == 1


def test_status_of_a_healthy_agent_needs_nobody(agent, receiver, wait_until):
    agent.start()
    receiver.wait_for(1, 60)
    wait_until(lambda: agent.status()["destinations"]["receiver"]["waiting_events"] == 0)
    ran = agent.command("status", "--exit-code")
    assert f"pid {agent.process.pid}" in ran.stdout
    assert "test.example.com" in ran.stdout


def test_the_log_shows_the_newest_last_and_what_is_asked_for(agent):
    agent.settings["destinations"] = {}
    agent.configure()
    agent.start()
    for number in range(3):
        agent.send(
            f"event {number}", "--tags", f"number:{number}", "--timestamp", f"{1_700_000_000 + number}"
        )
    assert [event["msg_title"] for event in agent.history("--type", "TestEvent")] == [
        "event 0",
        "event 1",
        "event 2",
    ]
    assert [event["msg_title"] for event in agent.history("-n", "1")] == ["event 2"]
    assert [event["msg_title"] for event in agent.history("--tag", "number:1")] == ["event 1"]
    assert [
        event["msg_title"] for event in agent.history("--since", "1700000001", "--until", "1700000002")
    ] == ["event 1"]
    agent.kill()
    assert "TestEvent" in agent.command("log", "-n", "1").stdout


def test_a_reader_of_the_log_may_go_away_early(agent):
    agent.settings["destinations"] = {}
    agent.configure()
    agent.start()
    agent.post(*(f"event {number}" for number in range(3000)))
    program = f"{agent_program(agent)} log | head -n 1"
    ran = subprocess.run(program, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert len(ran.stdout.splitlines()) == 1
    assert ran.stderr == ""


def test_the_log_can_be_followed(agent):
    agent.settings["destinations"] = {}
    agent.configure()
    agent.start()
    with subprocess.Popen(
        [*agent_program(agent).split(), "log", "-f", "--json"], stdout=subprocess.PIPE, text=True
    ) as following:
        assert json.loads(following.stdout.readline())["event_type"] == "AgentStartedEvent"
        agent.post("new")
        assert json.loads(following.stdout.readline())["msg_title"] == "new"
        following.send_signal(signal.SIGINT)
        following.wait(60)


def test_the_log_is_followed_into_the_file_that_takes_the_place_of_a_damaged_one(agent):
    agent.settings["destinations"] = {}
    agent.configure()
    agent.start()
    agent.post("before")
    following = subprocess.Popen(
        [*agent_program(agent).split(), "log", "-f", "--json"], stdout=subprocess.PIPE, text=True
    )
    with following:
        shown = [json.loads(following.stdout.readline()) for _ in range(2)]
        assert shown[-1]["msg_title"] == "before"
        agent.stop()
        with (agent.spool / "spool.db").open("r+b") as database:
            database.write(bytes(4096))
        agent.start()
        agent.post("in the new file")
        titles = []
        while "in the new file" not in titles:
            titles.append(json.loads(following.stdout.readline())["msg_title"])
        assert "before" not in titles
        following.send_signal(signal.SIGINT)
        following.wait(60)


def agent_program(agent) -> str:
    return " ".join(agent.command("--version").args[:-1])


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("more", "status"), [([], 1), (["--best-effort"], 0)])
def test_whoever_may_not_post_is_told_the_group(agent, more, status):
    agent.start()
    words = ["--config", str(agent.directory / "agent.yaml"), "event", "send", "X", "--title", "y", *more]
    # Once as root, so that all is imported: the interpreter may lie where nobody else may read.
    code = (
        f"import os, sys; from agent import cli; assert cli.main({words!r}) == 0;"
        f"os.setgroups([]); os.setgid(65534); os.setuid(65534); sys.exit(cli.main({words!r}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == status
    assert "group sts-agent" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_damaged_spool_is_told_and_prevents_no_start(agent, receiver):
    agent.start()
    agent.post("before")
    agent.kill()
    database = agent.spool / "spool.db"
    database.write_bytes(b"nonsense" * 1000)
    (agent.spool / "spool.db-wal").unlink(missing_ok=True)
    agent.start()
    agent.post("after")
    (event,) = own_events(receiver.wait_for(arrived("SpoolRecoveredEvent"), 60), "SpoolRecoveredEvent")
    assert event["context"]["data"]["reason"]
    receiver.wait_for(lambda received: any(one.event["msg_title"] == "after" for one in received), 60)


def test_a_destination_that_cannot_be_made_waits_and_stops_no_other(agent, receiver):
    agent.settings["destinations"]["broken"] = {
        **agent.destination,
        "url": "https://127.0.0.1:9/stsAgent",
        "tls": {"ca_file": str(agent.directory / "missing.pem")},
    }
    agent.configure()
    agent.start()
    agent.post("one")
    receiver.wait_for(lambda received: any(one.event["msg_title"] == "one" for one in received), 60)
    assert agent.command("status", "--exit-code", check=False).returncode == 1
