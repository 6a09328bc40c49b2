"""packaging/install and packaging/uninstall, as an operator runs them on a live host."""

import pytest
from harness.host import CHECKOUT, install_command, what_installing_needs
from harness.packages import VERSION, apt, bring, built, log_of_a_users_own_agent
from harness.receiver import API_KEY

UNINSTALL = "/mnt/checkout/packaging/uninstall"
BASH = "/usr/share/bash-completion/completions/sts-agent"
FISH = "/usr/share/fish/vendor_completions.d/sts-agent.fish"


@pytest.fixture
def bare_host(new_host):
    """Boot a Debian without the agent; the checkout and the wheels lie under /mnt."""
    host = new_host(installed=False)
    host.boot(show=what_installing_needs())
    return host


def install(host, *options, variables=()):
    return host.run("env", *variables, *install_command(*options), check=False, timeout_seconds=300)


def installed_files(host):
    return host.shell(
        "find / -xdev \\( -path /proc -o -path /tmp \\) -prune -o -name '*sts-agent*' -print | sort"
    )


def test_one_command_installs_and_starts_the_service_with_all_that_its_commands_need(bare_host):
    bare_host.path(FISH).parent.mkdir(parents=True)
    # Also where root lets nobody else read what it makes.
    private = ("sh", "-c", 'umask 077; exec "$@"', "sh", *install_command())
    done = bare_host.run(*private, check=False, timeout_seconds=300)
    assert done.returncode == 0, done.stderr
    assert bare_host.property("sts-agent.service", "ActiveState") == "active"
    assert bare_host.property("sts-agent.service", "User") == "sts-agent"
    assert bare_host.run("sts-agent", "check").returncode == 0
    assert bare_host.run("systemctl", "is-enabled", "sts-agent.service").stdout == "enabled\n"

    bare_host.agent("event", "send", "X", "--title", "kept")
    bare_host.agent("report", "-o", "/root/host.html")
    assert "kept" in bare_host.read("/root/host.html")
    bare_host.python("import opentelemetry.proto.logs.v1.logs_pb2")
    assert "man:sts-agent(1)" in bare_host.property("sts-agent.service", "Documentation")
    manual = "/usr/local/share/man"
    assert "sts\\-agent report" in bare_host.read(f"{manual}/man1/sts-agent.1")
    assert "destinations" in bare_host.read(f"{manual}/man5/sts-agent.yaml.5")
    offered = ". $0; COMP_WORDS=(sts-agent sta); COMP_CWORD=1; _shtab_sts_agent; echo ${COMPREPLY[@]}"
    assert bare_host.run("bash", "-c", offered, BASH).stdout == "status\n"
    assert "complete -c sts-agent" in bare_host.read(FISH)
    assert bare_host.read("/usr/share/zsh/vendor-completions/_sts-agent").startswith("#compdef sts-agent")
    examples = "/usr/share/doc/sts-agent/examples"
    for room in ("ansible/site.yml", "monitoring/alerts.yaml", "puppet/sts_agent.pp"):
        assert bare_host.read(f"{examples}/{room}") == (CHECKOUT / "packaging" / room).read_text()


@pytest.mark.long
def test_installing_again_upgrades_and_leaves_the_configuration_alone(bare_host):
    assert install(bare_host, "--no-start").returncode == 0
    bare_host.write("/etc/sts-agent/agent.yaml", "tags: [env:mine]\n")
    done = install(bare_host)
    assert done.returncode == 0, done.stderr
    assert bare_host.read("/etc/sts-agent/agent.yaml") == "tags: [env:mine]\n"
    assert bare_host.property("sts-agent.service", "ActiveState") == "active"


def test_url_and_key_of_the_environment_become_the_destination_and_no_other_user_reads_the_key(bare_host):
    url = f"STS_URL={bare_host.receiver.url}"
    half = install(bare_host, variables=[url])
    assert "STS_URL is given and STS_API_KEY is not" in half.stderr
    done = install(bare_host, variables=[url, f"STS_API_KEY={API_KEY}"])
    assert done.returncode == 0, done.stderr
    assert API_KEY not in done.stdout + done.stderr
    bare_host.receiver.wait_for_event("AgentStartedEvent")
    assert bare_host.shell("stat -c '%a %U %G' /etc/sts-agent/api_key").split() == [
        "640",
        "root",
        "sts-agent",
    ]
    assert API_KEY not in bare_host.read("/etc/sts-agent/agent.yaml")
    again = install(bare_host, "--no-start", variables=[url, "STS_API_KEY=another"])
    assert "is left alone" in again.stderr
    assert bare_host.read("/etc/sts-agent/api_key") == f"{API_KEY}\n"


