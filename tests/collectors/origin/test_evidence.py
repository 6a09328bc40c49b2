"""What the host says of who changed something, and what is decided from it: nothing that nothing says."""

import os
import sqlite3
import stat
import struct
import time
from contextlib import closing

import pytest

from collectors._origin.apt_history import parse_history
from collectors._origin.evidence import Origins
from collectors._origin.package_logs import parse_dnf_log, parse_dpkg_log
from collectors._origin.puppet_runs import is_puppet_apply, parse_report
from collectors._origin.sessions import parse_session, parse_utmp

NOBODY = {"origin": "unknown"}


@pytest.fixture
def root(tmp_path):
    for directory in ("var/log", "var/lib/dpkg/info", "run/systemd/sessions", "proc"):
        (tmp_path / directory).mkdir(parents=True)
    return tmp_path


def process(root, pid, *command):
    """Have a process run on the host below `root`."""
    directory = root / "proc" / str(pid)
    directory.mkdir()
    (directory / "cmdline").write_bytes(b"\0".join(map(str.encode, command)) + b"\0")


def found(root, path, at, *, is_recent=True):
    return Origins(root).of_file(path, at, is_recent=is_recent).as_data()


def by_package(version, **more):
    return {
        "origin": "package",
        "origin_how": "package-log",
        "origin_name": f"nginx {version}".rstrip(),
        **more,
    }


def test_a_host_without_any_of_these_files_knows_nothing(tmp_path):
    assert found(tmp_path, "/etc/x", 1000) == NOBODY


# --- dpkg

DPKG_LOG = """\
2026-11-20 12:00:00 startup archives unpack
2026-11-20 12:00:01 upgrade nginx:amd64 1.18.0-6 1.22.1-9
2026-11-20 12:00:02 status unpacked nginx:amd64 1.22.1-9
2026-11-20 12:00:02 status triggers-pending man-db:amd64 2.11
2026-11-20 12:00:13 configure nginx:amd64 1.22.1-9 <none>
2026-11-20 12:00:14 status installed nginx:amd64 1.22.1-9
"""


def at(clock):
    return time.mktime(time.strptime(f"2026-11-20 {clock}", "%Y-%m-%d %H:%M:%S"))


@pytest.fixture
def dpkg(root):
    (root / "var/log/dpkg.log").write_text(DPKG_LOG)
    (root / "var/lib/dpkg/info/nginx.list").write_text("/.\n/etc\n/etc/nginx\n/etc/nginx/nginx.conf\n")
    return root


def test_a_file_that_a_package_lists_and_its_transaction_touched_was_changed_by_it(dpkg):
    for clock in ("12:00:01", "12:00:08", "12:00:14"):
        assert found(dpkg, "/etc/nginx/nginx.conf", at(clock)) == by_package("1.22.1-9")


@pytest.mark.parametrize("clock", ["11:59:58", "12:00:17", "12:00:40", "13:00:00"])
def test_a_change_before_or_after_a_transaction_has_nothing_to_do_with_it(dpkg, clock):
    assert found(dpkg, "/etc/nginx/nginx.conf", at(clock)) == NOBODY


def test_of_two_transactions_close_together_the_one_of_that_time_is_named(dpkg):
    with (dpkg / "var/log/dpkg.log").open("a") as log:
        log.write("2026-11-20 12:00:20 upgrade nginx:amd64 1.22.1-9 1.24.0-1\n")
    for clock, version in (("12:00:03", "1.22.1-9"), ("12:00:20", "1.24.0-1")):
        assert found(dpkg, "/etc/nginx/nginx.conf", at(clock)) == by_package(version)


def test_a_removal_is_named_by_the_version_that_goes(dpkg):
    with (dpkg / "var/log/dpkg.log").open("a") as log:
        log.write("2026-11-20 12:30:00 remove nginx:amd64 1.22.1-9 <none>\n")
    assert found(dpkg, "/etc/nginx/nginx.conf", at("12:30:01")) == by_package("1.22.1-9")


def test_what_is_purged_keeps_the_version_that_it_had(dpkg):
    with (dpkg / "var/log/dpkg.log").open("a") as log:
        log.write(
            "2026-11-20 12:30:00 purge nginx:amd64 1.22.1-9 <none>\n"
            "2026-11-20 12:30:01 status config-files nginx:amd64 1.22.1-9\n"
            "2026-11-20 12:30:01 status not-installed nginx:amd64 <none>\n"
        )
    assert found(dpkg, "/etc/other", at("12:30:01"))["origin_name"] == "package nginx 1.22.1-9"


