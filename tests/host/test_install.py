"""packaging/install and packaging/uninstall, as an operator runs them on a live host."""

import pytest
from harness.host import install_command, what_installing_needs

UNINSTALL = "/mnt/checkout/packaging/uninstall"


@pytest.fixture
def bare_host(new_host):
    """Boot a Debian without the agent; the checkout and the wheels lie under /mnt."""
    host = new_host(installed=False)
    host.boot(show=what_installing_needs())
    return host


def install(host, *options):
    return host.run(*install_command(*options), check=False, timeout_seconds=120)


def test_one_command_installs_and_starts_the_service(bare_host):
    done = install(bare_host)
    assert done.returncode == 0, done.stderr
    assert bare_host.property("sts-agent.service", "ActiveState") == "active"
    assert bare_host.property("sts-agent.service", "User") == "sts-agent"
    assert bare_host.run("sts-agent", "check").returncode == 0
    assert bare_host.run("systemctl", "is-enabled", "sts-agent.service").stdout == "enabled\n"


def test_installing_again_upgrades_and_leaves_the_configuration_alone(bare_host):
    assert install(bare_host, "--no-start").returncode == 0
    bare_host.write("/etc/sts-agent/agent.yaml", "tags: [env:mine]\n")
    done = install(bare_host)
    assert done.returncode == 0, done.stderr
    assert bare_host.read("/etc/sts-agent/agent.yaml") == "tags: [env:mine]\n"
    assert bare_host.property("sts-agent.service", "ActiveState") == "active"


@pytest.mark.parametrize("trace", ["/etc/sts-agent/stackstate.conf", "/etc/init.d/stackstate-agent"])
def test_a_host_with_the_legacy_agent_is_refused_politely_and_not_touched(bare_host, trace):
    bare_host.write(trace, "")
    done = install(bare_host)
    assert done.returncode == 1
    assert f"the StackState Agent V1 is installed here ({trace})" in done.stderr
    assert "Nothing was changed" in done.stderr
    assert not bare_host.path("/opt/sts-agent").exists()
    assert "sts-agent" not in bare_host.read("/etc/passwd")


def test_uninstalling_keeps_the_configuration_and_what_waits_in_the_spool(bare_host):
    assert install(bare_host).returncode == 0
    bare_host.run(UNINSTALL)
    assert bare_host.path("/etc/sts-agent/agent.yaml").exists()
    assert bare_host.path("/var/lib/sts-agent/spool.db").exists()
    for gone in ("/opt/sts-agent", "/usr/local/bin/sts-agent", "/usr/lib/systemd/system/sts-agent.service"):
        assert not bare_host.path(gone).exists()
    assert bare_host.property("sts-agent.service", "LoadState") == "not-found"


def test_purging_leaves_nothing_behind(bare_host):
    before = bare_host.shell("find / -xdev -path /proc -prune -o -name '*sts-agent*' -print")
    assert install(bare_host).returncode == 0
    bare_host.run(UNINSTALL, "--purge")
    left = bare_host.shell("find / -xdev -path /proc -prune -o -name '*sts-agent*' -print")
    assert left == before
    assert "sts-agent" not in bare_host.read("/etc/passwd")


def test_only_root_may_install(bare_host):
    done = bare_host.run(*install_command(), user="nobody", check=False)
    assert done.returncode == 1
    assert "only root" in done.stderr
