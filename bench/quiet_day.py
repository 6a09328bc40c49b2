"""A host with the default configuration: an hour in which nothing happens, and a day of ordinary use.

    make quiet-day        (or: python bench/quiet_day.py --idle-minutes 5)

Boots a real Debian in a container, with the agent as installed, and does in minutes what happens on a host in a day:
every timer fires, cron's jobs run, logs are rotated, packages are installed, upgraded and removed, a
person logs in, a service is restarted, the host reboots. Prints what `sts-agent log` shows afterwards. Where the idle stretch is
shorter than an hour it stands for one: after it all that a timer would start in an hour is started by hand.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PACKAGES = ("cron", "logrotate", "man-db", "rsyslog", "unattended-upgrades")
HOURLY = "run-parts /etc/cron.hourly; systemctl start systemd-tmpfiles-clean.service"
TIMERS = """\
systemctl list-timers --all --no-legend --plain | grep -o '[^ ]*\\.timer' | sort -u | while read -r timer; do
    unit=$(systemctl show --value --property=Unit "$timer")
    timeout 60 systemctl start "$unit" || true
    echo "$unit"
done
"""
APT = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y"
DAY: tuple[tuple[str, str], ...] = (
    ("every timer fires, as each does once a day or a week", TIMERS),
    (
        "apt looks for news and upgrades by itself",
        "timeout 90 systemctl start apt-daily.service apt-daily-upgrade.service",
    ),
    ("cron's daily and weekly jobs", "run-parts /etc/cron.daily; run-parts /etc/cron.weekly || true"),
    ("logs are rotated by force", "logrotate --force /etc/logrotate.conf"),
    (
        "two packages are installed, one with a service",
        f"{APT} install /root/tool_1.0.deb /root/served_1.0.deb",
    ),
    ("both are upgraded", f"{APT} install /root/tool_1.1.deb /root/served_1.1.deb"),
    (
        "a person runs a command as another user",
        "runuser -l www-data -s /bin/sh -c true; su -s /bin/sh nobody -c true",
    ),
    ("a transient unit does its work", "systemd-run --quiet --wait /bin/true"),
    (
        "nginx is started, reloaded, restarted",
        "systemctl start nginx; systemctl reload nginx; systemctl restart nginx",
    ),
    ("systemd reads its units again, and itself", "systemctl daemon-reload; systemctl daemon-reexec"),
    ("a daemon is told to reopen its log", "systemctl kill --signal=HUP rsyslog.service"),
    ("a package is removed", f"{APT} purge tool"),
)
AFTER_REBOOT = ("the host reboots", "systemctl is-system-running --wait || true")


HEADER = (
    "# A quiet day",
    "",
    "What a person sees of a Debian host on which the agent runs with its default configuration, no conf.d: the output of",
    "`sts-agent log`, cut at what was done in between. Made by `bench/quiet_day.py --markdown docs/quiet-day.md` on a booted host:",
    "`make quiet-day` leaves the host alone for five minutes, `--idle-minutes 60` for a real hour.",
    "",
    "What to read in it: every line is something that somebody did or would ask about. Timers, cron's jobs, rotation of logs,",
    "logins, transient units and reloads of the manager leave none, unless they fail. The first boot that the agent sees is learnt",
    "without a word, later ones are told. The two services of the last lines were started by hand and are not enabled, so nothing",
    "brought them back: it is what one wants to know after a reboot.",
)


def prepare(host: Any) -> None:
    """Put what the day needs onto a host that is off."""
    for name, service in (("tool", False), ("served", True)):
        for version in ("1.0", "1.1"):
            _deb(host, name, version, service=service)


def _deb(host: Any, name: str, version: str, *, service: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        tree.chmod(0o755)
        control = tree / "DEBIAN"
        control.mkdir(mode=0o755)
        (control / "control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <n@example.com>\n"
            "Description: an example\n"
        )
        if service:
            units = tree / "lib/systemd/system"
            units.mkdir(parents=True)
            (units / f"{name}.service").write_text("[Service]\nExecStart=/bin/sleep infinity\n")
            script = control / "postinst"
            script.write_text(f"#!/bin/sh\nsystemctl daemon-reload\nsystemctl restart {name}.service\n")
            script.chmod(0o755)
        target = host.path(f"/root/{name}_{version}.deb")
        command = ["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, target]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def log(host: Any, *arguments: str) -> list[str]:
    """Return the lines of `sts-agent log`, as a person sees them."""
    host.catch_up()
    lines = host.agent("log", "-n", "1000", *arguments).stdout.splitlines()
    return [line for line in lines if "MarkEvent" not in line]


def main() -> None:
    """Live through the day and show what was told of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--idle-minutes", type=float, default=5, help="how long nothing is done: %(default)s")
    parser.add_argument("--markdown", type=Path, help="write the list here as well")
    options = parser.parse_args()
    sys.path.append(str(Path(__file__).parents[1] / "tests/host"))
    from harness import image
    from harness.host import Host, agent_layer
    from harness.receiver import Receiver

    if reason := image.missing():
        raise SystemExit(f"needs a booted host: {reason} (make test-deps, as root)")
    base = image.base(PACKAGES)
    receiver = Receiver()
    host = Host([agent_layer(base), base], receiver)
    out = [*HEADER]

    def say(line: str = "") -> None:
        out.append(line)
        print(line, flush=True)

    seen = 0

    def told(title: str) -> None:
        nonlocal seen
        lines = log(host)
        say(f"\n{title}:\n")
        say("```text")
        for line in lines[seen:] or ["(nothing)"]:
            say(line)
        say("```")
        seen = len(lines)

    try:
        prepare(host)
        host.boot()
        host.wait_in_log("AgentStartedEvent")
        told("The host is switched on")
        time.sleep(60 * options.idle_minutes)
        host.shell(HOURLY)
        told(f"{options.idle_minutes:g} minutes pass, then all that an hour starts is started by hand")
        for title, script in DAY:
            done = host.run("sh", "-c", script, check=False, timeout_seconds=300)
            which = f" ({', '.join(done.stdout.split())})" if script == TIMERS else ""
            time.sleep(5)
            told(title[0].upper() + title[1:] + which)
        host.reboot()
        host.shell(AFTER_REBOOT[1])
        time.sleep(5)
        told("The host reboots")
    finally:
        host.close()
        receiver.go_away()
    if options.markdown:
        options.markdown.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
