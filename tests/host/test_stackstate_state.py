"""A real host as components and health at StackState, by what systemd says of its services."""

import json
import threading
import zlib

import pytest

SLEEP = "[Service]\nExecStart=/bin/sleep 1000\n"
LOOP = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=100ms\n"


class Told:
    """The last topology and the last health that arrived."""

    def __init__(self, receiver):
        self._changed = threading.Condition()
        self.topology, self.health = {}, {}
        receiver.answer = self._look

    def _look(self, request):
        if request.method == "POST":
            body = json.loads(zlib.decompress(request.body))
            with self._changed:
                self.topology = (body["topologies"] or [self.topology])[-1]
                self.health = (body["health"] or [self.health])[-1]
                self._changed.notify_all()

    def wait_for(self, **checks):
        """Wait until these units are as they are to be; None for one that is not told."""
        wanted = {f"{unit}.service": state for unit, state in checks.items()}

        def found():
            return {one["name"]: one["health"] for one in self.health.get("check_states", [])}

        with self._changed:
            came = self._changed.wait_for(
                lambda: all(found().get(unit) == state for unit, state in wanted.items()), 60
            )
            assert came, found()

    def components(self):
        return {one["externalId"] for one in self.topology["components"]}


@pytest.fixture
def told(host):
    """Boot a host whose agent tells both."""
    host.configure("    topology: true\n    health: true\n    health_interval: 1s\n")
    told = Told(host.receiver)
    host.write("/etc/systemd/system/well.service", SLEEP)
    host.write("/etc/systemd/system/loop.service", LOOP)
    host.boot()
    host.wait_until_watching()
    return told


def test_services_are_components_and_what_fails_is_critical_until_it_is_well_again(host, told):
    host.run("systemctl", "start", "well")
    told.wait_for(well="Clear", **{"sts-agent": None})
    unit = "urn:systemd-unit:/edge-01:well.service"
    assert {"urn:host:/edge-01", unit} <= told.components()
    (state,) = [one for one in told.health["check_states"] if one["name"] == "well.service"]
    assert state["topologyElementIdentifier"] == unit
    host.run("systemctl", "kill", "-s", "KILL", "well")
    told.wait_for(well="Critical")
    host.run("systemctl", "start", "well")
    told.wait_for(well="Clear")
    host.run("systemctl", "start", "loop")
    told.wait_for(loop="Deviating", well="Clear")
    assert host.receiver.problems == []


def test_what_failed_is_still_told_by_an_agent_that_was_killed_and_not_after_a_boot(host, told):
    host.run("systemctl", "start", "well")
    host.run("systemctl", "kill", "-s", "KILL", "well")
    told.wait_for(well="Critical")
    host.run("systemctl", "kill", "-s", "KILL", "sts-agent")
    told.health = {}
    told.wait_for(well="Critical")
    told.health = {}
    host.reboot()
    told.wait_for(dbus="Clear", well=None)