def test_a_transaction_whose_end_is_not_written_yet_goes_on_but_not_for_ever(dpkg):
    (dpkg / "var/log/dpkg.log").write_text(DPKG_LOG.partition("2026-11-20 12:00:13")[0])
    assert found(dpkg, "/etc/nginx/nginx.conf", at("12:00:30")) == by_package("1.22.1-9")
    assert found(dpkg, "/etc/nginx/nginx.conf", at("12:01:00")) == NOBODY


def test_a_file_that_no_package_lists_was_at_most_changed_during_a_transaction(dpkg):
    assert found(dpkg, "/etc/ld.so.cache", at("12:00:05")) == {
        "origin": "unknown",
        "origin_how": "package-log",
        "origin_name": "package nginx 1.22.1-9",
    }


APT_HISTORY = """
Start-Date: 2026-11-20  12:00:00
Commandline: /usr/bin/apt-get install -y nginx
Requested-By: alice (1000)
Upgrade: nginx:amd64 (1.18.0-6, 1.22.1-9)
End-Date: 2026-11-20  12:00:14

Start-Date: 2026-11-20  13:00:00
Commandline: /usr/bin/python3 /usr/bin/unattended-upgrade
Upgrade: curl:amd64 (1, 2)
"""


def test_apts_history_says_who_asked_for_a_transaction_and_with_what(dpkg):
    (dpkg / "var/log/apt").mkdir()
    (dpkg / "var/log/apt/history.log").write_text(APT_HISTORY)
    asked = by_package("1.22.1-9", origin_login_user="alice", origin_program="apt-get")
    assert found(dpkg, "/etc/nginx/nginx.conf", at("12:00:08")) == asked
    assert Origins(dpkg).of_package("nginx", "1.22.1-9", at("12:00:08")).as_data() == asked
    assert Origins(dpkg).of_package("nginx", "1.22.1-9", at("12:00:30")).as_data() == by_package("1.22.1-9")


def test_apts_history_is_read_as_it_is_written():
    first, second = parse_history(APT_HISTORY)
    assert (first.program, first.requested_by) == ("apt-get", "alice")
    assert (second.program, second.requested_by) == ("unattended-upgrade", "")
    assert second.ended > at("13:30:00"), "it goes on: nothing says that it has ended"
    assert list(parse_history("Start-Date: soon\n\nRequested-By: x\n\n\x00\nStart-Date: \n")) == []


def test_lines_of_dpkg_that_are_no_steps_are_left_out():
    assert [step.action for step in parse_dpkg_log(DPKG_LOG.splitlines())] == [
        "upgrade",
        "unpacked",
        "configure",
        "installed",
    ]


# --- rpm

DONE = 1795172401.0


@pytest.fixture
def dnf(root, tmp_path, monkeypatch):
    """Return a host with dnf's log, and an `rpm` that knows one file and counts how often it is asked."""
    done = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(DONE))
    (root / "var/log/dnf.rpm.log").write_text(f"{done} SUBDEBUG Upgrade: nginx-1:1.20-1.x86_64\n")
    program = tmp_path / "bin/rpm"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\necho asked >> {tmp_path}/asked\n"
        'for path; do :; done\n[ "$path" = /etc/nginx/nginx.conf ] && echo nginx || exit 1\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return root


def test_dnf_logs_are_read_with_their_offset():
    log = "2026-11-20T12:00:01+0100 SUBDEBUG Upgrade: nginx-1:1.20-1.x86_64\nother\n"
    (step,) = parse_dnf_log(log.splitlines())
    assert (step.package, step.action, step.time) == ("nginx-1:1.20-1.x86_64", "upgrade", DONE)


def test_a_file_that_rpm_says_a_package_of_the_log_owns_was_changed_by_it(dnf):
    assert found(dnf, "/etc/nginx/nginx.conf", DONE - 2) == by_package("1:1.20-1")


def test_a_file_that_no_package_of_the_log_owns_was_at_most_changed_during_a_transaction(dnf):
    assert found(dnf, "/etc/other", DONE)["origin_name"] == "package nginx 1:1.20-1"
    assert found(dnf, "/etc/other", DONE)["origin"] == "unknown"


def test_rpm_is_not_asked_when_the_log_has_nothing_at_that_time(dnf, tmp_path):
    assert found(dnf, "/etc/nginx/nginx.conf", DONE + 60) == NOBODY
    assert not (tmp_path / "asked").exists()


