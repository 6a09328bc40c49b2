"""Collectors inside the running daemon: first sight, reload, what happened while it was down, a flood."""

import json
import os

from agent.cli.daemon_client import ask


def changes(received, path) -> list[str]:
    data = [one.event["context"]["data"] for one in received if one.name == "config"]
    return [found["change"] for found in data if found["path"] == str(path)]


def watching(agent):
    return lambda: "watching" in agent.detail("files")


def starts(received) -> list[str]:
    return [
        one.event["context"]["data"]["baseline"]
        for one in received
        if one.event["event_type"] == "AgentStartedEvent"
    ]


def test_what_was_there_before_is_a_silent_baseline_that_the_first_start_tells(agent, receiver, wait_until):
    (agent.watched / "before.conf").write_text("x")
    agent.watch_files()
    agent.start()
    wait_until(watching(agent), agent.log)
    agent.stop()
    agent.start()
    agent.stop()
    assert starts(receiver.received) == ["files", ""]
    assert changes(receiver.received, agent.watched / "before.conf") == []


def test_what_changed_while_the_agent_was_down_is_told_once(agent, receiver, wait_until):
    path = agent.watched / "a.conf"
    path.write_text("one")
    agent.watch_files()
    agent.start()
    wait_until(watching(agent), agent.log)
    agent.kill()
    path.write_text("two")
    for _ in range(2):
        agent.start()
        wait_until(watching(agent), agent.log)
        agent.stop()
    assert changes(receiver.received, path) == ["modified"]


def test_a_reload_that_watches_more_tells_nothing_twice(agent, receiver, wait_until):
    path, other = agent.watched / "a.conf", agent.directory / "more" / "b.conf"
    other.parent.mkdir()
    other.write_text("one")
    path.write_text("one")
    agent.watch_files()
    agent.start()
    wait_until(watching(agent), agent.log)
    path.write_text("two")
    receiver.wait_for(lambda received: changes(received, path), 60)
    agent.configure_application("more", files=[{"paths": [f"{other.parent}/**"], "settle": "20ms"}])
    agent.reload()
    wait_until(watching(agent), agent.log)
    wait_until(lambda: "2 files" in agent.detail("files"), agent.log)
    path.write_text("three")
    other.write_text("two")
    receiver.wait_for(lambda received: changes(received, other) and len(changes(received, path)) > 1, 60)
    agent.stop()
    assert changes(receiver.received, path) == ["modified", "modified"]
    assert changes(receiver.received, other) == ["modified"]


def test_a_flood_by_the_socket_is_refused_before_it_pushes_out_what_the_host_saw(agent, receiver, wait_until):
    from agent.stand_in import Reply

    receiver.intercept = lambda _: Reply(503)
    agent.settings["spool"]["max_size"] = "8MiB"
    agent.configure()
    path = agent.watched / "a.conf"
    agent.watch_files()
    agent.start()
    wait_until(watching(agent), agent.log)
    path.write_text("seen")
    wait_until(lambda: agent.history("--type", "ConfigurationChangedEvent"))
    for count in (10, 1):
        status = 200
        while status == 200:
            events = [{"msg_title": os.urandom(40_000).hex()} for _ in range(count)]
            body = json.dumps({"events": {"flood": events}}).encode()
            status = ask(agent.socket, "POST", "/stsAgent/intake", body, timeout_seconds=60).status
        assert status == 507
    assert agent.status()["spool"]["size_bytes"] <= 8 * 1024 * 1024
    sent = agent.command(
        "event", "send", "X", "--title", "by hand", "--text", os.urandom(45_000).hex(), "--json"
    )
    assert json.loads(sent.stdout)["kept_by"] == "incoming", "it waits for room"
    receiver.intercept = None
    receiver.wait_for(lambda received: changes(received, path), 60)
    agent.stop()
    agent.start()
    receiver.wait_for(lambda received: any(one.event["msg_title"] == "by hand" for one in received), 60)
    assert not [one for one in receiver.received if one.event["event_type"] == "EventsDroppedEvent"]
