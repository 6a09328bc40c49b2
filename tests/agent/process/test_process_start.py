"""A start in which steps fail: those after them are taken all the same, and what failed is said."""


def test_steps_of_the_start_that_fail_hinder_no_other_and_are_said(agent, receiver, wait_until):
    agent.watch_files()
    agent.spool.mkdir()
    (agent.spool / "incoming").write_text("no directory: nothing can be watched or taken in there")
    agent.state.mkdir()
    (agent.state / "last-right.yaml").mkdir()  # nothing can be kept there
    (agent.state / "last-right.yaml/x").touch()
    agent.start()
    wait_until(lambda: "watching" in agent.detail("files"), agent.log)
    (agent.watched / "x").write_text("new")
    agent.send("by the socket")
    wait_until(
        lambda: {"by the socket"} <= titles(receiver) and any("x was created" in t for t in titles(receiver))
    )
    assert "incoming" in agent.log()
    assert "last-right.yaml" in agent.log()
    assert agent.stop() == 0


def test_what_was_sent_while_nothing_listened_comes_before_what_is_posted_as_soon_as_something_does(
    agent, receiver
):
    for number in range(3):
        agent.send(f"sent {number}")
    agent.begin()
    while not agent.is_answering():
        assert agent.process.poll() is None, agent.log()
    agent.post("posted")
    assert agent.stop() == 0
    told = [one.event["msg_title"] for one in receiver.received if one.name == "custom"]
    assert told == ["sent 0", "sent 1", "sent 2", "posted"]


def titles(receiver):
    return {received.event["msg_title"] for received in receiver.received}