def test_an_rpm_that_is_not_there_or_hangs_owns_nothing(dnf, tmp_path, monkeypatch):
    (tmp_path / "bin/rpm").write_text("#!/bin/sh\nexec sleep 60\n")
    before = time.monotonic()
    assert found(dnf, "/etc/nginx/nginx.conf", DONE)["origin"] == "unknown"
    assert time.monotonic() - before < 10
    (tmp_path / "bin/rpm").unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert found(dnf, "/etc/nginx/nginx.conf", DONE)["origin"] == "unknown"


def history(path, *, command, user_id):
    words = "-y install nginx" if command == "cmdline" else "dnf -y install nginx"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE trans (id, dt_begin, dt_end, user_id, {command})")
        row = (1, int(DONE) - 5, int(DONE) + 1, user_id, words)
        database.execute("INSERT INTO trans VALUES (?, ?, ?, ?, ?)", row)


@pytest.mark.parametrize(
    ("place", "command", "program"),
    [
        ("var/lib/dnf/history.sqlite", "cmdline", None),
        ("usr/lib/sysimage/libdnf5/transaction_history.sqlite", "description", "dnf"),
    ],
)
@pytest.mark.parametrize(
    ("user_id", "who"), [(1000, "alice"), (1001, "1001"), (0xFFFF_FFFF, None), (-1, None)]
)
def test_dnfs_history_says_who_asked_for_a_transaction(dnf, place, command, program, user_id, who):
    (dnf / "etc").mkdir()
    (dnf / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n")
    history(dnf / place, command=command, user_id=user_id)
    data = found(dnf, "/etc/nginx/nginx.conf", DONE - 2)
    assert (data["origin"], data.get("origin_program"), data.get("origin_login_user")) == (
        "package",
        program,
        who,
    )
    assert sorted(path.name for path in (dnf / place).parent.iterdir()) == [(dnf / place).name]


def test_a_history_of_dnf_that_is_none_says_nothing(dnf):
    path = dnf / "var/lib/dnf/history.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"SQLite format 3\0" + 200 * b"x")
    assert found(dnf, "/etc/nginx/nginx.conf", DONE - 2) == by_package("1:1.20-1")


# --- Puppet

REPORT = """\
--- !ruby/object:Puppet::Transaction::Report
host: edge-01
time: '2026-11-25T21:21:43.536277501+00:00'
configuration_version: 1795641703
transaction_uuid: db73a92a-410c-4e78-8ba6-435fd609131a
logs:
- level: notice
  time: '2026-11-25T21:21:43.544210008+00:00'
resource_statuses:
  File[/etc/motd]:
    title: "/etc/motd"
    resource: File[/etc/motd]
    resource_type: File
    containment_path:
    - Stage[main]
    - File[/etc/motd]
    evaluation_time: 0.00085799
    time: '2026-11-25T21:21:43.543490282+00:00'
    changed: true
    events:
    - property: ensure
      time: '2026-11-25T21:21:43.543648716+00:00'
  File[/etc/same]:
    resource: File[/etc/same]
    time: '2026-11-25T21:21:43.543490282+00:00'
    changed: false
    events: []
  ? File[/etc/long]
  : title: "/etc/long"
    resource: File[/etc/long]
    evaluation_time: 5.0
    time: '2026-11-25T21:21:44.000000000+00:00'
    changed: true
corrective_change: false
"""
BEGAN = 1795641703
ENDED = BEGAN + 20
RUN = "db73a92a-410c-4e78-8ba6-435fd609131a"
BY_RUN = {"origin": "puppet", "origin_how": "report", "origin_name": RUN}
DURING_RUN = {"origin": "unknown", "origin_how": "report", "origin_name": f"Puppet run {RUN}"}


@pytest.fixture
def puppet(root):
    """Return a host on which a run of 20 s is over."""
    report = root / "var/cache/puppet/state/last_run_report.yaml"
    report.parent.mkdir(parents=True)
    report.write_text(REPORT)
    os.utime(report, (ENDED, ENDED))
    return root


@pytest.mark.parametrize(("path", "at"), [("/etc/motd", BEGAN), ("/etc/long", BEGAN + 6)])
def test_a_file_that_the_report_lists_as_changed_then_was_changed_by_the_run(puppet, path, at):
    assert found(puppet, path, at, is_recent=False) == BY_RUN


@pytest.mark.parametrize(
    ("path", "at"),
    [("/etc/same", BEGAN), ("/etc/other", BEGAN), ("/etc/mot", BEGAN), ("/etc/motd", BEGAN + 12)],
)
def test_a_file_that_the_report_does_not_list_as_changed_then_was_at_most_changed_during_the_run(
    puppet, path, at
):
    assert found(puppet, path, at, is_recent=False) == DURING_RUN


@pytest.mark.parametrize("at", [BEGAN - 60, ENDED + 60])
def test_a_change_before_or_after_a_run_has_nothing_to_do_with_it(puppet, at):
    assert found(puppet, "/etc/motd", at) == NOBODY


def test_a_run_before_the_last_is_found_among_the_stored_reports(puppet):
    last = puppet / "var/cache/puppet/state/last_run_report.yaml"
    last.write_text(REPORT.replace("21:21:4", "22:21:4"))
    stored = puppet / "var/cache/puppet/reports/edge-01/202611252122.yaml"
    stored.parent.mkdir(parents=True)
    stored.write_text(REPORT)
    os.utime(stored, (ENDED, ENDED))
    (stored.parent / "202611252000.yaml").write_text(REPORT.replace("db73", "0000"))
    assert found(puppet, "/etc/motd", BEGAN, is_recent=False) == BY_RUN


def test_a_change_told_before_the_report_knows_of_a_running_agent_or_apply_at_most(puppet):
    process(puppet, 7, "puppet agent: applying configuration")
    process(puppet, 8, "/usr/bin/ruby", "/usr/bin/puppet", "agent")
    later = ENDED + 3600
    assert found(puppet, "/etc/motd", later) == NOBODY
    process(puppet, 9, "/usr/bin/ruby", "/usr/bin/puppet", "apply", "site.pp")
    running = {"origin": "unknown", "origin_how": "report", "origin_name": "Puppet run"}
    assert found(puppet, "/etc/motd", later) == running
    assert found(puppet, "/etc/motd", later, is_recent=False) == NOBODY


def test_a_run_whose_agent_holds_its_lock_is_under_way(puppet):
    process(puppet, 7, "puppet agent: applying configuration")
    (puppet / "var/cache/puppet/state/agent_catalog_run.lock").write_text("7")
    assert found(puppet, "/etc/motd", ENDED + 3600)["origin_name"] == "Puppet run"


def test_a_lock_that_a_dead_agent_left_behind_is_no_run(puppet):
    (puppet / "var/cache/puppet/state/agent_catalog_run.lock").write_text("7")
    assert found(puppet, "/etc/motd", ENDED + 3600) == NOBODY


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("/usr/bin/ruby", "/usr/bin/puppet", "apply", "x.pp"), True),
        (("/opt/puppetlabs/puppet/bin/ruby", "/opt/puppetlabs/puppet/bin/puppet", "apply"), True),
        (("puppet", "apply"), True),
        (("/usr/bin/ruby", "/usr/bin/puppet", "agent", "--test"), False),
        (("vim", "puppet"), False),
        (("grep", "puppet", "agent"), False),
        ((), False),
    ],
)
def test_only_puppet_apply_is_a_run_by_its_command_line(command, expected):
    assert is_puppet_apply(b"\0".join(map(str.encode, command))) is expected


