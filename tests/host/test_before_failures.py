"""What a failed service names of what changed before it, and the tag of planned work, on each Debian under the unit as shipped."""

import pytest

pytestmark = pytest.mark.every_debian

UNIT = "sts-agent.service"
SHOP = "[Service]\nEnvironmentFile=/srv/shop/env\nExecStart=/bin/sh -c 'exec sleep $SECONDS_TO_SLEEP'\n"
CONF = "files:\n  - paths: ['/srv/shop/**', '/etc/other/**']\n"


def test_a_failure_names_the_file_of_its_unit_before_nearer_changes_also_after_a_restart_of_the_agent(host):
    host.write("/etc/sts-agent/conf.d/shop.yaml", CONF)
    host.write("/etc/systemd/system/shop.service", SHOP)
    host.write("/srv/shop/env", "SECONDS_TO_SLEEP=infinity\n")
    host.write("/etc/other/a", "1\n")
    seen = host.receiver.wait_for_event
    host.boot()
    host.wait_until_watching("files", "services")
    host.run("systemctl", "start", "shop.service")
    seen("ServiceStartedEvent", unit="shop.service")

    host.agent("plan", "start", "release", "--text", "new shop")
    host.write("/srv/shop/env", "SECONDS_TO_SLEEP=nonsense\n")
    cause = seen("ConfigurationChangedEvent", path="/srv/shop/env")
    assert "planned:release" in cause["tags"]
    host.write("/etc/other/a", "2\n")
    seen("ConfigurationChangedEvent", path="/etc/other/a")
    host.shell(f"systemctl restart {UNIT}")
    host.wait_until_watching("files", "services")
    host.shell("systemctl restart shop.service")
    failed = seen("ServiceFailedEvent", unit="shop.service")
    first, second, *_ = failed["context"]["data"]["preceded_by"]
    assert first["source_identifier"] == cause["context"]["source_identifier"]
    assert first["reason"] == "a file that the unit names"
    assert "/etc/other/a" in second["title"]
    assert "planned:release" in failed["tags"]
    assert "During planned work: release (new shop)" in failed["msg_text"]

    host.agent("plan", "stop", "release")
    host.shell("sleep 1")  # events know whole seconds: the one of the end is the plan's
    host.write("/srv/shop/env", "SECONDS_TO_SLEEP=infinity\n")
    changes = {"event_type": "ConfigurationChangedEvent", "path": "/srv/shop/env"}
    host.receiver.wait_for(lambda _: len(host.receiver.of_type(**changes)) > 1)
    tags = [event["tags"] for event in host.receiver.of_type(**changes)]
    assert ["planned:release" in one for one in tags] == [True, False]
