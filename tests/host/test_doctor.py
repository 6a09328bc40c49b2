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
