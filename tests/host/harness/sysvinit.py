"""A Debian whose init is sysvinit: no systemd, no logind, no journal.

Nothing here comes from `packaging/install`, which needs systemd: the agent is laid down as its operator would.
"""

from pathlib import Path

READY_SOCKET = "/opt/ready"
"""Where the machine that runs the tests hears that the host is up: this init tells nobody."""

_INITTAB = """\
id:2:initdefault:
si::sysinit:/etc/init.d/rcS
l0:0:wait:/etc/init.d/rc 0
l2:2:wait:/etc/init.d/rc 2
l6:6:wait:/etc/init.d/rc 6
up:2:wait:/usr/local/sbin/tell-ready
"""

_TELL_READY = f"""\
#!/usr/bin/python3
import socket
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
    notices.sendto(b"READY=1", "{READY_SOCKET}")
"""

_RUN_AGENT = """\
#!/bin/sh
install -d -o sts-agent -g sts-agent /run/sts-agent
exec setpriv --reuid=sts-agent --regid=sts-agent --init-groups --reset-env /opt/sts-agent/bin/sts-agent run
"""

INSTALL = """\
python3 -m venv /opt/sts-agent
/opt/sts-agent/bin/pip install --quiet --no-index --find-links=/mnt/wheels /mnt/wheel/*.whl
useradd --system --home-dir=/var/lib/sts-agent --shell=/usr/sbin/nologin sts-agent
install -d /etc/sts-agent/conf.d
install -d -o sts-agent -g sts-agent -m 0710 /var/lib/sts-agent
echo "sa:2345:respawn:/usr/local/sbin/run-sts-agent" >> /etc/inittab
"""
"""Installs the wheel, with init itself to start the agent again."""


def settle(directory: Path) -> None:
    """Make a fresh root file system one that says when it is up, and can run an agent."""
    (directory / "etc/inittab").write_text(_INITTAB)
    for name, script in (("tell-ready", _TELL_READY), ("run-sts-agent", _RUN_AGENT)):
        path = directory / "usr/local/sbin" / name
        path.write_text(script)
        path.chmod(0o755)
