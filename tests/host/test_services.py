"""Services of a real systemd: each fact told once, whatever happens around it."""

import pytest
from harness.services import FAILED, FLAPPING, RELOADED, SLEEP, STARTED, STOPPED, Watched
from harness.watcher import UNIT as WATCHER
from harness.watcher import watch

pytestmark = pytest.mark.every_debian


@pytest.fixture
def off(host):
    watch(host, "services")
    return Watched(host)


@pytest.fixture
def watched(off):
    off.boot()
    return off


def test_the_first_boot_tells_nothing(watched):
    assert watched.told() == []


def test_start_reload_stop_and_kill_are_told_with_what_systemd_says_of_them(watched):
    watched.unit("a.service", SLEEP)
    watched.run("systemctl daemon-reload; systemctl start a")
    invocation, pid = watched.prop("a.service", "InvocationID"), int(watched.prop("a.service", "MainPID"))
    watched.run("systemctl reload a; systemctl restart a; systemctl kill -s KILL a")
    assert watched.told() == [
        (STARTED, "a.service"),
        (RELOADED, "a.service"),
        (STOPPED, "a.service"),
        (STARTED, "a.service"),
        (FAILED, "a.service"),
    ]
    started = watched.host.receiver.of_type(STARTED, unit="a.service")[0]
    assert started["context"]["data"] == {
        "unit": "a.service",
        "state": "active",
        "sub_state": "running",
        "invocation_id": invocation,
        "main_pid": pid,
        "origin": "unknown",  # systemd does not say who asked
    }
    assert started["context"]["source_identifier"] == f"{invocation}:started"
    since = watched.run(f'date -d "$(systemctl show -P ActiveEnterTimestamp {WATCHER})" +%s')
    assert started["timestamp"] >= int(since)
    failed = watched.data(FAILED, "a.service")
    assert (failed["result"], failed["signal"], failed["restarts"]) == ("signal", "SIGKILL", 0)


DEB = """
    mkdir -p /root/pkg/DEBIAN /root/pkg/lib/systemd/system
    printf '[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n' > /root/pkg/lib/systemd/system/packed.service
    printf 'Package: packed\nVersion: 2\nArchitecture: all\nMaintainer: n <n@example.com>\n' > /root/pkg/DEBIAN/control
    echo 'Description: made for a test' >> /root/pkg/DEBIAN/control
    printf '#!/bin/sh\ndeb-systemd-helper enable packed.service\nsystemctl daemon-reload\n' > /root/pkg/DEBIAN/postinst
    echo deb-systemd-invoke start packed.service >> /root/pkg/DEBIAN/postinst
    chmod 0755 /root/pkg/DEBIAN/postinst
    dpkg-deb -Znone --root-owner-group --build /root/pkg /root/packed.deb >&2
    dpkg --install /root/packed.deb >&2
"""


