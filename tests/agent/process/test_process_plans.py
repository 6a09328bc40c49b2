"""`sts-agent plan` against a running agent: what happens meanwhile carries the tag, also after a kill."""

import json

import pytest


@pytest.fixture
def running(agent):
    agent.watch_files()
    agent.start()
    return agent


def tags(agent, title):
    return next(event["tags"] for event in agent.history("--json") if event["msg_title"] == title)


def test_events_during_a_plan_carry_its_tag_also_after_a_kill_and_none_after_its_end(running, wait_until):
    running.command("plan", "start", "release-2", "--for", "2h", "--text", "new shop")
    running.send("during")
    running.post("posted")
    (running.watched / "a").write_text("x")
    wait_until(lambda: running.history("--type", "ConfigurationChangedEvent"), running.log)
    running.kill()
    running.start()
    running.send("after a kill")
    assert running.command("plan", "stop").stdout == "1 planned work is over\n"
    running.send("after")
    told = {
        event["msg_title"]: event
        for event in map(json.loads, running.command("log", "--json").stdout.splitlines())
    }
    planned = {title for title, event in told.items() if "planned:release-2" in event["tags"]}
    assert {"during", "posted", "after a kill"} <= planned
    assert any(told[title]["event_type"] == "ConfigurationChangedEvent" for title in planned)
    assert "after" not in planned


def test_list_shows_what_is_under_way_to_people_and_to_programs(running):
    assert json.loads(running.command("plan", "list", "--json").stdout) == []
    started = json.loads(running.command("plan", "start", "db", "--json").stdout)
    assert round(started["until"] - started["since"]) == 3600
    assert running.command("plan", "list").stdout.startswith("db  until ")
    assert [one["name"] for one in json.loads(running.command("plan", "list", "--json").stdout)] == ["db"]


def test_exit_statuses_say_what_was_wrong(running):
    assert running.command("plan", "start", "two words", check=False).returncode == 2
    assert running.command("plan", "start", "x", "--for", "0s", check=False).returncode == 2
    assert running.command("plan", "start", "x", "--for", "soon", check=False).returncode == 2
    assert running.command("plan", "start", "x", "--for", "60d", check=False).returncode == 2
    stopped = running.command("plan", "stop", "nobodys", check=False)
    assert (stopped.returncode, "nobodys" in stopped.stderr) == (1, True)
    assert running.command("plan", "stop").returncode == 0


def test_without_a_daemon_nothing_is_planned(agent):
    assert agent.command("plan", "start", "x", check=False).returncode == 1
