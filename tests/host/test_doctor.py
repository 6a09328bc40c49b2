"""The doctor on a real host: as root it tries as the service's user, and finds what is wrong there."""

import json

import pytest


@pytest.fixture
def examined(host):
    host.mask_agent()
    host.boot()

    def examined():
        said = host.agent("doctor", "--json", check=False)
        assert said.stderr == ""
        return {finding["check"]: finding for finding in json.loads(said.stdout)["findings"]}

    return examined


def test_on_a_host_as_installed_all_is_well(examined):
    findings = examined()
    assert findings["user"]["text"].startswith("tried as sts-agent")
    assert {check for check, finding in findings.items() if finding["level"] == "fail"} == set()
    for check in ("spool", "D-Bus", "destination stackstate", "hostname"):
        assert findings[check]["level"] == "ok", findings[check]


def test_what_the_services_user_may_not_do_is_found_though_root_may(host, examined):
    host.shell("install -d -o root -m 0755 /srv/spool; install -d /etc/app; chmod 0700 /etc/app")
    host.write("/etc/sts-agent/conf.d/app.yaml", "files:\n  - paths: ['/etc/app/**']\n")
    agent_yaml = host.read("/etc/sts-agent/agent.yaml")
    host.write("/etc/sts-agent/agent.yaml", agent_yaml + "spool: {directory: /srv/spool}\n")
    host.receiver.go_away()
    findings = examined()
    assert findings["spool"]["level"] == "fail"
    assert findings["watch /etc/app/**"]["level"] == "ok"  # by the capability that the unit grants
    assert findings["destination stackstate"]["level"] == "fail"
    assert "cannot be reached" in findings["destination stackstate"]["text"]


UNIT = "sts-agent.service"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/spool.conf"


@pytest.fixture
def running(host):
    host.configure("spool: {directory: /data/sts}\n")
    host.path("/data/sts").mkdir(parents=True)
    host.boot()
    host.shell("chown -R sts-agent:sts-agent /data")
    return host


def findings(host):
    said = host.agent("doctor", "--json", check=False)
    assert said.stderr == ""
    return {finding["check"]: finding for finding in json.loads(said.stdout)["findings"]}


def use(host, drop_in):
    host.write(DROP_IN, f"[Service]\n{drop_in}\n")
    host.run("systemctl", "daemon-reload")


@pytest.mark.every_debian
def test_a_spool_that_the_sandbox_forbids_is_found_with_the_drop_in_that_allows_it(running):
    found = findings(running)
    assert found["user"]["text"] == f"tried as sts-agent, in a unit with the directives of {UNIT}"
    assert found["spool"]["level"] == "fail"
    assert "ReadWritePaths=/data/sts" in found["spool"]["advice"]
    use(running, "ReadWritePaths=/data/sts")
    assert findings(running)["spool"]["level"] == "ok"
    running.run("systemctl", "restart", UNIT)
    running.catch_up()
    assert running.path("/data/sts/spool.db").exists()


@pytest.mark.every_debian
def test_the_doctor_leaves_no_unit_behind_and_the_running_daemon_alone(running):
    pid = running.property(UNIT, "MainPID")
    before = running.shell(
        "systemctl list-units --all --no-legend; ls -A /run/systemd/system /run/sts-agent; ls /run"
    )
    findings(running)
    after = running.shell(
        "systemctl list-units --all --no-legend; ls -A /run/systemd/system /run/sts-agent; ls /run"
    )
    assert "doctor" not in after
    assert "intake.sock" in after
    assert running.property(UNIT, "MainPID") == pid
    assert "doctor" not in before
    running.catch_up()


def test_a_drop_in_with_which_no_service_could_start_is_found(running):
    use(running, "ReadWritePaths=/not/there")
    found = findings(running)
    assert found["unit"]["level"] == "fail"
    assert "the service may not start either" in found["unit"]["advice"]


def test_files_with_keys_that_others_may_read_or_write_are_a_warning_of_doctor_and_check(host):
    host.configure("tags: [a:b]\n")
    host.path("/etc/sts-agent/api_key").chmod(0o644)
    host.path("/etc/sts-agent/agent.yaml").chmod(0o646)
    host.boot()
    said = host.agent("check").stderr
    assert "api_key_file: /etc/sts-agent/api_key has mode 0644: every user may read it" in said
    assert "/etc/sts-agent/agent.yaml has mode 0646: every user may write it" in said
    doubts = [
        one
        for one in json.loads(host.agent("doctor", "--json").stdout)["findings"]
        if one["check"] == "secrets"
    ]
    assert len(doubts) == 2


def test_matching_by_exe_without_the_drop_in_is_a_warning_that_names_it(host):
    host.write(
        "/etc/sts-agent/conf.d/x.yaml",
        "processes:\n  - {name: job, match: {exe: /opt/job}}\n  - {name: n, match: {name: x}}\n",
    )
    host.boot()
    assert "processes job: match.exe" in host.agent("check").stderr
    assert "sts-agent.service.d/processes.conf" in host.agent("check").stderr
    host.show_every_exe()
    assert "match.exe" not in host.agent("check").stderr


def test_an_entry_that_can_never_match_is_told_by_check_doctor_and_status(host):
    host.write(
        "/etc/sts-agent/conf.d/app.yaml",
        # Nothing but the journal's unit names syslog.service here.
        "services:\n  - units: [ngnix, syslog, 'dbus-org.freedesktop.login1']\n"
        "processes:\n  - {name: job, match: {user: rooot}}\n",
    )
    host.boot()
    host.wait_until_watching("services", "processes")
    unit = "'ngnix' is no service of this host (did you mean nginx.service?)"
    named = "'syslog' is no service of this host"
    user = "'rooot' is no user of this host (did you mean root?)"
    checked = host.agent("check", "--json")
    assert json.loads(checked.stdout) == []
    assert f"processes: job: {user}" in checked.stderr
    assert f"services: {unit}" in checked.stderr
    assert "login1" not in checked.stderr  # an alias is a name
    told = json.loads(host.agent("doctor", "--json", check=False).stdout)["findings"]
    assert {one["text"] for one in told if one["level"] == "warn"} >= {unit, named, f"job: {user}"}
    collectors = json.loads(host.agent("status", "--json").stdout)["collectors"]
    assert f"{unit}; {named}" in collectors["services"]["detail"]
    assert user in collectors["processes"]["detail"]
