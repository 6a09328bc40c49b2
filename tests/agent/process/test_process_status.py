"""`status` of a running daemon: what it says is so now, and it fits the screen of whoever asks."""

import json
import os
from pathlib import Path

import pytest

from agent.cli.daemon_client import ask


def test_what_a_collector_says_of_itself_is_true_now(agent, wait_until):
    agent.watch_files()
    agent.start()
    wait_until(lambda: "watching 0 files" in agent.detail("files"), lambda: agent.detail("files"))
    (agent.watched / "a").write_text("1")
    (agent.watched / "b").write_text("2")
    wait_until(lambda: "watching 2 files" in agent.detail("files"), lambda: agent.detail("files"))
    (agent.watched / "a").rename(agent.watched / "c")
    agent.watched.joinpath("new").mkdir()
    (agent.watched / "new" / "d").write_text("3")
    wait_until(lambda: "watching 3 files in 2" in agent.detail("files"), lambda: agent.detail("files"))
    (agent.watched / "b").unlink()
    wait_until(lambda: "watching 2 files" in agent.detail("files"), lambda: agent.detail("files"))


def test_waiting_leaves_out_what_the_filter_of_a_destination_leaves_out(agent, receiver, wait_until):
    receiver.close()
    agent.destination["only"] = {"types": ["Wanted"]}
    agent.configure()
    agent.start()
    events = [{"msg_title": str(n), "event_type": "Wanted" if n % 3 else "Other"} for n in range(6)]
    body = json.dumps({"events": {"custom": events, "more": events[:1]}}).encode()
    assert ask(agent.socket, "POST", "/stsAgent/intake", body).is_ok

    def waits():
        return agent.status()["destinations"]["receiver"]["waiting_events"]

    wait_until(lambda: waits() == 4, lambda: str(waits()))
    assert agent.stop() == 0
    assert waits() == 4


def test_what_is_only_for_others_needs_nobody_however_long_it_lies(agent, receiver):
    receiver.close()
    agent.destination["only"] = {"types": ["Wanted"]}
    agent.configure(status={"alert_after": "1ms"})
    agent.start()
    agent.post("something else")
    status = agent.status()["destinations"]["receiver"]
    assert (status["waiting_events"], status["oldest_waiting"]) == (0, None)
    assert agent.command("status", "--exit-code", check=False).returncode == 0


def test_it_fits_sixty_columns_and_says_what_is_wrong_and_what_to_do(agent, wait_until):
    agent.watch_files()
    agent.configure_application("wrong", nonsense=1)
    agent.directory.joinpath("conf.d", "old.yml").write_text("files: []\n")
    agent.key_file.write_text("wrong\n")
    agent.start()
    agent.post("something")
    wait_until(lambda: agent.status()["destinations"]["receiver"]["state"] == "paused", agent.log)
    said = agent.command("status", "--exit-code", check=False, env={**os.environ, "COLUMNS": "60"})
    assert said.returncode == 1
    assert max(map(len, said.stdout.splitlines())) <= 60
    text = " ".join(said.stdout.split())
    assert "destination receiver is paused: 403" in text
    assert "`sts-agent doctor`" in text
    assert "wrong.yaml is wrong and was set aside" in text
    assert "old.yml: is not read: its name does not end in .yaml; rename it to old.yaml" in text
    assert len(said.stdout.splitlines()) <= 50


def test_without_a_destination_it_says_so(agent):
    agent.configure(destinations={})
    agent.start()
    assert "no destination is configured" in agent.command("status").stdout
    assert "all is well: events are recorded on this host and sent nowhere" in agent.command("status").stdout


def test_a_collector_that_conf_d_names_and_that_cannot_run_needs_action(agent, wait_until):
    if Path("/run/systemd/system").exists():
        pytest.skip("systemd runs this host: services can be watched")
    agent.configure(services=True)
    agent.start()
    wait_until(lambda: agent.status()["collectors"]["services"]["state"] == "not applicable")
    assert agent.command("status", "--exit-code", check=False).returncode == 0
    agent.configure_application("app", services=[{"units": ["app.service"]}])
    agent.reload()
    wait_until(lambda: agent.status()["action_needed"], agent.log)
    assert "collector services is configured and does not run" in agent.status()["action_needed"][0]
    assert agent.command("status", "--exit-code", check=False).returncode == 1


@pytest.mark.parametrize("wrong", ["nonsense: 1\n", "hostname: [\n", "{{ template }}\n"])
def test_a_wrong_agent_yaml_hinders_neither_status_nor_log(agent, wrong):
    agent.start()
    agent.send("before")
    with agent.directory.joinpath("agent.yaml").open("a") as file:
        file.write(wrong)
    assert "is running" in agent.command("status").stdout
    assert "before" in agent.command("log").stdout
    assert agent.stop() == 0
    said = agent.command("status", "--exit-code", check=False)
    assert said.returncode == 1
    assert "sts-agent is not running" in said.stdout
    assert "agent.yaml is wrong" in said.stdout
    assert "before" in agent.command("log").stdout
