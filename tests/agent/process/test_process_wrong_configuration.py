"""A configuration that is wrong at a start or a reload: what was right goes on, and everybody can see so."""

import json
import stat


def break_it(agent):
    text = (agent.directory / "agent.yaml").read_text()
    (agent.directory / "agent.yaml").write_text(text.replace('"hostname"', '"hostnmae"'))


def status(agent, code):
    ran = agent.command("status", "--json", "--exit-code", check=False)
    assert ran.returncode == code, ran
    return json.loads(ran.stdout), ran.stderr


def rejected(receiver):
    return [
        one.event for one in receiver.received if one.event["event_type"] == "AgentConfigurationRejectedEvent"
    ]


def test_a_start_that_finds_a_wrong_agent_yaml_goes_on_with_the_last_right_one(agent, receiver):
    agent.start()
    agent.stop()
    break_it(agent)
    agent.start()
    receiver.wait_for(lambda _: rejected(receiver))
    (event,) = rejected(receiver)
    assert event["host"] == "test.example.com"
    assert "hostnmae" in event["msg_text"]
    document, _ = status(agent, 1)
    assert "hostnmae: unknown key" in document["replaced"][0]
    assert "the last right one goes on" in document["action_needed"][0]
    assert "hostnmae" in agent.command("status").stdout


def test_it_is_kept_for_its_user_alone_whatever_spool_directory_says(agent, wait_until):
    agent.start()
    kept = agent.state / "last-right.yaml"
    wait_until(kept.exists)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not (agent.spool / "last-right.yaml").exists()


def test_a_reload_that_is_right_is_kept_and_one_that_is_wrong_is_not(agent, receiver):
    agent.start()
    agent.configure(hostname="renamed.example.com")
    agent.reload()
    break_it(agent)
    agent.reload()
    agent.stop()
    agent.start()
    receiver.wait_for(lambda _: len(rejected(receiver)) == 2)
    assert {event["host"] for event in rejected(receiver)} == {"renamed.example.com"}


def test_a_refused_reload_is_told_and_shown_until_one_is_taken(agent, receiver):
    agent.start()
    break_it(agent)
    agent.reload()
    receiver.wait_for(lambda _: rejected(receiver))
    document, _ = status(agent, 1)
    assert "hostnmae" in document["refused_reload"][0]
    assert "a reload was refused" in document["action_needed"][0]
    agent.configure()
    agent.reload()
    assert status(agent, 0)[0]["refused_reload"] == []


def test_a_destination_whose_key_stood_in_the_file_waits_for_it_and_its_events_are_kept(
    agent, receiver, wait_until
):
    agent.destination.pop("api_key_file")
    agent.destination["api_key"] = "right"
    agent.configure()
    agent.start()
    receiver.wait_for(lambda events: events)
    agent.stop()
    break_it(agent)
    assert "right" not in (agent.state / "last-right.yaml").read_text().split()
    agent.start()
    agent.post("meanwhile")
    wait_until(lambda: status(agent, 1)[0]["destinations"]["receiver"]["state"] == "paused", agent.log)
    reason = status(agent, 1)[0]["destinations"]["receiver"]["reason"]
    assert "its api_key stood in agent.yaml" in reason
    agent.configure()
    agent.reload()
    receiver.wait_for(lambda events: [e for e in events if e.event["msg_title"] == "meanwhile"])
    wait_until(lambda: agent.status()["destinations"]["receiver"]["state"] != "paused", agent.log)
    status(agent, 0)


def test_a_key_from_the_environment_is_there_at_the_next_start_too(agent, receiver):
    agent.settings["destinations"] = {"stackstate": {"url": receiver.url}}
    agent.configure()
    agent.start(STS_API_KEY="right")
    agent.stop()
    break_it(agent)
    agent.start(STS_API_KEY="right")
    receiver.wait_for(lambda _: rejected(receiver))
    assert "right" not in (agent.state / "last-right.yaml").read_text().split()


def test_where_none_was_ever_right_a_start_ends_with_2_and_status_says_what_is_wrong(agent):
    break_it(agent)
    agent.begin()
    assert agent.process.wait(60) == 2
    document, said = status(agent, 1)
    assert not document["running"]
    assert "hostnmae" in said


def test_what_another_file_left_there_is_nobody_elses_last_right_one(agent):
    agent.start()
    agent.stop()
    kept = agent.state / "last-right.yaml"
    kept.write_text(kept.read_text().replace("agent.yaml", "other.yaml"))
    break_it(agent)
    agent.begin()
    assert agent.process.wait(60) == 2


def test_the_log_can_be_read_where_agent_yaml_is_wrong_and_no_daemon_runs(agent):
    agent.start()
    agent.post("before")
    agent.stop()
    (agent.directory / "agent.yaml").write_text("{")
    ran = agent.command("status", "--json", check=False)
    assert ran.returncode == 0
    assert "agent.yaml:1" in ran.stderr


def test_where_agent_yaml_is_no_yaml_an_event_is_taken_all_the_same_and_work_can_be_planned(agent):
    agent.start()
    text = (agent.directory / "agent.yaml").read_text()
    (agent.directory / "agent.yaml").write_text(f"{text.rstrip()},")
    planned = agent.command("plan", "start", "repair")
    assert ("repair is planned" in planned.stdout, "agent.yaml:" in planned.stderr) == (True, True)
    agent.send("taken")
    assert [event["tags"] for event in agent.history("--type", "TestEvent")] == [["planned:repair"]]
    agent.stop()
    left = agent.command("event", "send", "X", "--title", "not guessed where to", check=False)
    assert (left.returncode, "agent.yaml:" in left.stderr) == (2, True)


def test_a_receiver_that_is_away_for_longer_than_alert_after_needs_action(agent, receiver, wait_until):
    agent.configure(status={"alert_after": "100ms"})
    agent.start()
    receiver.wait_for(lambda events: events)
    receiver.close()
    agent.post("meanwhile")
    wait_until(
        lambda: "delivered nothing" in " ".join(agent.command("status", check=False).stderr.splitlines())
    )
    assert agent.command("status", "--exit-code", check=False).returncode == 1
