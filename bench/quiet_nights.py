"""What a Debian host tells of an ordinary night: upgrades by themselves, logs rotated, certificates renewed, its first boot from an image.

    make quiet-day        (or: python bench/quiet_nights.py --debian "Debian 13")

Boots Debian 12 and 13 in a container with the agent as installed and all of /etc watched, 400 units of its own enabled beside
what Debian brings, and a repository of its own, which apt reads from the disk: what apt upgrades there is small, and real.
Prints what `sts-agent log` shows after each thing that a night does.
"""

import time
from typing import Any

from repository import publish
from told import Told, agents_host, write_section

PACKAGES = (
    "certbot",
    "cloud-init",
    "cron",
    "logrotate",
    "man-db",
    "needrestart",
    "rsyslog",
    "unattended-upgrades",
)
REPOSITORY = "/srv/repository"
SERVICES, TIMERS = 320, 80
HEADING = "# Ordinary nights"
HEADER = (
    HEADING,
    "",
    "The same for what a host does by itself, on Debian 12 and 13, by `bench/quiet_nights.py`: all of /etc is watched (conf.d:",
    "`files: [{paths: ['/etc/**']}]`), 400 units are enabled beside Debian's own. The first boot is cloud-init's, from a seed of NoCloud.",
    "snap and flatpak have hosts of their own, below.",
)
CLOUD_CONFIG = """\
#cloud-config
ssh_pwauth: false
users:
  - name: anna
write_files:
  - path: /etc/motd
    content: |
      welcome
runcmd:
  - [sh, -c, "echo seeded > /etc/seeded"]
"""
NO_NETWORK = "network: {config: disabled}\ndatasource_list: [NoCloud]\n"
UPGRADES = """\
Unattended-Upgrade::Origins-Pattern { "origin=Night"; };
Unattended-Upgrade::Mail "";
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
"""
INIT_SCRIPT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides: initiated
# Required-Start: $remote_fs
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
"""
HOLDER = "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/libheld.so\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
RENEWED = """\
set -eu
live=/etc/letsencrypt/live/x.example archive=/etc/letsencrypt/archive/x.example
number=$1
mkdir -p "$live" "$archive" /etc/letsencrypt/renewal
openssl req -quiet -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=x.example -addext subjectAltName=DNS:x.example \
    -keyout "$archive/privkey$number.pem" -out "$archive/cert$number.pem" 2>/dev/null ||
openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=x.example -addext subjectAltName=DNS:x.example \
    -keyout "$archive/privkey$number.pem" -out "$archive/cert$number.pem" 2>/dev/null
