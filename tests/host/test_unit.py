"""sts-agent.service as systemd runs it: hardened, watched, restarted, reloaded."""

import json

import pytest
from harness.files import sha256
from harness.receiver import API_KEY

UNIT = "sts-agent.service"
HOSTS_CONF = "/etc/sts-agent/conf.d/hosts.yaml"
CONTAINER_DROP_IN = f"/usr/lib/systemd/system/{UNIT}.d/container.conf"
CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE = 1 << 2, 1 << 19


@pytest.fixture
def running(host):
    host.boot()
    host.receiver.wait_for_event("AgentStartedEvent")
    return host


def main_pid(host):
    return int(host.property(UNIT, "MainPID"))


def capabilities(host):
    status = host.run("cat", f"/proc/{main_pid(host)}/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return {name: int(fields[name], 16) for name in ("CapEff", "CapBnd")}


def starts(events):
    return sum(event["event_type"] == "AgentStartedEvent" for event in events)


def test_systemd_has_nothing_to_say_against_the_unit(host):
    host.mask_agent()
    host.boot()
    host.shell(f"cp /usr/lib/systemd/system/{UNIT} /tmp/{UNIT}")
    done = host.run("systemd-analyze", "verify", "--man=no", f"/tmp/{UNIT}")
    assert done.stdout + done.stderr == ""


@pytest.mark.every_debian
def test_its_exposure_is_rated_ok_with_two_point_three_of_ten(running, debian):
    """Debian 12 in a container has the drop-in for containers, which loosens two: there the unit as shipped is rated."""
    loosened = running.path(CONTAINER_DROP_IN).exists()
    assert loosened == (debian.suite == "bookworm")
    unit = ["--offline=yes", f"/usr/lib/systemd/system/{UNIT}"] if loosened else [UNIT]
    if loosened:
        running.shell(f"rm {CONTAINER_DROP_IN}")
    running.run("systemd-analyze", "security", "--threshold=23", *unit)


@pytest.mark.every_debian
def test_its_sandbox_shows_the_boot_id_that_the_host_shows(running):
    seen = running.run("cat", f"/proc/{main_pid(running)}/root/proc/sys/kernel/random/boot_id").stdout.strip()
    assert seen == running.boot_id()


def test_it_needs_neither_network_nor_time_to_start(running):
    waits_for = {*running.property(UNIT, "After").split(), *running.property(UNIT, "Requires").split()}
    waits_for |= set(running.property(UNIT, "Wants").split())
    assert not waits_for & {"network-online.target", "time-sync.target", "nss-lookup.target"}
    assert {"network.target", "dbus.service"} <= waits_for


@pytest.mark.every_debian
def test_it_runs_as_its_own_user_with_one_capability(running):
    assert capabilities(running) == {"CapEff": CAP_DAC_READ_SEARCH, "CapBnd": CAP_DAC_READ_SEARCH}
    assert running.shell(f"stat -c %U /proc/{main_pid(running)}") == "sts-agent\n"


@pytest.mark.every_debian
def test_the_drop_in_for_processes_adds_the_capability_to_see_every_exe(host):
    host.show_every_exe()
    host.boot()
    host.receiver.wait_for_event("AgentStartedEvent")
    both = CAP_DAC_READ_SEARCH | CAP_SYS_PTRACE
    assert capabilities(host) == {"CapEff": both, "CapBnd": both}


@pytest.mark.every_debian
def test_it_can_have_no_netlink_and_its_memory_tasks_time_and_files_are_bounded(running):
    families = set(running.property(UNIT, "RestrictAddressFamilies").split())
    assert families == {"AF_UNIX", "AF_INET", "AF_INET6"}
    assert int(running.property(UNIT, "MemoryMax")) == 512 * 1024 * 1024
    assert int(running.property(UNIT, "TasksMax")) == 512
    assert int(running.property(UNIT, "LimitRTTIME")) == 2_000_000
    assert running.property(UNIT, "UMask") == "0077"
    assert running.property(UNIT, "PrivateMounts") == "yes"


def test_nothing_outside_its_state_can_be_written_not_even_the_memory_of_processes(running):
    enter = f"nsenter --target {main_pid(running)} --root --wd --mount"
    running.shell(f"! {enter} touch /etc/x /usr/x /home/x /tmp/x 2>/dev/null")
    running.shell(f"! {enter} sh -c 'echo x > /proc/1/comm' 2>/dev/null")
    running.shell(f"{enter} touch /var/lib/sts-agent/x")


def test_a_killed_agent_comes_back_and_nothing_is_told_twice(running):
    running.write(f"/etc/systemd/system/{UNIT}.d/quick.conf", "[Service]\nRestartSec=100ms\n")
    running.run("systemctl", "daemon-reload")
    running.write(HOSTS_CONF, "files:\n  - paths: [/etc/hosts]\n")
    running.reload()
    running.wait_until_watching("files")
    for number in range(5):
        running.agent("event", "send", "CountEvent", "--title", str(number))
        running.shell(f"echo 192.0.2.1 other-{number} >> /etc/hosts")
        running.run("kill", "-9", str(main_pid(running)))
        running.receiver.wait_for(lambda events, number=number: starts(events) == number + 2)
    running.wait_until_watching("files")
    running.catch_up()
    titles = running.receiver.titles("CountEvent")
    assert titles == ["0", "1", "2", "3", "4"]
    changes = [event["context"]["data"] for event in running.receiver.of_type("ConfigurationChangedEvent")]
    assert changes[-1]["new_sha256"] == sha256(running.read("/etc/hosts"))
    assert [one["old_sha256"] for one in changes[1:]] == [one["new_sha256"] for one in changes[:-1]]


def test_a_hung_agent_is_killed_by_the_watchdog_and_started_again(host):
    host.write(f"/etc/systemd/system/{UNIT}.d/quick.conf", "[Service]\nWatchdogSec=5s\nRestartSec=100ms\n")
    host.boot()
    host.receiver.wait_for_event("AgentStartedEvent")
    host.run("kill", "-STOP", str(main_pid(host)))
    host.receiver.wait_for(lambda events: starts(events) >= 2)
    assert "Watchdog timeout" in host.journal(UNIT)


def test_stopping_it_says_so_and_ends_well(running):
    running.run("systemctl", "stop", UNIT)
    assert running.property(UNIT, "Result") == "success"
    assert len(running.receiver.of_type("AgentStoppedEvent")) == 1


def test_a_reload_takes_up_a_new_file_of_conf_d(running):
    running.write(HOSTS_CONF, "tags: [app:hosts]\nfiles:\n  - paths: [/etc/hosts]\n")
    running.reload()
    running.wait_until_watching("files")
    running.shell("echo 192.0.2.1 other >> /etc/hosts")
    change = running.receiver.wait_for_event("ConfigurationChangedEvent", path="/etc/hosts")
    assert "app:hosts" in change["tags"]
    assert starts(running.receiver.events) == 1


def test_a_reload_of_something_wrong_fails_and_the_old_goes_on(running):
    running.write(HOSTS_CONF, "files:\n  - paths: [/etc/hosts]\n")
    running.reload()
    running.wait_until_watching("files")
    pid = main_pid(running)
    running.write(HOSTS_CONF, "files:\n  - pahts: [/etc/hosts]\n")
    assert running.run("systemctl", "reload", UNIT, check=False).returncode != 0
    assert f"{HOSTS_CONF}:2: files" in running.journal(UNIT)
    rejected = running.receiver.wait_for_event("AgentConfigurationRejectedEvent")
    assert "hosts.yaml:2: files" in rejected["msg_text"]
    assert running.agent("status", "--exit-code", check=False).returncode == 1
    running.catch_up()
    running.shell("echo 192.0.2.1 other >> /etc/hosts")
    running.receiver.wait_for_event("ConfigurationChangedEvent", path="/etc/hosts")
    assert main_pid(running) == pid


def test_a_typo_before_a_reboot_leaves_the_host_recorded_as_the_last_right_configuration_says(running):
    running.write(HOSTS_CONF, "files:\n  - paths: [/etc/hosts]\n")
    running.reload()
    running.wait_until_watching("files")
    running.configure("hostnmae: x\n")
    running.reboot()
    rejected = running.receiver.wait_for_event("AgentConfigurationRejectedEvent")
    assert "agent.yaml:8: hostnmae" in rejected["msg_text"]
    running.wait_until_watching("files")
    running.shell("echo 192.0.2.1 other >> /etc/hosts")
    running.receiver.wait_for_event("ConfigurationChangedEvent", path="/etc/hosts")
    done = running.agent("status", "--exit-code", check=False)
    assert done.returncode == 1
    assert "agent.yaml is wrong, the last right one goes on" in done.stderr
    assert running.property(UNIT, "NRestarts") == "0"
    found = running.shell("stat -c '%a %U' /var/lib/sts-agent/last-right.yaml")
    assert found == "600 sts-agent\n"
    running.configure()
    running.reload()
    assert running.agent("status", "--exit-code", check=False).returncode == 0


def test_a_wrong_agent_yaml_refuses_to_start_with_2_and_is_not_tried_again(host):
    host.configure("hostnmae: x\n")
    host.boot()
    assert host.property(UNIT, "ExecMainStatus") == "2"
    assert host.property(UNIT, "ActiveState") == "failed"
    assert host.property(UNIT, "NRestarts") == "0"
    assert "/etc/sts-agent/agent.yaml:8: hostnmae" in host.journal(UNIT)


def test_a_wrong_file_of_conf_d_is_set_aside_and_told(host):
    host.write("/etc/sts-agent/conf.d/bad.yaml", "files:\n  - pahts: [/etc/hosts]\n")
    host.write(HOSTS_CONF, "files:\n  - paths: [/etc/hosts]\n")
    host.boot()
    rejected = host.receiver.wait_for_event("AgentConfigurationRejectedEvent")
    assert "bad.yaml:2" in json.dumps(rejected)
    host.wait_until_watching("files")
    host.shell("echo 192.0.2.1 other >> /etc/hosts")
    host.receiver.wait_for_event("ConfigurationChangedEvent", path="/etc/hosts")


def test_members_of_its_group_may_send_events_and_others_may_not(running):
    running.shell("useradd member; usermod -aG sts-agent member; useradd other")
    command = ["/opt/sts-agent/bin/sts-agent", "event", "send", "ByUserEvent", "--title"]
    running.run(*command, "member", user="member")
    refused = running.run(*command, "other", user="other", check=False)
    assert refused.returncode == 1
    assert "sts-agent" in refused.stderr
    running.catch_up()
    assert [event["msg_title"] for event in running.receiver.of_type("ByUserEvent")] == ["member"]


def test_who_may_read_and_ask_nothing_hears_that_and_nothing_is_called_wrong_or_missing(running):
    running.shell("useradd other; chmod 640 /etc/sts-agent/agent.yaml")
    asked = {}
    for words in (("status",), ("plan", "list")):
        asked[words[0]] = running.run("/opt/sts-agent/bin/sts-agent", *words, user="other", check=False)
    said = asked["status"].stdout + asked["status"].stderr
    assert "agent.yaml:1: may not be read: Permission denied" in said
    assert "usermod --append --groups sts-agent" in said
    assert "is wrong" not in said
    assert "no destination" not in said
    assert (asked["plan"].returncode, "usermod" in asked["plan"].stderr) == (1, True)


def test_an_event_sent_while_it_is_stopped_is_taken_in_at_the_start(running):
    running.run("systemctl", "stop", UNIT)
    running.shell("useradd member; usermod -aG sts-agent member")
    for user in ("root", "member"):
        running.run("/opt/sts-agent/bin/sts-agent", "event", "send", "LeftEvent", "--title", user, user=user)
    running.run("systemctl", "start", UNIT)
    running.catch_up()
    assert [event["msg_title"] for event in running.receiver.of_type("LeftEvent")] == ["root", "member"]


def test_a_hand_started_daemon_beside_the_service_names_who_holds_the_spool(running):
    done = running.run("/opt/sts-agent/bin/sts-agent", "run", check=False)
    assert done.returncode == 1
    assert str(main_pid(running)) in done.stderr


def test_the_service_leaves_no_core_that_would_hold_the_key(running):
    limits = running.run("cat", f"/proc/{main_pid(running)}/limits").stdout
    assert next(line for line in limits.splitlines() if "core file" in line).split()[4:6] == ["0", "0"]


def test_the_key_may_come_from_a_systemd_credential(host):
    host.write("/root/key", API_KEY + "\n", mode=0o600)
    host.write(f"/etc/systemd/system/{UNIT}.d/key.conf", "[Service]\nLoadCredential=api_key:/root/key\n")
    configured = host.read("/etc/sts-agent/agent.yaml")
    host.write(
        "/etc/sts-agent/agent.yaml", configured.replace("    api_key_file: /etc/sts-agent/api_key\n", "")
    )
    host.boot()
    host.receiver.wait_for_event("AgentStartedEvent")
    host.reload()
    host.catch_up()


def test_what_root_looks_at_while_the_service_is_stopped_stays_the_services_own(running):
    running.run("systemctl", "stop", UNIT)
    for command in (["status"], ["log"], ["rejected", "list"], ["check"]):
        running.agent(*command)
    running.run("systemctl", "start", UNIT)
    running.catch_up()
    strangers = running.shell("find /var/lib/sts-agent /run/sts-agent ! -user sts-agent")
    assert strangers == ""


def test_a_daemon_that_root_started_by_hand_first_locks_the_service_out_of_nothing(host):
    host.mask_agent()
    host.boot()
    with host.running("/opt/sts-agent/bin/sts-agent", "run"):
        host.receiver.wait_for_event("AgentStartedEvent")
    host.run("systemctl", "unmask", UNIT)
    host.run("systemctl", "start", UNIT)
    host.receiver.wait_for(lambda events: starts(events) == 2)
    host.catch_up()


@pytest.mark.every_debian
def test_the_sandbox_hides_no_file_that_may_be_watched(host):
    places = ["/root/x", "/home/anna/x", "/tmp/x", "/var/tmp/x", "/srv/x", "/etc/ssl/private/x"]
    for place in places[:2] + places[3:]:
        host.write(place, "old\n", mode=0o600)
    host.write("/etc/tmpfiles.d/x.conf", "f /tmp/x 0600 root root - old\n")
    host.write("/etc/sts-agent/conf.d/x.yaml", f"files:\n  - paths: {places}\n".replace("'", '"'))
    host.boot()
    host.wait_until_watching("files")
    for place in places:
        host.shell(f"echo new > {place}")
        change = host.receiver.wait_for_event("ConfigurationChangedEvent", path=place)
        data = change["context"]["data"]
        assert data["change"] == "modified"
        assert data["new_owner"] == "root:root"
        assert "new" not in data.get("diff", "")
    host.catch_up()
    assert len(host.receiver.of_type("ConfigurationChangedEvent")) == len(places)


@pytest.mark.every_debian
def test_the_sandbox_lets_the_program_of_any_process_and_the_log_of_any_unit_be_seen(host):
    host.write(
        "/etc/sts-agent/conf.d/x.yaml",
        "processes:\n  - name: sleeper\n    match: {exe: /usr/bin/sleep}\n"
        "services:\n  - units: [bad.service]\n    log_lines: 5\n",
    )
    host.write("/etc/systemd/system/bad.service", "[Service]\nExecStart=sh -c 'echo the reason; exit 3'\n")
    host.show_every_exe()
    host.boot()
    host.wait_until_watching("processes", "services")
    with host.running("sleep", "infinity"):
        host.receiver.wait_for_event("ProcessStartedEvent", exe="/usr/bin/sleep")
    host.receiver.wait_for_event("ProcessStoppedEvent", exe="/usr/bin/sleep")
    host.run("systemctl", "start", "bad.service")
    failed = host.receiver.wait_for_event("ServiceFailedEvent", unit="bad.service")
    assert failed["context"]["data"]["log"] == "the reason"
