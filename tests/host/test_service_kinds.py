"""Services of every type, every way to fail, and what systemd does to them, on a booted host."""

from collections import Counter

import pytest
from harness.services import FAILED, RELOADED, SLEEP, STARTED, STOPPED, Watched
from harness.watcher import watch

pytestmark = pytest.mark.every_debian

OWNS_ITS_NAME = """\
import time
from jeepney import message_bus
from jeepney.io.blocking import open_dbus_connection
connection = open_dbus_connection("SYSTEM")
connection.send_and_get_reply(message_bus.RequestName("org.example.Bus"))
time.sleep(1000)
"""
MAY_OWN_IT = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root"><allow own="org.example.Bus"/></policy></busconfig>
"""

# What systemd-oomd leaves on a cgroup before it kills what is in it; the kernel's own counter needs a controller
# that not every machine gives its containers.
KILL_FOR_MEMORY = """\
python3 -c "import os; os.setxattr('/sys/fs/cgroup/system.slice/oom.service', 'user.oomd_ooms', b'1')"
systemctl kill --signal=KILL oom
"""

STATES = "systemctl show --all --property=Id,ActiveState,InvocationID 'many@*'"


@pytest.fixture
def watched(host):
    watch(host, "services")
    host.write("/root/bus.py", OWNS_ITS_NAME)
    host.write("/usr/share/dbus-1/system.d/bus.conf", MAY_OWN_IT)
    watched = Watched(host)
    watched.boot()
    return watched


def test_a_start_is_told_when_the_service_is_ready_whatever_type_it_is_of(watched):
    says_ready = "until [ -e /root/go ]; do sleep 0.1; done; systemd-notify --ready; exec sleep 1000"
    daemon = "sleep 1000 & echo $$! > /run/fork.pid"
    for name, lines in {
        "notify": f"Type=notify\nNotifyAccess=all\nExecStart=/bin/sh -c '{says_ready}'",
        "fork": f"Type=forking\nPIDFile=/run/fork.pid\nExecStart=/bin/sh -c '{daemon}'",
        "bus": "Type=dbus\nBusName=org.example.Bus\nExecStart=/opt/sts-agent/bin/python /root/bus.py\n"
        "[Install]\nWantedBy=multi-user.target",
        "exec": "Type=exec\nExecStart=/bin/sleep 1000",
        "of@": "ExecStart=/bin/sleep 1000",
    }.items():
        watched.unit(f"{name}.service", f"[Service]\n{lines}\n")
    watched.run("systemctl daemon-reload; systemctl enable --quiet bus; systemctl start --no-block notify")
    assert watched.told() == []
    watched.run("touch /root/go; systemctl start notify fork bus exec of@a of@b")
    names = ["bus", "exec", "fork", "notify", "of@a", "of@b"]
    assert sorted(watched.told()) == [(STARTED, f"{name}.service") for name in names]
    assert watched.data(STARTED, "fork.service")["main_pid"] == int(watched.host.read("/run/fork.pid"))
    watched.run("kill $(cat /run/fork.pid); systemctl stop of@a; systemctl kill --signal=KILL of@b bus")
    for name in ("of@b", "bus"):
        watched.host.receiver.wait_for_event(FAILED, unit=f"{name}.service", signal="SIGKILL")
    watched.host.receiver.wait_for_event(STOPPED, unit="fork.service")
    assert sorted(watched.told()[6:]) == [
        (FAILED, "bus.service"),
        (FAILED, "of@b.service"),
        (STOPPED, "fork.service"),
        (STOPPED, "of@a.service"),
    ]


def test_every_way_to_fail_is_told_once_with_the_result_that_systemd_gives_it(watched):
    ready = "NotifyAccess=all\nExecStart=/bin/sh -c 'systemd-notify --ready; exec sleep 1000'"
    ignores = "trap : TERM; touch /run/deaf; while :; do sleep 0.1; done"
    how = {
        "dog": (f"Type=notify\nWatchdogSec=300ms\n{ready}", "watchdog", "SIGABRT"),
        "slow": ("Type=notify\nTimeoutStartSec=300ms\nExecStart=/bin/sleep 1000", "timeout", "SIGTERM"),
        "short": ("RuntimeMaxSec=300ms\nExecStart=/bin/sleep 1000", "timeout", "SIGTERM"),
        "deaf": (f"TimeoutStopSec=300ms\nExecStart=/bin/sh -c '{ignores}'", "timeout", "SIGKILL"),
        "core": ("LimitCORE=infinity\nExecStart=/bin/sh -c 'kill -SEGV $$$$'", "", "SIGSEGV"),
        "oom": ("ExecStart=/bin/sleep 1000", "oom-kill", "SIGKILL"),
        "nobody": ("User=nosuchuser\nExecStart=/bin/sleep 1000", "exit-code", 217),
        "nothing": ("ExecStart=/nowhere", "exit-code", 203),
        "forks": ("Type=forking\nExecStart=/bin/sh -c 'exit 4'", "exit-code", 4),
        "posts": ("ExecStart=/bin/sleep 1000\nExecStartPost=/bin/sh -c 'exit 9'", "exit-code", 9),
        "stops": ("ExecStart=/bin/sleep 1000\nExecStop=/bin/sh -c 'exit 8'", "exit-code", 8),
        "after": ("ExecStart=/bin/sleep 1000\nExecStopPost=/bin/sh -c 'exit 6'", "exit-code", 6),
        "killed": ("ExecStart=/bin/sleep 1000\nExecStop=/bin/sh -c 'kill -KILL $$$$'", "signal", "SIGKILL"),
        "stays": (
            "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/sh -c 'exit 5'",
            "exit-code",
            5,
        ),
        "once": ("Type=oneshot\nExecStart=/bin/sh -c 'kill -TERM $$$$'", "signal", "SIGTERM"),
    }
    for name, (lines, _, _) in how.items():
        watched.unit(f"{name}.service", f"[Service]\n{lines}\n")
    watched.run(f"systemctl daemon-reload; systemctl start {' '.join(how)} 2>/dev/null || true")
    watched.run(
        f"{KILL_FOR_MEMORY}\nuntil [ -e /run/deaf ]; do sleep 0.05; done; systemctl stop deaf stops after killed stays"
    )
    for name, (_, result, last) in how.items():
        unit = f"{name}.service"
        watched.host.receiver.wait_for_event(FAILED, unit=unit)
        data = watched.data(FAILED, unit)
        assert data["result"] == (
            result or watched.prop(unit, "Result")
        )  # whether a core is left is the machine's choice
        assert [last] == [data[key] for key in ("signal", "exit_code") if key in data]
        assert data["restarts"] == 0
    told = watched.told()
    assert sorted(told) == sorted(
        [(FAILED, f"{name}.service") for name in how]
        + [
            (STARTED, f"{name}.service")
            for name in how
            if name not in {"slow", "forks", "posts", "stays", "once"}
        ]
    )


def test_each_start_of_a_service_that_systemd_starts_again_counts_whatever_its_restart_mode(watched):
    # 252 does not know RestartMode=, and says so in its log.
    modes = ("normal", "direct", "debug")
    for mode in modes:
        fails_twice = f"echo >> /root/{mode}; [ $(wc -l < /root/{mode}) -gt 2 ] || exit 5; exec sleep 1000"
        restart = f"Restart=on-failure\nRestartSec=300ms\nRestartSteps=2\nRestartMode={mode}"
        watched.unit(f"{mode}.service", f"[Service]\n{restart}\nExecStart=/bin/sh -c '{fails_twice}'\n")
    watched.run(f"systemctl daemon-reload; systemctl start {' '.join(modes)}")
    for mode in modes:
        unit = f"{mode}.service"
        watched.host.receiver.wait_for_event(STARTED, unit=unit, restarts=2)
        assert watched.told_of(unit) == [STARTED, FAILED, STARTED, FAILED, STARTED]
        failed = [event["context"]["data"] for event in watched.host.receiver.of_type(FAILED, unit=unit)]
        assert [(data["exit_code"], data["restarts"]) for data in failed] == [(5, 0), (5, 1)]
    watched.run(f"systemctl kill --signal=KILL {' '.join(modes)}")
    for mode in modes:
        watched.host.receiver.wait_for_event("ServiceFlappingEvent", unit=f"{mode}.service", count=3)


def test_a_unit_that_is_masked_or_renamed_while_it_runs_is_told_as_what_it_is(watched):
    for name in ("old", "masked"):
        watched.unit(f"{name}.service", SLEEP)
    watched.run("systemctl daemon-reload; systemctl start old masked")
    watched.run(
        "cd /etc/systemd/system; mv old.service new.service; rm masked.service; systemctl mask --quiet masked"
    )
    watched.run("systemctl daemon-reload; systemctl start new; systemctl stop old masked new")
    assert sorted(watched.told()) == sorted(
        (kind, f"{name}.service") for name in ("old", "masked", "new") for kind in (STARTED, STOPPED)
    )


def test_what_a_socket_starts_is_told_and_the_instances_that_it_starts_for_each_connection_are_not(watched):
    watched.unit("one.socket", "[Socket]\nListenStream=/run/one\n")
    watched.unit("one.service", SLEEP)
    watched.unit("each.socket", "[Socket]\nListenStream=/run/each\nAccept=yes\n")
    watched.unit("each@.service", "[Service]\nExecStart=/bin/true\nStandardInput=socket\n")
    watched.run("systemctl daemon-reload; systemctl start one.socket each.socket")
    connect = "import socket; socket.socket(socket.AF_UNIX).connect('/run/{}')"
    watched.run(f'python3 -c "{connect.format("one")}"; python3 -c "{connect.format("each")}"')
    watched.host.receiver.wait_for_event(STARTED, unit="one.service")
    watched.run("systemctl stop one.socket one.service")
    assert watched.told() == [(STARTED, "one.service"), (STOPPED, "one.service")]


@pytest.mark.parametrize("disturb", ["daemon-reexec", "daemon-reload", "restart dbus"])
def test_services_that_change_while_systemd_or_dbus_restarts_are_told_once_each(watched, disturb):
    def states():
        blocks = watched.run(STATES).strip().split("\n\n")
        lines = [dict(line.split("=", 1) for line in block.splitlines()) for block in blocks]
        return {one["Id"]: one["InvocationID"] for one in lines if one.get("ActiveState") == "active"}

    watched.unit("many@.service", SLEEP)
    watched.run("systemctl daemon-reload")
    watched.run("for n in $(seq 12); do systemctl start many@goes-$n many@again-$n; done")
    told, before = len(watched.told()), states()
    # systemctl loses its answer now and then; what was done is asked of systemd afterwards. While systemd is away
    # all would be lost within a moment: each round waits for it.
    watched.run(
        "(set +e; for n in $(seq 12); do until systemctl show-environment >/dev/null; do :; done;"
        " systemctl start many@comes-$n; systemctl stop many@goes-$n;"
        " systemctl restart many@again-$n; done) 2>/dev/null &"
        f" for n in 1 2; do sleep 0.1; systemctl {disturb} 2>/dev/null || true; done; wait"
    )
    heard, after = watched.told()[told:], states()
    expected = Counter((STARTED, unit) for unit, run in after.items() if before.get(unit) != run)
    expected += Counter((STOPPED, unit) for unit, run in before.items() if after.get(unit) != run)
    assert len(expected) > 30
    assert Counter(step for step in heard if step[1].startswith("many@")) == expected
    assert not [kind for kind, _ in heard if kind in {FAILED, RELOADED}]
