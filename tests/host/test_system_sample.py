"""What an installed host watches before anybody has configured anything: packaging/conf.d/system.yaml."""

import pytest
from harness.files import CHANGED
from harness.host import CHECKOUT

pytestmark = pytest.mark.every_debian

SAMPLE = (CHECKOUT / "packaging/conf.d/system.yaml").read_text()

CHANGES = {
    "/etc/ssh/sshd_config.d/10-mine.conf": "echo 'PermitRootLogin no' > {}",
    "/etc/sudoers.d/team": "install -m 0440 /dev/null {0}; echo 'alice ALL=(ALL) NOPASSWD: /bin/s3cr3t-tool' > {0}",
    "/etc/cron.d/backup": "echo '5 3 * * * root backup --password s3cr3t-pass' > {}",
    "/etc/systemd/system/app.service": "printf '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' > {}",
    "/etc/systemd/system/multi-user.target.wants/app.service": "systemctl --quiet enable app.service",
    "/etc/hosts": "echo '10.0.0.9 db-01' >> {}",
    "/etc/fstab": "echo '# mounts of the team' >> {}",
    "/etc/resolv.conf": "echo 'nameserver 10.0.0.53' > {0}.new; cat {0}.new > {0}; rm {0}.new",
    "/etc/apt/sources.list.d/mine.list": "echo 'deb https://me:s3cr3t-word@deb.example.com/ stable main' > {}",
}


def test_what_every_host_has_is_told_once_without_a_secret_and_a_quiet_host_tells_nothing(host):
    host.write("/etc/sts-agent/conf.d/system.yaml", SAMPLE)
    host.write("/etc/resolv.conf", "nameserver 10.0.0.1\n")
    for directory in ("/etc/cron.d", "/etc/sudoers.d", "/etc/ssh/sshd_config.d"):
        host.path(directory).mkdir(parents=True, exist_ok=True)
    host.boot()
    status = "/opt/sts-agent/bin/sts-agent status --json"
    host.shell(f"until {status} | grep -q 'watching [0-9]* files'; do sleep 0.1; done")
    host.run("systemctl", "daemon-reload")
    host.shell("cp /etc/resolv.conf /tmp/same; cat /tmp/same > /etc/resolv.conf; touch /etc/hosts")
    host.shell("echo x > /etc/cron.d/.job.swp; rm /etc/cron.d/.job.swp; touch /etc/cron.d/job.dpkg-new")
    host.catch_up()
    assert host.receiver.of_type(CHANGED) == []
    for path, change in CHANGES.items():
        host.shell(change.format(path))
        host.receiver.wait_for_event(CHANGED, path=path)
    host.catch_up()
    told = host.receiver.of_type(CHANGED)
    assert sorted(event["context"]["data"]["path"] for event in told) == sorted(CHANGES)
    assert "s3cr3t" not in str(told)
    by_path = {event["context"]["data"]["path"]: event for event in told}
    assert "db-01" in by_path["/etc/hosts"]["context"]["data"]["diff"]
    assert "10.0.0.53" in by_path["/etc/resolv.conf"]["context"]["data"]["diff"]
