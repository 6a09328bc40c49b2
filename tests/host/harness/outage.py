"""A web server that somebody's change takes down, on a host whose receiver then refuses the key: what an operator asks there.

The tests hold the answers to what they have to say; `bench/pictures.py` puts them into the documents as they are.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from harness.host import Host
from harness.machine import HostError

_WATCHED = 'tags: [app:nginx]\nfiles:\n  - paths: ["/etc/nginx/**"]\nservices:\n  - units: [nginx]\n'
_DEPLOYED = (
    "event",
    "send",
    "DeploymentEvent",
    "--title",
    "shop 2.4.1 is deployed",
    "--category",
    "Deployments",
)


_EDIT = "f=/etc/nginx/nginx.conf; text=$(sed 's/worker_connections 768;/worker_connections 4096/' $f); echo \"$text\" >$f"
_WIDTH = 110
"""Columns of the terminal at which it is asked."""


class Answers(NamedTuple):
    """What the commands printed, each with the words that it was asked by."""

    working: tuple[str, str]
    before_the_outage: tuple[str, str]
    nothing_arrives: tuple[str, str]
    tried: tuple[str, str]
    moment: str
    """When the service failed, as `--around` takes it."""


def play(host: Host) -> Answers:
    """Let it happen on a host that is booted, and ask."""
    host.write("/etc/sts-agent/conf.d/nginx.yaml", _WATCHED)
    host.shell("useradd --create-home --shell /bin/bash alice; chown alice /etc/nginx/nginx.conf")
    host.reload()
    host.wait_until_watching("files", "services")
    host.shell("systemctl start nginx")
    host.receiver.wait_for_event("ServiceStartedEvent", unit="nginx.service")
    host.agent(*_DEPLOYED)
    host.receiver.wait_for_event("DeploymentEvent")
    working = _ask(host, "status")

    _edit_at_a_terminal(host)
    moment = f"{datetime.now(UTC):%H:%M:%S}"
    host.shell("systemctl restart nginx || :")
    host.receiver.wait_for_event("ServiceFailedEvent", unit="nginx.service")
    before = _ask(host, "log", "--around", moment, "--window", "10m", "--diff")

    host.shell("echo a-key-of-last-year >/etc/sts-agent/api_key")
    host.shell("sed -i 's/worker_connections 4096/worker_connections 4096;/' /etc/nginx/nginx.conf")
    host.shell("systemctl restart nginx")
    host.wait_in_log("ServiceStartedEvent", 2)
    _wait_until_paused(host)
    return Answers(working, before, _ask(host, "status"), _ask(host, "doctor"), moment)


def _edit_at_a_terminal(host: Host) -> None:
    """Log in as alice, and change the file in her shell."""
    with host.running("script", "-qc", "exec login -f alice", "/dev/null") as terminal:
        assert terminal.stdin is not None
        assert terminal.stdout is not None
        said = ""
        while not said.endswith("$ "):
            said += terminal.stdout.read(1)
        terminal.stdin.write(f"{_EDIT}\n")
        terminal.stdin.flush()
        host.receiver.wait_for_event("ConfigurationChangedEvent", path="/etc/nginx/nginx.conf")
        terminal.stdin.write("exit\n")
        terminal.stdin.flush()


def _ask(host: Host, *words: str) -> tuple[str, str]:
    asked = ("env", f"COLUMNS={_WIDTH}", "sts-agent", *words)
    return f"sudo sts-agent {' '.join(words)}", host.run(*asked, check=False).stdout


def _wait_until_paused(host: Host) -> None:
    """Ask `status` until the destination is paused; each question takes as long as a command."""
    for _ in range(100):
        if "is paused" in host.agent("status").stdout:
            return
    raise HostError(f"{host.name} is not paused: {host.agent('status').stdout}")
