"""Runs of a real Puppet."""

import pytest
from harness.puppet import last_run

MANIFEST = """
file { '/etc/motd.puppet': ensure => file, content => "hello\\n" }
notify { 'a "quoted" \\\\ message': }
"""


def runs(events):
    return [event for event in events if event["source_type_name"] == "puppet"]


@pytest.fixture
def puppet(new_host):
    """Boot a host with Puppet, whose reports are watched."""
    host = new_host(packages=("puppet-agent",))
    host.write("/etc/sts-agent/conf.d/puppet.yaml", "tags: [team:a]\npuppet: {unchanged: false}\n")
    host.write("/root/site.pp", MANIFEST)
    host.boot()
    host.catch_up()
    return host


def apply(host, manifest="/root/site.pp"):
    return host.run("puppet", "apply", "--reports=store", manifest, check=False).stdout


def test_a_run_that_changes_something_is_one_event(puppet):
    apply(puppet)
    event = puppet.receiver.wait_for(runs)[0]
    puppet.catch_up()
    assert len(runs(puppet.receiver.events)) == 1
    data = event["context"]["data"]
    for key in ("transaction_uuid", "catalog_uuid", "configuration_version"):
        assert last_run(puppet, key) == str(data[key])
        assert f"{key}:{data[key]}" in event["tags"]
    assert data["status"] == "changed"
    assert {"status:changed", "environment:production", "team:a"} <= set(event["tags"])
    assert event["msg_title"].startswith("Puppet run for ")
    assert 'a "quoted" \\ message' in event["msg_text"]
    assert puppet.receiver.problems == []


def test_a_run_that_changes_nothing_is_silent_and_one_that_fails_is_not(puppet):
    puppet.write("/root/nothing.pp", "file { '/etc': ensure => directory }\n")
    puppet.write("/root/failing.pp", "file { '/nowhere/at/all': ensure => file, content => 'x' }\n")
    apply(puppet, "/root/nothing.pp")
    apply(puppet, "/root/failing.pp")
    [failed] = puppet.receiver.wait_for(runs)
    assert failed["context"]["data"]["status"] == "failed"
    assert failed["alert_type"] == "error"
    assert "File[/nowhere/at/all]" in failed["msg_text"]


def test_a_run_while_the_agent_was_down_is_found(puppet):
    puppet.run("systemctl", "stop", "sts-agent")
    apply(puppet)
    puppet.run("systemctl", "start", "sts-agent")
    puppet.receiver.wait_for(runs)
    puppet.run("systemctl", "restart", "sts-agent")
    puppet.catch_up()
    assert len(runs(puppet.receiver.events)) == 1
