"""What a start and a reload tell: at the receiver by an event, to the service manager in a line, and in the log once."""

import re
import signal
import socket
from collections import Counter

from agent.stand_in import Reply


def of_type(agent, event_type):
    return [event["context"]["data"] for event in agent.history("--type", event_type)]


def test_a_reload_that_took_is_told_with_the_version_and_what_counts_now(agent):
    agent.start()
    agent.watch_files(diff="strict")
    agent.reload()
    agent.reload()
    [started] = of_type(agent, "AgentStartedEvent")
    [taken] = of_type(agent, "AgentConfigurationReloadedEvent")
    status = agent.status()
    assert started["version"] == taken["version"] == status["version"]
    assert taken["configuration_hash"] == status["configuration_hash"]
    assert taken["old_configuration_hash"] == started["configuration_hash"] != taken["configuration_hash"]
    assert taken["changed"] == "collector files"
    shown = agent.command("check", "--show").stdout
    assert f"configuration_hash: {taken['configuration_hash']}" in shown.replace("'", "")


def test_a_reload_that_ends_a_refusal_is_told_though_it_counts_as_before(agent):
    agent.start()
    right = agent.configure_application("files", files=[{"paths": [f"{agent.watched}/**"]}])
    agent.reload()
    right.rename(right.with_suffix(".right"))
    agent.configure_application("files", fils=[])
    agent.reload()
    right.with_suffix(".right").rename(right)
    agent.reload()
    first, second = of_type(agent, "AgentConfigurationReloadedEvent")
    assert second["configuration_hash"] == second["old_configuration_hash"] == first["configuration_hash"]
    assert second["changed"] == ""


def test_the_service_manager_hears_what_it_is_doing_whenever_that_changes(agent, receiver):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(agent.directory / "notify"))
        manager.settimeout(60)

        def next_line():
            while True:
                said = manager.recv(4096).decode()
                if found := re.search("^STATUS=(.*)$", said, re.MULTILINE):
                    return found[1]

        agent.begin(NOTIFY_SOCKET=manager.getsockname())
        well = "watching by 0 collectors, delivering to receiver"
        assert next_line() == well
        receiver.wait_for(1, 60)
        receiver.intercept = lambda _: Reply(503)
        agent.post("waits")
        assert next_line().startswith(f"{well}; receiver delivers nothing: 503")
        receiver.intercept = None
        assert next_line() == well
        agent.configure(destinations={})
        agent.process.send_signal(signal.SIGHUP)
        assert next_line() == (
            "watching by 0 collectors, recording on this host alone: no destination is configured"
        )
        (agent.directory / "agent.yaml").write_text("hostnmae: x\n")
        agent.process.send_signal(signal.SIGHUP)
        assert next_line().endswith("; a reload was refused, the configuration before it counts")
        assert agent.signal(signal.SIGTERM) == 0
        assert next_line() == "ending: sending what waits"


def test_each_warning_of_a_start_comes_once(agent):
    agent.configure_application("wrong", fils=[])
    (agent.directory / "conf.d" / "nginx.yml").write_text("tags: [a:b]\n")
    agent.configure(
        destinations={},
        hostname=None,
        metrics={"listen": "0.0.0.0:1"},
    )
    del agent.settings["hostname"]
    agent.configure()
    agent.start()
    agent.stop()
    lines = re.findall(r"(?:WARNING|ERROR  ) (.*)", agent.log())
    assert [line for line, count in Counter(lines).items() if count > 1] == []
    for what in ("no destination", "does not end in .yaml", "not used", "other hosts can read"):
        assert len([line for line in lines if what in line]) == 1, lines
