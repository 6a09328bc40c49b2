"""What becomes of an event, from the moment it is handed in, whatever the receiver and the host do."""

import hashlib
import json
import zlib

from agent.stand_in import Reply


def titles(received) -> list[str]:
    return [one.event["msg_title"] for one in received if one.name == "custom"]


def identifiers(received) -> list[str]:
    return [one.identifier for one in received]


def first_of_each(received):
    """Leave out what came again with the same identifier: killed between answer and acknowledgement."""
    return [*{one.identifier: one for one in reversed(received)}.values()][::-1]


def has(*wanted: str):
    return lambda received: set(wanted) <= set(titles(received))


def body_of(request) -> bytes:
    return zlib.decompress(request.body) if request.body else b""


def test_an_event_by_hand_arrives_once_as_it_was_sent(agent, receiver):
    agent.configure(tags=["env:prod"])
    agent.start()
    identifier = agent.send(
        "Deployed", "--text", "2.4", "-c", "Deployments", "-d", '{"version": "2.4"}',
        "--links", "notes: https://example.com/2.4", "--tags", "app:shop", "-i", "urn:component:/shop",
        "--timestamp", "1700000000", "-s", "pipeline",
    )  # fmt: skip
    agent.stop()
    (one,) = [one for one in receiver.received if one.name == "custom"]
    assert one.hostname == "test.example.com"
    assert not one.problems
    assert one.event == {
        "context": {
            "category": "Deployments",
            "source": "pipeline",
            "source_identifier": identifier,
            "element_identifiers": ["urn:component:/shop"],
            "source_links": [{"title": "notes", "url": "https://example.com/2.4"}],
            "data": {"version": "2.4"},
        },
        "event_type": "TestEvent",
        "msg_title": "Deployed",
        "msg_text": "2.4",
        "source_type_name": "custom",
        "host": "test.example.com",
        "tags": ["app:shop", "env:prod"],
        "timestamp": 1700000000,
    }


def test_the_agent_tells_its_start_and_its_end(agent, receiver):
    agent.start()
    assert agent.stop() == 0
    events = [one.event for one in receiver.received if one.name == "agent"]
    assert [event["event_type"] for event in events] == ["AgentStartedEvent", "AgentStoppedEvent"]
    assert events[0]["context"]["data"]["version"]
    assert not [problem for one in receiver.received for problem in one.problems]


def test_what_happens_while_the_receiver_is_down_arrives_in_order_when_it_is_back(agent, receiver):
    receiver.intercept = lambda _: Reply(502, b"<html>Bad Gateway</html>", "text/html")
    agent.start()
    for number in range(5):
        agent.post(f"event {number}")
    agent.kill()
    agent.start()
    agent.post("event 5")
    receiver.intercept = None
    receiver.wait_for(has("event 5"), 60)
    assert titles(receiver.received) == [f"event {number}" for number in range(6)]


def test_busy_with_a_time_to_come_again_is_no_loss(agent, receiver):
    busy = [
        Reply(503, b"busy", headers={"Retry-After": "1"}),
        Reply(429, b"busy", headers={"Retry-After": "1"}),
    ]
    receiver.intercept = lambda _: busy.pop() if busy else None
    agent.start()
    agent.post("patient")
    receiver.wait_for(has("patient"), 60)
    assert not busy
    assert titles(receiver.received) == ["patient"]


def test_a_connection_cut_after_the_body_repeats_with_the_same_identifier(agent, receiver):
    cut = []

    def cut_once(request):
        if b"unlucky" in body_of(request) and not cut:
            cut.append(json.loads(body_of(request))["events"]["custom"][0])
            return Reply(cut=True)
        return None

    receiver.intercept = cut_once
    agent.start()
    agent.post("unlucky")
    (one,) = [one for one in receiver.wait_for(has("unlucky"), 60) if one.name == "custom"]
    assert one.event == cut[0]


def test_a_request_that_is_too_large_is_split_until_it_fits(agent, receiver):
    receiver.intercept = lambda request: Reply(413, b"too large") if len(body_of(request)) > 3000 else None
    agent.start()
    agent.post(*(f"event {number}" for number in range(40)))
    receiver.wait_for(has("event 39"), 60)
    assert titles(receiver.received) == [f"event {number}" for number in range(40)]


def test_one_event_that_is_refused_is_set_aside_and_can_be_sent_again(agent, receiver, wait_until):
    receiver.intercept = lambda request: Reply(400, b"poison") if b"poison" in body_of(request) else None
    agent.start()
    agent.post("one", "poison", "two", "three")
    receiver.wait_for(has("one", "two", "three"), 60)
    assert titles(receiver.received) == ["one", "two", "three"]
    (rejected,) = wait_until(
        lambda: [json.loads(line) for line in agent.command("rejected", "list", "--json").stdout.splitlines()]
    )
    assert (rejected["destination"], rejected["title"]) == ("receiver", "poison")
    number = str(rejected["id"])
    shown = json.loads(agent.command("rejected", "show", number, "--json").stdout)
    receiver.intercept = None
    agent.command("rejected", "retry", number)
    (one,) = [one for one in receiver.wait_for(has("poison"), 60) if one.event["msg_title"] == "poison"]
    assert one.identifier == shown["event"]["context"]["source_identifier"]
    wait_until(lambda: agent.command("rejected", "list").stdout == "")