def test_each_says_whose_doing_it_was_as_far_as_systemd_or_the_log_of_packages_does(watched):
    watched.unit("dep.service", SLEEP)
    watched.unit("needy.service", "[Unit]\nRequires=dep.service\nAfter=dep.service\n" + SLEEP)
    watched.unit("tick.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
    watched.unit("tick.timer", "[Timer]\nOnActiveSec=1ms\nAccuracySec=1ms\n")
    watched.unit("again.service", SLEEP + "Restart=always\nRestartSec=1ms\n")
    watched.run("systemctl daemon-reload")
    watched.told()  # else a start may be over when everything has been compared
    watched.run("systemctl start needy; systemctl reload needy; systemctl stop dep")
    watched.run("systemctl start tick.timer again; systemctl kill -s KILL again" + DEB)
    watched.told()
    told = [(event["event_type"], event["context"]["data"]) for event in watched.host.receiver.events]
    origins = [
        (kind, data["unit"], data["origin"], data.get("origin_unit") or data.get("origin_name"))
        for kind, data in told
        if not data["unit"].startswith("mark-")
    ]
    assert sorted(origins, key=str) == sorted(
        [
            (STARTED, "dep.service", "dependency", "needy.service"),
            (STARTED, "needy.service", "unknown", None),
            (RELOADED, "needy.service", "unknown", None),
            (STOPPED, "needy.service", "dependency", "dep.service"),
            (STOPPED, "dep.service", "unknown", None),
            (FAILED, "tick.service", "timer", "tick.timer"),
            (STARTED, "again.service", "unknown", None),
            (FAILED, "again.service", "unknown", None),
            (STARTED, "again.service", "manager", None),
            (STARTED, "packed.service", "package", "packed 2"),
        ],
        key=str,
    )


def test_an_exit_status_and_a_failed_dependency_are_told(watched):
    watched.unit("bad.service", "[Service]\nExecStart=/bin/sh -c 'exit 3'\nType=oneshot\n")
    watched.unit("needy.service", "[Unit]\nRequires=bad.service\nAfter=bad.service\n" + SLEEP)
    watched.run("systemctl daemon-reload; systemctl start needy || true")
    assert sorted(watched.told()) == [(FAILED, "bad.service"), (FAILED, "needy.service")]
    assert watched.data(FAILED, "bad.service")["exit_code"] == 3
    assert watched.data(FAILED, "needy.service")["result"] == "dependency"


def test_a_command_that_fails_beside_the_main_process_is_told_with_its_status(watched):
    watched.unit("pre.service", "[Service]\nExecStartPre=/bin/sh -c 'exit 7'\nExecStart=/bin/sleep 1000\n")
    watched.unit("re.service", "[Service]\nExecStart=/bin/sleep 1000\nExecReload=/bin/sh -c 'kill -9 $$$$'\n")
    watched.run("systemctl daemon-reload; systemctl start pre re || true; systemctl reload re || true")
    assert (FAILED, "pre.service") in watched.told()
    data = watched.data(FAILED, "pre.service")
    assert (data["result"], data["exit_code"]) == ("exit-code", 7)
    data = watched.data(FAILED, "re.service")
    assert (data["state"], data["result"], data["signal"]) == ("active", "signal", "SIGKILL")


def test_services_that_live_for_a_moment_are_not_missed(watched):
    watched.run("for n in $(seq 100); do systemd-run --quiet --unit=brief-$n /bin/true; done")
    told = watched.told()
    for number in range(1, 101):
        of_this = [kind for kind, unit in told if unit == f"brief-{number}.service"]
        assert of_this == [STARTED, STOPPED]


def test_five_hundred_services_started_at_once_and_stopped_at_once_are_not_missed(watched):
    watched.unit("many@.service", "[Service]\nExecStart=/bin/sleep 1000\n")
    watched.run("systemctl daemon-reload")
    names = [f"many@{number}.service" for number in range(500)]
    for verb, kind in (("start", STARTED), ("stop", STOPPED)):
        watched.run(f"systemctl {verb} {' '.join(names)}", timeout_seconds=300)
        told = watched.told()
        assert sorted(unit for what, unit in told if what == kind) == sorted(names)
    assert len(told) == 1000


def test_a_crash_loop_is_one_flapping_event_and_its_end(watched):
    watched.unit("loop.service", "[Service]\nExecStart=/bin/false\nRestart=always\n")
    watched.run("systemctl daemon-reload; systemctl start loop")
    watched.host.receiver.wait_for_event(FAILED, unit="loop.service", gave_up=True)
    told = watched.told_of("loop.service")
    assert told == [STARTED, FAILED, STARTED, FAILED, STARTED, FLAPPING, FAILED]
    flapping = watched.data(FLAPPING, "loop.service")
    assert flapping["count"] == 3
    assert 0 < flapping["window_seconds"] < 60
    [last] = watched.host.receiver.of_type(FAILED, unit="loop.service", gave_up=True)
    assert last["context"]["data"]["restarts"] == 5


def test_an_endless_crash_loop_is_one_flapping_event(watched):
    watched.unit(
        "loop.service",
        "[Unit]\nStartLimitIntervalSec=0\n"
        "[Service]\nExecStart=/bin/sh -c 'echo >> /root/runs'\nRestart=always\nRestartSec=1ms\n",
    )
    watched.run("systemctl daemon-reload; systemctl start loop")
    watched.run("until [ $(wc -l < /root/runs) -gt 50 ]; do :; done")
    watched.run("systemctl stop loop")
    told = watched.told_of("loop.service")
    assert told.count(FLAPPING) == 1
    assert len(told) <= 8


def test_oneshots_and_what_a_timer_runs_are_told_only_when_they_fail(watched):
    watched.unit("fine.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
    watched.unit("stays.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n")
    watched.unit(
        "tick.service",
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c 'echo >> /root/ticks; exec test ! -e /root/break'\n",
    )
    watched.unit("tick.timer", "[Timer]\nOnActiveSec=1ms\nOnUnitActiveSec=50ms\nAccuracySec=1ms\n")
    watched.run(
        "systemctl daemon-reload; systemctl start fine stays; systemctl stop stays; systemctl start tick.timer"
    )
    watched.run("until [ $(wc -l < /root/ticks) -gt 5 ]; do :; done")
    assert watched.told() == []
    watched.run(
        "touch /root/break; until systemctl is-failed tick >/dev/null; do :; done; systemctl stop tick.timer"
    )
    assert set(watched.told()) <= {(FAILED, "tick.service"), (FLAPPING, "tick.service")}
    assert watched.host.receiver.of_type(FAILED, unit="tick.service")[0]["context"]["data"]["exit_code"] == 1


def test_what_dbus_starts_for_a_moment_and_scopes_of_systemd_run_are_not_told(watched):
    for name, ask in (("hostnamed", "hostnamectl"), ("timedated", "timedatectl"), ("localed", "localectl")):
        watched.run(f"{ask}; systemctl is-active systemd-{name}; systemctl stop systemd-{name}")
    watched.run("systemd-run --quiet --wait /bin/true")
    assert watched.told() == []


def test_reload_reexec_and_a_dbus_restart_are_survived_and_tell_nothing_twice(watched):
    watched.unit("a.service", SLEEP)
    watched.unit("bad.service", "[Service]\nExecStart=/bin/false\n")
    watched.run("systemctl daemon-reload; systemctl start a bad")
    assert sorted(watched.told()) == [
        (FAILED, "bad.service"),
        (STARTED, "a.service"),
        (STARTED, "bad.service"),
    ]
    for disturb in ("daemon-reload", "daemon-reexec", "daemon-reload"):
        watched.run(f"systemctl {disturb}")
        before = len(watched.told())
        watched.run("systemctl restart a")
        assert watched.told()[before:] == [(STOPPED, "a.service"), (STARTED, "a.service")]
    watched.run("systemctl restart dbus")
    watched.host.receiver.wait_for_event(STARTED, unit="dbus.service")
    before = len(watched.told_of("a.service"))
    watched.run("systemctl restart a")
    assert watched.told_of("a.service")[before:] == [STOPPED, STARTED]
    assert watched.told_of("bad.service") == [STARTED, FAILED]


def test_units_that_are_added_and_removed_are_followed(watched):
    for _ in range(2):
        watched.unit("new.service", SLEEP)
        watched.run("systemctl daemon-reload; systemctl start new; systemctl stop new")
        watched.run("rm /etc/systemd/system/new.service; systemctl daemon-reload")
    assert watched.told() == [(STARTED, "new.service"), (STOPPED, "new.service")] * 2


def test_what_happened_while_nobody_watched_is_told_late_and_once(watched):
    for name in ("stays", "goes", "again"):
        watched.unit(f"{name}.service", SLEEP)
    watched.unit("bad.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
    watched.run("systemctl daemon-reload; systemctl start stays goes again")
    assert len(watched.told()) == 3
    before = len(watched.host.receiver.events)
    watched.run(
        f"systemctl stop {WATCHER}; systemctl stop goes; systemctl restart again; systemctl start bad || true"
    )
    watched.run(f"systemctl start {WATCHER}")
    told = watched.told()
    assert sorted(told[3:]) == [
        (FAILED, "bad.service"),
        (STARTED, "again.service"),
        (STOPPED, "again.service"),
        (STOPPED, "goes.service"),
    ]
    for event in watched.host.receiver.events[before:]:
        late = event["context"]["data"].get("while_agent_down", False)
        assert late is (not event["context"]["data"]["unit"].startswith(("mark-", "stays")))
    watched.run(f"systemctl restart {WATCHER}")
    assert watched.told() == told


def test_a_reboot_tells_what_did_not_come_back_and_nothing_else(off):
    off.unit("enabled.service", SLEEP + "[Install]\nWantedBy=multi-user.target\n")
    off.unit("by-hand.service", SLEEP)
    off.unit(
        "breaks.service",
        "[Service]\nExecStart=/bin/sh -c 'test ! -e /root/break && exec sleep 1000'\n"
        "[Install]\nWantedBy=multi-user.target\n",
    )
    off.boot()
    off.run("systemctl enable --quiet --now enabled breaks; systemctl start by-hand; touch /root/break")
    before = off.told()
    invocation = off.prop("by-hand.service", "InvocationID")
    off.host.reboot()
    off.host.receiver.wait_for_event(STOPPED, unit="by-hand.service")
    assert sorted(off.told()[len(before) :]) == [(FAILED, "breaks.service"), (STOPPED, "by-hand.service")]
    data = off.data(STOPPED, "by-hand.service")
    assert (data["after_boot"], data["invocation_id"]) == (True, invocation)
    off.host.power_loss()
    off.host.boot()
    off.host.receiver.wait_for(lambda _: len(off.host.receiver.of_type(FAILED, unit="breaks.service")) == 2)
    assert off.told()[len(before) + 2 :] == [(STARTED, "breaks.service"), (FAILED, "breaks.service")]


def test_entries_of_the_configuration_choose_the_units(host):
    watch(host, "services", {"units": ("a*", "mark-*"), "exclude": ("ab*",)})
    watched = Watched(host)
    for name in ("aa", "ab", "b"):
        watched.unit(f"{name}.service", SLEEP)
    watched.boot()  # what starts while the first boot goes on is the first sight, and no news
    watched.run("systemctl start ab b aa")
    assert watched.told() == [(STARTED, "aa.service")]


def test_a_host_without_systemd_as_its_init_has_nothing_to_watch(host):
    script = (
        "import sys\nfrom collectors.collector import NotApplicable\n"
        "from collectors.services import Services\n"
        "try:\n    Services([]).run(None)\nexcept NotApplicable as error:\n    print(error)\n"
    )
    done = host.run_without_init("/opt/sts-agent/bin/python", "-c", script)
    assert done.stdout == "systemd does not run this host\n"


def test_a_users_own_agent_watches_the_services_of_that_user(new_host):
    host = new_host(packages=("dbus-user-session",))
    watch(host, "services", unit_directory="/home/anna/.config/systemd/user", target="default.target")
    host.write("/home/anna/.config/systemd/user/desk.service", SLEEP)
    host.boot()
    host.shell("useradd anna --home /home/anna; chown -R anna: /home/anna")
    # logind asks for the cgroup of who asks, and that of our shell is out here.
    host.run("systemd-run", "--quiet", "--wait", "loginctl", "enable-linger", "anna")
    host.shell("until systemctl is-active --quiet user@1000; do :; done")
    user = "systemctl --user --machine=anna@.host"
    host.shell(f"{user} is-system-running --quiet --wait || true")
    host.shell(f"{user} start desk; {user} kill -s KILL desk")
    host.receiver.wait_for_event(FAILED, unit="desk.service")
    assert [
        (event["event_type"], event["context"]["data"]["unit"], event["context"]["data"]["manager"])
        for event in host.receiver.events
    ] == [(STARTED, "desk.service", "user"), (FAILED, "desk.service", "user")]


def test_the_last_log_lines_of_a_failure_go_with_it_where_asked_for_and_without_secrets(host):
    watch(host, "services", {"units": ["*"], "log_lines": 2}, more="SupplementaryGroups=systemd-journal")
    watched = Watched(host)
    watched.boot()
    script = "for n in 1 2 3; do echo line $n; done; echo password=hunter2hunter2; exit 1"
    watched.unit("bad@.service", f"[Service]\nExecStart=/bin/sh -c '{script}'\n")
    # The journal learns the run of a process only while it lives, and these live for a moment.
    for unit in [f"bad@{number}.service" for number in range(12)]:
        watched.run(f"systemctl start {unit}")
        watched.host.receiver.wait_for_event(FAILED, unit=unit)
        lines = watched.data(FAILED, unit)["log"].splitlines()
        assert lines[0] == "line 3"
        assert lines[1].startswith("password=<masked:")
