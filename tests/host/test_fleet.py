"""The agent on many hosts: the Ansible role and the Puppet manifest, run by the real tools on a booted host."""

import json
import re

import pytest
from harness.host import CHECKOUT, install_command, what_installing_needs
from harness.packages import NEXT_VERSION, VERSION, bring, built
from harness.receiver import API_KEY

pytestmark = pytest.mark.long

ROLE = "/mnt/checkout/packaging/ansible"
MANIFEST = (CHECKOUT / "packaging/puppet/sts_agent.pp").read_text()
CONF = "/etc/sts-agent/conf.d/nginx.yaml"
NGINX = {"tags": ["app:nginx"], "files": [{"paths": ["/etc/nginx"]}]}


class Ansible:
    """A host that Ansible runs on against itself, under as many names as its inventory has."""

    def __init__(self, host):
        self.host = host
        self.variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "/usr/bin/python3",
            "sts_agent_config": {
                "tags": ["env:test"],
                "destinations": {
                    "main": {"url": host.receiver.url, "api_key_file": "/etc/sts-agent/api_key"},
                },
            },
            "sts_agent_api_key": API_KEY,
            "sts_agent_conf_d": {"nginx": NGINX},
        }

    def play(self, *options, hosts=("edge-01",), **of_hosts):
        """Run the playbook; return its exit status, what it said, and how often each host had something changed."""
        names = {name: of_hosts.get(name.replace("-", "_"), {}) for name in hosts}
        inventory = {"sts_agent": {"hosts": names, "vars": self.variables}}
        self.host.write("/root/inventory.json", json.dumps({"all": {"children": inventory}}))
        self.host.shell("cp /root/inventory.json /root/inventory.yaml")
        done = self.host.run(
            *("env", "ANSIBLE_PIPELINING=1", "LANG=C.UTF-8"),
            *("ansible-playbook", "-i", "/root/inventory.yaml", *options, f"{ROLE}/site.yml"),
            check=False,
            timeout_seconds=400,
        )
        said = done.stdout + done.stderr
        changed = {name: int(count) for name, count in re.findall(r"(\S+) +: ok=\d+ +changed=(\d+)", said)}
        return done.returncode, said, changed


def ansible_on(new_host, *, installed):
    host = new_host(packages=("ansible-core",), installed=installed)
    host.boot(show=what_installing_needs())
    return Ansible(host)


def test_ansible_installs_and_configures_and_a_second_run_changes_nothing(new_host):
    ansible = ansible_on(new_host, installed=False)
    host = ansible.host
    ansible.variables["sts_agent_installer"] = [*install_command("--no-start")]
    status, said, _ = ansible.play("--check")
    assert status == 0, said
    assert not host.path("/opt/sts-agent").exists()
    assert not host.path("/etc/sts-agent").exists()

    status, said, changed = ansible.play()
    assert status == 0, said
    assert changed["edge-01"] > 0
    assert host.shell("stat -c '%a %U %G' /etc/sts-agent/api_key").strip() == "640 root sts-agent"
    host.receiver.wait_for_event("AgentStartedEvent")
    host.wait_until_watching("files")
    host.shell("echo '# tuned' >> /etc/nginx/nginx.conf")
    told = host.receiver.wait_for_event("ConfigurationChangedEvent", path="/etc/nginx/nginx.conf")
    assert "app:nginx" in told["tags"]
    assert API_KEY not in said

    for options in ((), ("--check", "--diff")):
        status, said, changed = ansible.play(*options)
        assert (status, changed) == (0, {"edge-01": 0}), said


def test_ansible_installs_the_package_of_dpkg_and_an_upgrade_loses_no_configuration(new_host):
    ansible = ansible_on(new_host, installed=False)
    host = ansible.host
    for version in (VERSION, NEXT_VERSION):
        ansible.variables["sts_agent_deb"] = bring(host, built("deb", version))
        status, said, _ = ansible.play()
        assert status == 0, said
        host.receiver.wait_for_event("AgentStartedEvent", version=version)
        assert json.loads(host.agent("check", "--json", "--show").stdout)["tags"] == ["env:test"]
    status, said, changed = ansible.play()
    assert (status, changed) == (0, {"edge-01": 0}), said


RINGS = ("edge-01", "edge-02", "edge-03")


def test_a_rollout_stops_at_the_first_ring_in_trouble_and_goes_through_all_without(new_host):
    ansible = ansible_on(new_host, installed=True)
    host = ansible.host
    status, said, changed = ansible.play(hosts=RINGS, edge_01={"sts_agent_conf_d": {"nginx": {"fils": []}}})
    assert status != 0
    assert "unknown key; did you mean files?" in said
    assert changed.keys() == {"edge-01"}, "no host of a later ring was touched"
    assert not host.path(CONF).exists()

    in_trouble = {"sts_agent_api_key": "wrong", "sts_agent_verify_seconds": 6}
    status, said, changed = ansible.play(hosts=RINGS, edge_01=in_trouble)
    assert status != 0
    assert "paused" in said
    assert changed.keys() == {"edge-01"}
    assert host.property("sts-agent.service", "ActiveState") == "active"

    status, said, changed = ansible.play(hosts=RINGS)
    assert status == 0, said
    assert [*changed] == [*RINGS]
    host.receiver.wait_for_event("AgentConfigurationReloadedEvent")


def declaration(host, conf_d=NGINX):
    agent = json.dumps(
        {"destinations": {"main": {"url": host.receiver.url, "api_key_file": "/etc/sts-agent/api_key"}}}
    )
    return f"""{MANIFEST}
class {{ 'sts_agent':
  config  => '{agent}',
  api_key => Sensitive('{API_KEY}'),
  conf_d  => {{ 'nginx' => '{json.dumps(conf_d)}' }},
}}
"""


def test_puppet_configures_reloads_changes_nothing_twice_and_refuses_what_is_wrong(new_host):
    host = new_host(packages=("puppet-agent",))
    host.boot()
    host.receiver.wait_for_event("AgentStartedEvent")

    def apply(text, *options):
        host.write("/root/site.pp", text)
        done = host.run(
            "puppet",
            "apply",
            "--detailed-exitcodes",
            *options,
            "/root/site.pp",
            check=False,
            timeout_seconds=120,
        )
        return done.returncode, done.stdout + done.stderr

    assert apply(declaration(host), "--noop")[0] == 0
    assert not host.path(CONF).exists()
    status, said = apply(declaration(host))
    assert status == 2, said
    assert API_KEY not in said
    host.receiver.wait_for_event("AgentConfigurationReloadedEvent")
    host.wait_until_watching("files")
    host.shell("echo '# tuned' >> /etc/nginx/nginx.conf")
    told = host.receiver.wait_for_event("ConfigurationChangedEvent", path="/etc/nginx/nginx.conf")
    assert "app:nginx" in told["tags"]
    status, said = apply(declaration(host))
    assert status == 0, said
    before = host.read(CONF)
    status, said = apply(declaration(host, {"fils": []}))
    assert status & 4
    assert "unknown key" in said
    assert host.read(CONF) == before
