"""The passing unit of the doctor has what the service's has, but for how that one starts and ends."""

from pathlib import Path

from agent.doctor.in_unit import passing_unit

CAT = """\
# /usr/lib/systemd/system/sts-agent.service
[Unit]
Description=x
StartLimitIntervalSec=0

[Service]
Type=notify
User=sts-agent
; a comment
ExecStart=/opt/sts-agent/bin/sts-agent \\
    run
Restart=always
ProtectSystem=strict
RuntimeDirectory=sts-agent
RuntimeDirectoryPreserve=restart

[Install]
WantedBy=multi-user.target

# /etc/systemd/system/sts-agent.service.d/x.conf
[Service]
AmbientCapabilities=
Environment="A=b c" \\
    D=e
"""


def lines():
    text = passing_unit(CAT, ["/usr/bin/python3", "-m", 'a "b" 100%'], Path("/run/out"))
    return text.splitlines()


def test_directives_come_in_their_order_from_unit_and_drop_ins_alike():
    assert [one for one in lines() if one.startswith(("User", "Protect", "Ambient", "Environment"))] == [
        "User=sts-agent",
        "ProtectSystem=strict",
        "AmbientCapabilities=",
        'Environment="A=b c"      D=e',
    ]


def test_it_runs_the_doctor_once_and_nothing_of_the_services_own():
    assert [
        one for one in lines() if one.startswith(("Exec", "Type", "Restart", "StartLimit", "WantedBy"))
    ] == [
        "Type=oneshot",
        'ExecStart="/usr/bin/python3" "-m" "a \\"b\\" 100%%"',
    ]


def test_the_services_runtime_directory_outlives_it():
    assert [one for one in lines() if one.startswith("RuntimeDirectoryPreserve")] == [
        "RuntimeDirectoryPreserve=yes"
    ]
