"""The receiver is away while the host reboots and loses power: what arrives, how often, in which order."""

from harness.receiver import API_KEY


def identifiers(receiver):
    return [event["context"]["source_identifier"] for event in receiver.events]


def test_the_agent_holds_no_shutdown_up_when_the_receiver_is_away(host):
    host.boot()
    host.receiver.wait_for_event("AgentStartedEvent")
    host.receiver.go_away()
    host.poweroff()
    assert "Killing" not in host.journal("sts-agent.service")
    assert "timed out" not in host.journal("sts-agent.service")


def test_a_boot_and_a_shutdown_do_not_flood(host):
    host.boot()
    host.wait_until_watching("services")
    for number in range(2):
        host.reboot()
        host.wait_in_log("HostBootedEvent", number + 2)
        host.wait_until_watching("services")
    host.receiver.wait_for(lambda events: sum(e["event_type"] == "HostBootedEvent" for e in events) == 3)
    host.catch_up()
    assert not [e for e in host.receiver.events if e["event_type"].startswith("Service")]


def test_what_happened_while_the_receiver_was_away_over_a_reboot_arrives_once_and_in_order(host):
    host.write("/etc/sts-agent/conf.d/motd.yaml", "files:\n  - paths: [/etc/motd]\n")
    host.write("/etc/motd", "one\n")
    host.boot()
    host.wait_until_watching("files", "services")
    host.run("systemctl", "start", "nginx.service")
    host.receiver.wait_for_event("ServiceStartedEvent", unit="nginx.service")
    host.receiver.go_away()
    in_flight = set(
        identifiers(host.receiver)
    )  # what was not answered yet may come again, under its identifier
    host.write("/etc/motd", "two\n")
    host.run("systemctl", "stop", "nginx.service")
    host.agent("event", "send", "DeployEvent", "--title", "by hand")
    host.reboot()
    host.wait_in_log("HostBootedEvent", 2)
    host.write("/etc/motd", "three\n")
    host.power_loss()
    host.boot()
    host.receiver.come_back()
    host.receiver.wait_for_event("HostCrashedEvent")
    host.catch_up()
    told = [
        event["event_type"]
        for event in host.receiver.events
        if event["event_type"] in {"DeployEvent", "HostShutdownEvent", "HostBootedEvent", "HostCrashedEvent"}
    ]
    assert told == [
        "HostBootedEvent",
        "DeployEvent",
        "HostShutdownEvent",
        "HostBootedEvent",
        "HostCrashedEvent",
        "HostBootedEvent",
    ]
    changes = host.receiver.of_type("ConfigurationChangedEvent", path="/etc/motd")
    assert [change["context"]["data"]["diff"].splitlines()[-1] for change in changes] == ["+two", "+three"]
    assert len(host.receiver.of_type("ServiceStoppedEvent", unit="nginx.service")) == 1
    later = [identifier for identifier in identifiers(host.receiver) if identifier not in in_flight]
    assert len(set(later)) == len(later)


def test_a_backlog_survives_several_boots_offline(host):
    host.receiver.go_away()
    host.boot()
    sent = []
    for boot in range(3):
        for number in range(5):
            sent.append(f"{boot}/{number}")
            host.agent("event", "send", "CountEvent", "--title", sent[-1])
        host.power_loss() if boot % 2 else host.poweroff()
        host.boot()
    host.receiver.come_back()
    host.catch_up()
    assert host.receiver.titles("CountEvent") == sent


def test_the_key_is_in_no_journal(host):
    host.receiver.go_away()
    host.boot()
    host.reboot()
    host.receiver.come_back()
    host.receiver.wait_for_event("HostBootedEvent", previous_shutdown="clean")
    assert API_KEY not in host.journal()