def test_a_package_that_the_report_lists_as_changed_then_was_changed_by_the_run(puppet):
    report = puppet / "var/cache/puppet/state/last_run_report.yaml"
    report.write_text(REPORT.replace("File[/etc/long]", "Package[nginx]"))
    os.utime(report, (ENDED, ENDED))
    assert Origins(puppet).of_package("nginx", "2", BEGAN + 4).as_data() == BY_RUN
    assert Origins(puppet).of_package("curl", "2", BEGAN + 4).as_data()["origin"] == "package"


def test_what_is_no_report_is_no_run():
    assert parse_report(b"", 0) is None
    assert parse_report(b"\x00\xff", 0) is None
    assert parse_report(b"---\nhost: x\ntime: soon\ntransaction_uuid: y\nlogs: []\n", 0) is None


@pytest.mark.usefixtures("puppet")
def test_puppets_report_wins_over_a_package_that_was_installed_at_that_time(dpkg):
    log = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(BEGAN))
    (dpkg / "var/log/dpkg.log").write_text(f"{log} upgrade nginx:amd64 1 2\n")
    (dpkg / "var/lib/dpkg/info/nginx.list").write_text("/etc/motd\n/etc/same\n")
    assert found(dpkg, "/etc/motd", BEGAN, is_recent=False) == BY_RUN
    assert found(dpkg, "/etc/same", BEGAN, is_recent=False) == by_package("2")


