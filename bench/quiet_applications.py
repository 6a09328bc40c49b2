"""What a Debian host tells of applications that no package manager of Debian knows: flatpak's, and snap's as far as a container lets it.

    make quiet-day        (or: python bench/quiet_applications.py --debian "Debian 13")

Boots a Debian with flatpak and snapd, the agent as installed and all of /etc watched. Flatpak gets a repository of its own on the
disk, since no network is asked here; what it installs, updates by a timer and removes is small, and real. Prints what `sts-agent
log` shows after each, and what snap says where it cannot do its work.
"""

import time
from typing import Any

from told import Told, agents_host, write_section

PACKAGES = ("cron", "flatpak", "snapd")
HEADING = "# Applications from elsewhere"
HEADER = (
    HEADING,
    "",
    "Flatpak and snap, by `bench/quiet_applications.py`: all of /etc is watched. Flatpak installs for all users, from a repository on the disk, and is",
    "updated by a timer, as many set one up (Debian has none). Its applications are packages of no manager that the agent reads, and lie outside /etc, so",
    "their versions are not told. What snap says in a container stands where it fails: only snapd itself was seen, no snap.",
    "snapd that has no snap ends itself some seconds after each question, and its socket starts it again: that is told, as of any service.",
)
UPDATE = "[Service]\nType=oneshot\nExecStart=/usr/bin/flatpak update --system --assumeyes --noninteractive\n"
TIMER = "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n"
RUNTIME = "[Runtime]\nname=org.example.Platform\nruntime=org.example.Platform/x86_64/1\nsdk=org.example.Platform/x86_64/1\n"
APPLICATION = "[Application]\nname=org.example.App\nruntime=org.example.Platform/x86_64/1\ncommand=app\n"
EXPORT = """\
set -eu
cd /srv/flatpak
mkdir -p runtime/files runtime/usr application/files/bin application/export
cp /bin/sh runtime/files/
flatpak build-export --runtime repository runtime 1
echo "$1" > application/files/bin/app
flatpak build-export repository application 1
flatpak build-update-repo repository
flatpak remote-add --system --if-not-exists --no-gpg-verify night file:///srv/flatpak/repository
"""
SNAP = """\
set -eu
mkdir -p /srv/snap/meta
printf 'name: night\\nversion: 1\\nsummary: x\\ndescription: x\\nbase: bare\\n' > /srv/snap/meta/snap.yaml
cd /srv && snap pack snap . && snap install --dangerous /srv/night_1_all.snap
"""
STEPS: tuple[tuple[str, str], ...] = (
    ("an application is installed by flatpak", "flatpak install --system --assumeyes --noninteractive night org.example.App//1"),
    ("a new version lies in the repository, and the timer's service updates it", "sh /root/export 2 && systemctl start flatpak-update.service"),
    ("the timer's service finds nothing new", "systemctl start flatpak-update.service"),
    ("it is removed", "flatpak uninstall --system --assumeyes --noninteractive org.example.App"),
    ("snapd is asked which snaps there are", "snap list; sleep 20"),
    ("a snap is installed from a file", f"{SNAP}sleep 20"),
)  # fmt: skip


def main() -> None:
    """Live with both on each Debian and show what was told of it."""
    write_section(__doc__, HEADING, HEADER, _lived_through)


def _lived_through(debian: Any) -> list[str]:
    """Do each step on one kind of Debian; return what was told, as Markdown."""
    with agents_host(PACKAGES, debian) as host:
        told = Told(host)
        _prepare(host)
        host.boot()
        host.wait_until_watching("files", "services", "packages")
        time.sleep(20)  # snapd goes to sleep by then
        told.since("the host is switched on")
        host.run("sh", "/root/export", "1")
        for title, script in STEPS:
            said = host.run("sh", "-c", script, check=False, timeout_seconds=300)
            time.sleep(8)
            told.since(title)
            if said.returncode:
                told.out += ["", f"It did not succeed: `{' '.join(said.stderr.split())}`"]
    return told.out


def _prepare(host: Any) -> None:
    host.write("/etc/sts-agent/conf.d/etc.yaml", "files:\n  - paths: ['/etc/**']\n")
    host.write("/etc/systemd/system/flatpak-update.service", UPDATE)
    host.write("/etc/systemd/system/flatpak-update.timer", TIMER)
    host.write("/root/export", EXPORT)
    host.write("/srv/flatpak/runtime/metadata", RUNTIME)
    host.write("/srv/flatpak/application/metadata", APPLICATION)
    host.prepare("systemctl", "--quiet", "enable", "flatpak-update.timer")


if __name__ == "__main__":
    main()
