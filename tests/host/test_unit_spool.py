"""The spool where the unit puts it: an empty directory, wrong modes, a place the sandbox does not let it write to."""

import json

import pytest

UNIT = "sts-agent.service"
SPOOL = "/var/lib/sts-agent"


@pytest.fixture
def stopped(host):
    host.boot()
    host.receiver.wait_for_event("AgentStartedEvent")
    host.run("systemctl", "stop", UNIT)
    return host


def modes(host):
    found = host.shell(f"find {SPOOL} -printf '%P %m %u:%g\\n'").splitlines()
    return {name: (mode, owner) for name, mode, owner in (line.rsplit(" ", 2) for line in found)}


def as_designed(name):
    mode = {"": "710", "incoming": "730"}.get(name, "600")
    return mode, "sts-agent:sts-agent"


def document(host):
    return json.loads(host.agent("status", "--json").stdout)


def test_the_first_and_the_second_start_on_an_empty_directory_give_the_modes_as_designed(stopped):
    stopped.shell(f"rm -rf {SPOOL}")
    for _ in range(2):
        stopped.run("systemctl", "start", UNIT)
        stopped.catch_up()
        assert stopped.property(UNIT, "NRestarts") == "0"
        found = modes(stopped)
        assert found == {name: as_designed(name) for name in found}
        stopped.run("systemctl", "stop", UNIT)


def test_wrong_modes_are_repaired_at_a_start(stopped):
    stopped.shell(f"chmod 2770 {SPOOL}/incoming; chmod 0755 {SPOOL}; chmod 0644 {SPOOL}/spool.db")
    stopped.run("systemctl", "start", UNIT)
    stopped.catch_up()
    found = modes(stopped)
    assert found == {name: as_designed(name) for name in found}


def test_a_member_may_leave_an_event_in_a_stopped_agents_incoming_and_may_not_look_into_it(stopped):
    stopped.shell(f"rm -rf {SPOOL}; systemctl start {UNIT}; systemctl stop {UNIT}")
    stopped.shell("useradd member; usermod -aG sts-agent member")
    command = ["/opt/sts-agent/bin/sts-agent", "event", "send", "LeftEvent", "--title", "member"]
    stopped.run(*command, user="member")
    for place in (SPOOL, f"{SPOOL}/incoming"):
        assert stopped.run("ls", place, user="member", check=False).returncode != 0
    stopped.run("systemctl", "start", UNIT)
    stopped.receiver.wait_for_event("LeftEvent")


def test_a_spool_that_cannot_be_written_is_volatile_told_and_delivers_all_the_same(stopped):
    stopped.write(f"/etc/systemd/system/{UNIT}.d/x.conf", f"[Service]\nReadOnlyPaths={SPOOL}\n")
    stopped.run("systemctl", "daemon-reload")
    stopped.run("systemctl", "start", UNIT)
    stopped.catch_up()
    assert "Read-only file system" in document(stopped)["spool"]["volatile"]
    assert document(stopped)["spool"]["directory"] == "/run/sts-agent/volatile-spool"
    done = stopped.agent("status", "--exit-code", check=False)
    assert done.returncode == 1
    assert "lost at the next stop" in done.stderr
    stopped.run("rm", f"/etc/systemd/system/{UNIT}.d/x.conf")
    stopped.run("systemctl", "daemon-reload")
    stopped.run("systemctl", "restart", UNIT)
    stopped.catch_up()
    assert document(stopped)["spool"]["directory"] == SPOOL
    assert not stopped.path("/run/sts-agent/volatile-spool").exists()


def test_a_directory_that_the_sandbox_forbids_is_no_crash_loop(host):
    host.configure("spool: {directory: /data/sts}\n")
    host.path("/data/sts").mkdir(parents=True)
    host.boot()
    host.shell("chown -R sts-agent:sts-agent /data")
    host.catch_up()
    assert host.property(UNIT, "NRestarts") == "0"
    assert "/data/sts cannot be used" in document(host)["spool"]["volatile"]
    dropped_in = "[Service]\nReadWritePaths=/data/sts\n"
    host.write(f"/etc/systemd/system/{UNIT}.d/spool.conf", dropped_in)
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "restart", UNIT)
    host.catch_up()
    assert document(host)["spool"]["volatile"] == ""
    assert host.path("/data/sts/spool.db").exists()
