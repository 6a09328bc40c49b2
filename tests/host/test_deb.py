"""The package of dpkg, as an operator meets it: apt, systemctl and an editor, on hosts with systemd and nothing else."""

import json

import pytest
from harness.image import BARE_BOOKWORM, BARE_TRIXIE
from harness.packages import NEXT_VERSION, UNIT, VERSION, apt, bring, built, left_on, log_of_a_users_own_agent

ALLOWED = ("--system-call-filter=fanotify_init fanotify_mark",)
"""What systemd-nspawn has to be told to let a host have fanotify, as a machine of its own has."""
WATCHED = "files:\n  - paths: ['/etc/nginx/**']\n"


@pytest.fixture
def bare_host(new_host, debian):
    """Return a booted host without Python and without the agent."""
    host = new_host(debian=debian, installed=False)
    host.boot(options=ALLOWED)
    return host


@pytest.mark.parametrize("debian", [BARE_BOOKWORM, BARE_TRIXIE], ids=["Debian 12", "Debian 13"])
def test_a_host_is_installed_configured_upgraded_and_left_as_it_was_and_no_event_is_lost(bare_host):
    host = bare_host
    before = left_on(host)
    apt(host, "install", bring(host, built("deb", VERSION)))
    assert host.property(UNIT, "ActiveState") == "active"
    assert host.property(UNIT, "UnitFileState") == "enabled"
    host.wait_until_watching("services")
    status = json.loads(host.agent("status", "--json").stdout)
    assert status["destinations"] == {}
    who = status["who"]
    assert (who["on"], who.get("at_once")) == (True, True)  # the steps before the service and after its start
    assert int(host.shell("du -sk /opt/sts-agent").split()[0]) < 30 * 1024  # byte code and all
    assert host.run("sts-agent", "doctor", "--json", check=False).returncode != 2
    assert host.shell("find / -xdev -name '*.cpython-*.pyc' -newer /packages -user sts-agent") == ""

    host.configure()
    host.write("/etc/sts-agent/conf.d/nginx.yaml", WATCHED)
    host.reload()
    host.wait_until_watching("services", "files")
    host.shell("systemctl restart nginx")
    host.receiver.wait_for_event("ServiceStartedEvent", unit="nginx.service")
    host.write("/etc/nginx/conf.d/edit.conf", "# an edit\n")
    host.receiver.wait_for_event("ConfigurationChangedEvent", path="/etc/nginx/conf.d/edit.conf")
    host.reboot()
    host.receiver.wait_for_event("HostBootedEvent", previous_shutdown="clean")
    assert not host.receiver.of_type("HostCrashedEvent")

    host.write("/etc/sts-agent/conf.d/nginx.yaml", f"tags: [of:mine]\n{WATCHED}")
    sent = sent_during(host, "install", bring(host, built("deb", NEXT_VERSION)))
    host.receiver.wait_for_event("AgentStartedEvent", version=NEXT_VERSION)
    host.catch_up()
    # In order too, but for one that was being left in incoming/ at the very moment at which the socket opened.
    assert sorted(host.receiver.titles("CountEvent"), key=int) == sent
    assert host.read("/etc/sts-agent/conf.d/nginx.yaml") == f"tags: [of:mine]\n{WATCHED}"

    apt(host, "remove", "sts-agent")
    assert host.property(UNIT, "LoadState") == "not-found"
    assert host.path("/var/lib/sts-agent/spool.db").exists()
    assert host.path("/etc/sts-agent/agent.yaml").exists()
    assert not host.path("/opt/sts-agent").exists()
    apt(host, "purge", "sts-agent")
    assert left_on(host) == before
    assert "sts-agent" not in host.read("/etc/passwd") + host.read("/etc/group")


def sent_during(host, *words):
    """Hand in events one after the other while apt does its work; return their titles, each of them said to be kept."""
    send = "n=0; until [ -e /enough ]; do n=$((n + 1)); sts-agent event send CountEvent --title $n >/dev/null; echo $n $?; done"
    with host.running("sh", "-c", send) as sending:
        try:
            apt(host, *words)
        finally:
            host.shell("touch /enough")
        said = [line.split() for line in sending.communicate(timeout=60)[0].splitlines()]
    host.shell("rm /enough")
    assert len(said) > 3
    assert [line for line in said if line[1:] != ["0"]] == []
    return [title for title, _ in said]


@pytest.mark.parametrize("debian", [BARE_BOOKWORM], ids=["Debian 12"])
@pytest.mark.long
def test_what_cannot_take_over_leaves_the_agent_that_runs_alone(bare_host):
    host = bare_host
    host.write("/etc/sts-agent/stackstate.conf", "")
    package = bring(host, built("deb", VERSION))
    refused = apt(host, "install", package, check=False)
    assert refused.returncode != 0
    assert "the StackState Agent V1 is installed here (/etc/sts-agent/stackstate.conf)" in refused.stdout
    assert "apt purge stackstate-agent" in refused.stdout
    assert not host.path("/opt/sts-agent").exists()
    assert "sts-agent" not in host.read("/etc/passwd")

    host.shell("rm -r /etc/sts-agent")
    apt(host, "install", package)
    host.wait_until_watching("services")
    pid = host.property(UNIT, "MainPID")
    harmed = bring(host, built("deb", NEXT_VERSION, harm="raise SystemError('harmed')"))
    failed = apt(host, "install", harmed, check=False)
    assert failed.returncode != 0
    assert "this version does not run here" in failed.stdout
    assert host.property(UNIT, "MainPID") == pid
    apt(host, "install", "--allow-downgrades", package)
    host.wait_until_watching("services")
    assert host.property(UNIT, "MainPID") != pid

    pid = host.property(UNIT, "MainPID")
    host.write("/etc/sts-agent/agent.yaml", "tags: [wrong\n")
    told = apt(host, "install", bring(host, built("deb", NEXT_VERSION)))
    assert "the configuration is wrong" in told.stdout
    assert "/etc/sts-agent/agent.yaml:" in told.stdout
    assert host.property(UNIT, "MainPID") == pid


@pytest.mark.long
@pytest.mark.parametrize("debian", [BARE_BOOKWORM], ids=["Debian 12"])
def test_what_an_operator_did_to_service_and_user_counts(bare_host):
    host, package = bare_host, bring(bare_host, built("deb", VERSION))
    apt(host, "install", package)
    host.shell("systemctl stop sts-agent")
    apt(host, "install", "--reinstall", package)
    assert host.property(UNIT, "ActiveState") == "inactive"  # somebody stopped it
    apt(host, "remove", "sts-agent")
    apt(host, "install", package)
    assert host.property(UNIT, "ActiveState") == "active"

    host.shell("systemctl stop sts-agent; usermod --comment 'somebody else' sts-agent")
    apt(host, "purge", "sts-agent")
    assert "sts-agent" in host.read("/etc/passwd")  # a user of that name whom the package did not make
    assert not host.path("/var/lib/sts-agent").exists()


def test_a_user_runs_an_agent_of_his_own(new_host):
    host = new_host(packages=("dbus-user-session",), installed=False)
    host.boot()
    apt(host, "install", bring(host, built("deb", VERSION)))
    told = log_of_a_users_own_agent(host, "by ann")
    assert "by ann" in told
    assert host.path("/home/ann/.local/state/sts-agent/spool.db").exists()
    assert "by ann" not in host.agent("log").stdout