# --- sessions


def utmp(*logins):
    pack = struct.Struct("<hxxi32s4s32s256shhiii4i20x").pack
    return b"".join(
        pack(kind, pid, line.encode(), b"", user.encode(), host.encode(), 0, 0, 0, since, 0, 0, 0, 0, 0)
        for kind, pid, user, line, host, since in logins
    )


def session(**fields):
    fields = {
        "USER": "alice",
        "STATE": "active",
        "CLASS": "user",
        "REALTIME": 100_000_000,
        "LEADER": 38,
        **fields,
    }
    lines = (f"{key}={value}\n" for key, value in fields.items())
    return "# This is private data. Do not parse.\n" + "".join(lines)


def test_the_sessions_logind_has_open_are_told_of_a_recent_change_alone(root):
    sessions = root / "run/systemd/sessions"
    (sessions / "1").write_text(session(TTY="pts/0", REMOTE_HOST="10.0.0.5", SERVICE="sshd"))
    (sessions / "2").write_text(session(USER="bob", SERVICE="sshd", LEADER=39))
    (sessions / "3").write_text(session(USER="gone", STATE="closing"))
    (sessions / "4").write_text(session(USER="later", REALTIME=10**15))
    (sessions / "c1").write_text(session(USER="gdm", CLASS="greeter"))
    os.mkfifo(sessions / "1.ref")
    assert found(root, "/etc/x", 1000) == {
        "origin": "unknown",
        "origin_how": "session",
        "origin_name": "alice on pts/0 from 10.0.0.5, bob by sshd",
    }
    assert found(root, "/etc/x", 1000, is_recent=False) == NOBODY


def test_without_logind_utmp_says_who_is_logged_in(root):
    for pid in (1, 2, 3):
        process(root, pid)
    (root / "run/utmp").write_bytes(
        utmp(
            (2, 0, "reboot", "~", "", 1),
            (7, 1, "alice", "pts/0", "10.0.0.5", 100),
            (7, 2, "bob", "tty1", "", 200),
            (7, 3, "later", "tty2", "", 10**9),
            (7, 4, "dead", "tty3", "", 100),
        )
        + b"torn"
    )
    assert found(root, "/etc/x", 1000)["origin_name"] == "alice on pts/0 from 10.0.0.5, bob on tty1"


def test_a_login_that_both_know_is_told_once_and_one_that_utmp_alone_knows_as_well(root):
    for pid in (38, 40, 41):
        process(root, pid)
    (root / "run/systemd/sessions/1").write_text(session(TTY="pts/0"))
    (root / "run/utmp").write_bytes(
        utmp(
            (7, 38, "alice", "pts/9", "", 100),
            (7, 40, "alice", "pts/0", "", 100),
            (7, 41, "carol", "pts/1", "", 100),
        )
    )
    assert found(root, "/etc/x", 1000)["origin_name"] == "alice on pts/0, carol on pts/1"


def test_what_is_no_session_is_none():
    assert parse_session(b"") is None
    assert parse_session(b"\xff\nUSER\nREALTIME=soon\n") is None
    assert parse_session(b"CLASS=user\nUID=0\nREALTIME=soon\n").since == 0
    assert list(parse_utmp(b"")) == []


def test_more_sessions_than_fit_are_said_to_be_more(root):
    for number in range(15):
        (root / f"run/systemd/sessions/{number}").write_text(session(USER=f"u{number}", LEADER=number))
    assert found(root, "/etc/x", 1000)["origin_name"].endswith(" and more")


# --- what makes no sense


def test_a_log_that_makes_no_sense_costs_its_own_answer_alone(dpkg):
    (dpkg / "var/log/dpkg.log").write_text("2026-11-20 11:60:00 upgrade nginx:amd64 1 2\n" + DPKG_LOG)
    (dpkg / "run/systemd/sessions/1").write_text("CLASS=user\nUSER=alice\nTTY=pts/0\nSTATE=active\n")
    assert found(dpkg, "/etc/nginx/nginx.conf", at("12:00:08"))["origin_name"] == "alice on pts/0"


def test_what_is_no_regular_file_is_waited_for_by_nobody(root):
    state = root / "var/cache/puppet/state"
    state.mkdir(parents=True)
    for path in (state / "last_run_report.yaml", state / "agent_catalog_run.lock", root / "var/log/dpkg.log"):
        os.mkfifo(path)
    assert found(root, "/etc/x", time.time()) == NOBODY