@pytest.mark.long
def test_what_fails_leaves_nothing_behind_or_the_agent_that_runs(bare_host):
    before = installed_files(bare_host)
    without_wheels = [
        "env",
        "STS_URL=http://localhost",
        "STS_API_KEY=x",
        *install_command("--wheels=/mnt/wheel"),
    ]
    failed = bare_host.run(*without_wheels, check=False, timeout_seconds=300)
    assert failed.returncode == 1
    assert "--require-hashes" in failed.stderr
    assert "--dest DIR" in failed.stderr
    assert "nothing of it was left behind" in failed.stderr
    wrong_url = install(bare_host, variables=["STS_URL=ftp://here", "STS_API_KEY=x"])
    assert wrong_url.returncode == 1
    assert installed_files(bare_host) == before
    assert "sts-agent" not in bare_host.read("/etc/passwd")

    assert install(bare_host).returncode == 0
    pid = bare_host.property("sts-agent.service", "MainPID")
    failed = bare_host.run(*without_wheels, check=False, timeout_seconds=300)
    assert "the agent that was here goes on" in failed.stderr
    assert bare_host.property("sts-agent.service", "MainPID") == pid
    assert bare_host.run("sts-agent", "check").returncode == 0
    bare_host.write(
        "/usr/lib/systemd/system/sts-agent.service.d/harm.conf",
        "[Service]\nExecStartPre=/bin/false\nRestart=no\n",
    )
    failed = install(bare_host)
    assert failed.returncode == 1
    assert "the service does not start" in failed.stderr
    bare_host.shell(
        "rm /usr/lib/systemd/system/sts-agent.service.d/harm.conf; systemctl daemon-reload; systemctl restart sts-agent"
    )
    assert bare_host.path("/opt/sts-agent.old").exists() is False
    bare_host.wait_until_watching("services")

    refused = apt(bare_host, "install", bring(bare_host, built("deb", VERSION)), check=False)
    assert refused.returncode != 0
    assert "packaging/install has installed the agent here" in refused.stdout
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


@pytest.mark.long
def test_uninstalling_keeps_the_configuration_and_what_waits_in_the_spool(bare_host):
    assert install(bare_host).returncode == 0
    bare_host.run(UNINSTALL)
    assert bare_host.path("/etc/sts-agent/agent.yaml").exists()
    assert bare_host.path("/var/lib/sts-agent/spool.db").exists()
    for gone in ("/opt/sts-agent", "/usr/local/bin/sts-agent", "/usr/lib/systemd/system/sts-agent.service"):
        assert not bare_host.path(gone).exists()
    assert bare_host.property("sts-agent.service", "LoadState") == "not-found"


def test_a_user_runs_an_agent_of_his_own(new_host):
    host = new_host(packages=("dbus-user-session",))
    host.boot()
    assert "by ann" in log_of_a_users_own_agent(host, "by ann")


def test_purging_leaves_nothing_behind(bare_host):
    before = bare_host.shell("find / -xdev -path /proc -prune -o -name '*sts-agent*' -print")
    assert install(bare_host).returncode == 0
    bare_host.run(UNINSTALL, "--purge")
    left = bare_host.shell("find / -xdev -path /proc -prune -o -name '*sts-agent*' -print")
    assert left == before
    assert "sts-agent" not in bare_host.read("/etc/passwd")


def test_what_is_not_there_is_named(bare_host):
    wheel = install_command()[-1]
    for words, said in [
        (("/mnt/none.whl",), "there is no /mnt/none.whl: WHEEL is built by make dist"),
        (("--wheels=/mnt/none", wheel), "there is no directory /mnt/none"),
        (("--wheels",), "usage: packaging/install"),
    ]:
        done = bare_host.run("/mnt/checkout/packaging/install", *words, check=False)
        assert done.returncode != 0
        assert said in done.stderr
    assert bare_host.run(UNINSTALL).stdout == ""


def test_only_root_may_install(bare_host):
    done = bare_host.run(*install_command(), user="nobody", check=False)
    assert done.returncode == 1
    assert "only root" in done.stderr
