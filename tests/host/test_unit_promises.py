"""The promises of docs/reliability.md where they count: for the agent as the unit runs it, on each Debian."""

import json
import os

import pytest
from harness.receiver import API_KEY

from agent.stand_in import Reply

pytestmark = pytest.mark.every_debian

UNIT = "sts-agent.service"
SPOOL = "/var/lib/sts-agent"
QUICK = "[Service]\nRestartSec=100ms\n"


@pytest.fixture
def running(host):
    host.write(f"/etc/systemd/system/{UNIT}.d/quick.conf", QUICK)
    host.boot()
    host.receiver.wait_for_event("AgentStartedEvent")
    return host


def send(host, *titles):
    for title in titles:
        host.agent("event", "send", "CountEvent", "--title", title)


def counted(host):
    return host.receiver.titles("CountEvent")


def status(host):
    said = host.agent("status", "--json", "--exit-code", check=False)
    return said.returncode, json.loads(said.stdout)


def pid(host):
    return host.property(UNIT, "MainPID")


def test_what_was_accepted_while_the_receiver_was_away_survives_a_kill_a_reboot_and_a_power_loss(running):
    running.receiver.go_away()
    send(running, "before the kill")
    running.run("kill", "-9", pid(running))
    running.shell(
        f"until [ -n \"$(systemctl show --value -p MainPID {UNIT} | grep -v '^0$')\" ]; do sleep 0.1; done"
    )
    send(running, "before the reboot")
    running.reboot()
    send(running, "before the power loss")
    running.power_loss()
    running.boot()
    running.receiver.come_back()
    running.catch_up()
    assert counted(running) == ["before the kill", "before the reboot", "before the power loss"]


def test_a_wrong_key_holds_everything_back_and_a_right_one_in_its_file_lets_it_go_without_a_restart(running):
    started = pid(running)
    running.path("/etc/sts-agent/api_key").write_text("wrong\n")
    running.reload()
    send(running, "meanwhile")
    code, document = _eventually(
        running, lambda found: found["destinations"]["stackstate"]["state"] == "paused"
    )
    assert code == 1
    assert document["destinations"]["stackstate"]["waiting_events"] >= 1
    assert "wrong" not in running.agent("status").stdout
    running.path("/etc/sts-agent/api_key").write_text(f"{API_KEY}\n")
    running.reload()
    running.catch_up()
    assert counted(running) == ["meanwhile"]
    assert pid(running) == started


def test_a_receiver_that_fails_in_every_way_loses_nothing(running):
    answers = [Reply(500), Reply(503), Reply(404), Reply(302), Reply(200, b"<html>", "text/html"), Reply(429)]
    running.receiver.answer = lambda _: answers.pop() if answers else None
    send(running, *(str(number) for number in range(5)))
    running.receiver.wait_for(lambda _: not answers)
    running.reload()
    running.catch_up()
    assert list(dict.fromkeys(counted(running))) == ["0", "1", "2", "3", "4"]


def test_a_damaged_spool_file_is_replaced_told_and_shown_and_the_agent_runs_at_once(running):
    running.receiver.go_away()
    send(running, *(str(number) for number in range(20)))
    running.run("systemctl", "stop", UNIT)
    with running.path(f"{SPOOL}/spool.db").open("r+b") as database:
        database.write(os.urandom(4096))
    running.run("systemctl", "start", UNIT)
    running.receiver.come_back()
    recovered = running.receiver.wait_for_event("SpoolRecoveredEvent")
    running.catch_up()
    code, document = status(running)
    assert code == 1
    assert any("damaged" in reason for reason in document["action_needed"])
    salvaged = counted(running)
    assert salvaged == [str(number) for number in range(20)], recovered
    assert running.property(UNIT, "NRestarts") == "0"


def _eventually(host, is_so):
    """Return the status as soon as `is_so` of its document."""
    for _ in range(200):
        code, document = status(host)
        if is_so(document):
            return code, document
    raise AssertionError(document)
