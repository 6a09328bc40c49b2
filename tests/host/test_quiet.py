"""A host with the default configuration on which nothing happens that anybody would want to read."""


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