def test_what_was_refused_can_be_let_go_of(agent, receiver, wait_until):
    receiver.intercept = lambda request: Reply(400, b"poison") if b"poison" in body_of(request) else None
    agent.start()
    agent.post("one", "poison", "two")
    (rejected,) = wait_until(
        lambda: [json.loads(line) for line in agent.command("rejected", "list", "--json").stdout.splitlines()]
    )
    assert agent.command("rejected", "discard", str(rejected["id"] + 1), check=False).returncode == 1
    agent.command("rejected", "discard", str(rejected["id"]))
    assert agent.command("rejected", "list").stdout == ""


def test_a_wrong_key_keeps_everything_until_the_key_file_is_right(agent, receiver, wait_until):
    agent.key_file.write_text("wrong\n")
    agent.start()
    agent.post("kept")
    wait_until(lambda: agent.status()["destinations"]["receiver"]["state"] == "paused", agent.log)
    assert agent.command("status", "--exit-code", check=False).returncode == 1
    agent.key_file.write_text("right\n")
    agent.reload()
    receiver.wait_for(has("kept"), 60)
    assert "right" not in agent.log()
    assert "wrong" not in agent.log()


def test_sigterm_sends_what_waits_before_it_ends(agent, receiver):
    agent.destination["batch"] = {"linger": "30s"}
    agent.configure()
    agent.start()
    agent.post("first")
    agent.post("last")
    assert agent.stop() == 0
    assert titles(receiver.received) == ["first", "last"]


def test_sigterm_ends_in_time_though_the_receiver_says_nothing(agent, receiver):
    import threading

    release = threading.Event()

    def silent(_):
        release.wait(60)
        return Reply(cut=True)

    receiver.intercept = silent
    agent.start()
    agent.post("kept")
    try:
        assert agent.stop() == 0
    finally:
        release.set()
    receiver.intercept = None
    agent.start()
    receiver.wait_for(has("kept"), 60)


def test_what_was_acknowledged_survives_sigkill(agent, receiver):
    receiver.intercept = lambda _: Reply(503)
    agent.start()
    identifier = agent.send("by hand")
    agent.post("posted")
    agent.kill()
    receiver.intercept = None
    agent.start()
    received = receiver.wait_for(has("by hand", "posted"), 60)
    assert titles(received) == ["by hand", "posted"]
    assert identifier in identifiers(received)


def test_an_event_sent_while_no_daemon_runs_is_taken_in_once(agent, receiver):
    agent.start()
    agent.stop()
    sent = [agent.send(f"while down {number}") for number in range(3)]
    agent.start()
    receiver.wait_for(has(*(f"while down {number}" for number in range(3))), 60)
    agent.kill()
    agent.start()
    agent.post("after")
    received = first_of_each(receiver.wait_for(has("after"), 60))
    assert sorted(titles(received)) == ["after", *(f"while down {number}" for number in range(3))]
    assert set(sent) <= set(identifiers(received))


def test_a_file_that_is_left_beside_a_running_daemon_is_taken_in_at_once(agent, receiver):
    from spool.leaving import leave_in_incoming

    agent.start()
    body = json.dumps({"events": {"custom": [{"msg_title": "left"}]}}).encode()
    leave_in_incoming(agent.spool, "a-name", body)
    receiver.wait_for(has("left"), 60)


def test_files_that_cannot_be_taken_in_are_told_once_by_name_and_hash_and_counted_by_status(
    agent, receiver, wait_until
):
    agent.spool.mkdir()
    (agent.spool / "incoming").mkdir()
    (agent.spool / "incoming/0-bad").write_text("nonsense")
    (agent.spool / "incoming/1-directory").mkdir()
    agent.start()
    wait_until(lambda: agent.history("--type", "WatchDegradedEvent"))
    (agent.spool / "incoming/.2").write_text("more")
    (agent.spool / "incoming/.2").rename(agent.spool / "incoming/2-bad")
    wait_until(lambda: agent.status()["spool"]["refused_files"] == 3)
    agent.send("afterwards")
    wait_until(lambda: "afterwards" in titles(receiver.received))
    [event] = agent.history("--type", "WatchDegradedEvent")
    data = event["context"]["data"]
    assert (data["path"], data["size"], data["files"]) == ("incoming/0-bad", 8, 2)
    assert data["sha256"] == hashlib.sha256(b"nonsense").hexdigest()
    assert "incoming/0-bad" in event["msg_text"]


def test_several_destinations_do_not_wait_for_each_other(agent, receiver):
    agent.settings["destinations"]["dead"] = {
        "type": "stackstate", "url": "http://127.0.0.1:9/stsAgent", "api_key": "x"
    }  # fmt: skip
    agent.configure()
    agent.start()
    agent.post("one")
    receiver.wait_for(has("one"), 60)
    assert agent.status()["destinations"]["dead"]["waiting_events"] >= 2
