"""A host with the default configuration on which nothing happens that anybody would want to read."""

import re


def test_timers_logins_and_reloads_of_the_manager_are_not_told(host):
    host.boot()
    host.wait_in_log("AgentStartedEvent")
    host.shell(
        "systemctl list-timers --all --no-legend --plain | grep -o '[^ ]*[.]timer' | while read -r timer; do"
        ' timeout 20 systemctl start "$(systemctl show --value --property=Unit $timer)" || true; done;'
        "runuser -l www-data -s /bin/sh -c true; systemd-run --quiet --wait /bin/true;"
        "systemctl daemon-reload; systemctl daemon-reexec"
    )
    host.catch_up()
    told = {event["event_type"] for event in host.receiver.events}
    assert told == {"HostBootedEvent", "AgentStartedEvent", "MarkEvent"}


def test_an_orderly_reboot_is_four_events_in_the_order_of_what_happened(host):
    host.boot()
    host.receiver.wait_for_event("HostBootedEvent", previous_shutdown="unknown")
    host.receiver.forget("boot")
    host.wait_in_log("AgentStartedEvent")
    host.reboot()
    host.receiver.wait_for_event("HostBootedEvent")
    host.catch_up()
    told = [event["event_type"] for event in host.receiver.events if event["event_type"] != "MarkEvent"]
    assert told[:3] == ["AgentStartedEvent", "HostShutdownEvent", "AgentStoppedEvent"]
    assert sorted(told[3:]) == ["AgentStartedEvent", "HostBootedEvent"]


def test_an_idle_agent_takes_at_most_40_mib_and_a_recorder_without_a_destination_at_most_32(host):
    host.boot()
    host.wait_until_watching("services", "packages", "host")
    host.catch_up()  # what sends is loaded
    assert resident_mib(host) <= 40
    host.write("/etc/sts-agent/agent.yaml", f"hostname: {host.name}\n")
    host.run("systemctl", "restart", "sts-agent.service")
    host.wait_until_watching("services", "packages", "host")
    assert resident_mib(host) <= 32


def resident_mib(host):
    status = host.run("cat", f"/proc/{host.property('sts-agent.service', 'MainPID')}/status").stdout
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024