cp "$archive/cert$number.pem" "$archive/chain$number.pem"
cat "$archive/cert$number.pem" "$archive/chain$number.pem" > "$archive/fullchain$number.pem"
{
    printf 'version = 2.1.0\narchive_dir = %s\n' "$archive"
    for name in cert privkey chain fullchain; do
        ln -sfn "../../archive/x.example/$name$number.pem" "$live/$name.pem"
        printf '%s = %s/%s.pem\n' "$name" "$live" "$name"
    done
    printf '[renewalparams]\naccount = 0\nauthenticator = standalone\nserver = https://acme.example/directory\n'
} > /etc/letsencrypt/renewal/x.example.conf.new
mv /etc/letsencrypt/renewal/x.example.conf.new /etc/letsencrypt/renewal/x.example.conf
[ "$number" = 1 ] || run-parts /etc/letsencrypt/renewal-hooks/deploy
"""
"""What certbot leaves behind when a certificate is renewed: no authority is asked here, so it is done in its place."""
NIGHT: tuple[tuple[str, str], ...] = (
    (
        "apt looks for news and unattended-upgrades installs them; needrestart restarts what uses the old library",
        "timeout 200 systemctl start apt-daily.service apt-daily-upgrade.service",
    ),
    (
        "a package with a script for init is installed",
        "DEBIAN_FRONTEND=noninteractive apt-get -qq -y install initiated",
    ),
    (
        "a certificate of its own is trusted",
        "cp /etc/letsencrypt/live/x.example/cert.pem /usr/local/share/ca-certificates/x.crt; update-ca-certificates",
    ),
    (
        "logs are rotated, by the timer and by force",
        "systemctl start logrotate.service; logrotate --force /etc/logrotate.conf",
    ),
    ("certbot's timer fires, and nothing is due", "systemctl start certbot.service"),
    ("a certificate was renewed, and a hook has nginx read it", "sh /root/renewed 2"),
    (
        "every timer fires",
        """systemctl list-timers --all --no-legend --plain | grep -o '[^ ]*[.]timer' | sort -u | while read -r timer; do
            timeout 60 systemctl start "$(systemctl show --value --property=Unit "$timer")" || true
        done""",
    ),
    ("cron's daily and weekly jobs", "run-parts /etc/cron.daily; run-parts /etc/cron.weekly || true"),
)


def main() -> None:
    """Live through a night on each Debian and show what was told of it."""
    write_section(__doc__, HEADING, HEADER, _night)


def _night(debian: Any) -> list[str]:
    """Live through a night on one kind of Debian; return what was told, as Markdown."""
    with agents_host(PACKAGES, debian) as host:
        told = Told(host)
        prepare(host)
        host.boot()
        host.run("cloud-init", "status", "--wait", check=False, timeout_seconds=120)
        host.wait_until_watching("files", "services", "packages")
        told.since("the host is switched on for the first time, and cloud-init makes it its own")
        _publish(host, "2")
        for title, script in NIGHT:
            host.run("sh", "-c", script, check=False, timeout_seconds=300)
            time.sleep(8)
            told.since(title)
        host.reboot()
        host.shell("systemctl is-system-running --wait || true")
        time.sleep(5)
        told.since("the host reboots")
    return told.out


def prepare(host: Any) -> None:
    """Put what the night needs onto a host that is off, as somebody would who made an image of it."""
    host.write("/etc/sts-agent/conf.d/etc.yaml", "files:\n  - paths: ['/etc/**']\n")
    host.write("/var/lib/cloud/seed/nocloud/meta-data", "instance-id: i-1\nlocal-hostname: edge-01\n")
    host.write("/var/lib/cloud/seed/nocloud/user-data", CLOUD_CONFIG)
    host.write("/etc/cloud/cloud.cfg.d/99-night.cfg", NO_NETWORK)
    host.write("/etc/apt/apt.conf.d/52night", UPGRADES)
    host.write("/etc/apt/sources.list", f"deb [trusted=yes] file:{REPOSITORY} ./\n")
    host.write("/etc/needrestart/conf.d/night.conf", "$nrconf{restart} = 'a';\n$nrconf{kernelhints} = 0;\n")
    host.write(
        "/etc/letsencrypt/renewal-hooks/deploy/nginx", "#!/bin/sh\nsystemctl reload nginx\n", mode=0o755
    )
    host.write("/root/renewed", RENEWED)
    host.prepare("sh", "/root/renewed", "1")
    _publish(host, "1")
    host.prepare("sh", "-c", f"rm {REPOSITORY}/initiated_1.deb; dpkg -i {REPOSITORY}/*_1.deb")
    names = []
    for number in range(SERVICES):
        names.append(f"night{number}.service")
        host.write(f"/etc/systemd/system/{names[-1]}", _unit(number))
    for number in range(TIMERS):
        names.append(f"nightly{number}.timer")
        host.write(
            f"/etc/systemd/system/nightly{number}.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n"
        )
        host.write(
            f"/etc/systemd/system/{names[-1]}",
            f"[Timer]\nOnCalendar=*-*-* 0{number % 10}:{number % 60:02}\n[Install]\nWantedBy=timers.target\n",
        )
    host.prepare("systemctl", "--quiet", "enable", "nginx.service", *names)


def _unit(number: int) -> str:
    kind = (
        "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true"
        if number % 4
        else "ExecStart=/bin/sleep infinity"
    )
    return f"[Service]\n{kind}\n[Install]\nWantedBy=multi-user.target\n"


def _publish(host: Any, version: str) -> None:
    """Put a version of the packages into the repository, and nothing else."""
    library = next(host.path("/usr/lib").rglob("libz.so.1.*")).read_bytes()
    trees: dict[str, dict[str, bytes]] = {
        "tool": {"usr/bin/tool": f"#!/bin/sh\necho {version}\n".encode()},
        "configured": {
            f"etc/configured/{part}.conf": f"version = {version}\n".encode() for part in ("a", "b", "c")
        },
        "libheld": {"usr/lib/libheld.so": library + version.encode()},
        "initiated": {"etc/init.d/initiated": INIT_SCRIPT.encode()},
        "holder": {
            "lib/systemd/system/holder.service": HOLDER.encode(),
            "usr/share/holder": version.encode(),
        },
    }
    publish(host.path(REPOSITORY), trees, version)


if __name__ == "__main__":
    main()
