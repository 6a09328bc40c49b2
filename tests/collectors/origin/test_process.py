"""What a process says of who did it: by its login, its unit and its rights, and by its name almost never."""

import pytest
from msgspec.structs import replace

from collectors._origin.actor import Actor, Execution, NoWitnesses, Seen, Testimony
from collectors._origin.claim import Claim
from collectors._origin.decide import decide
from collectors._origin.evidence import Origins
from collectors._origin.process import claim_of, has_to_know_trigger, relevant

BY_SUDO = Actor(
    pid=7,
    started=1,
    program="vim",
    uid=0,
    user="root",
    real_uid=0,
    login_uid=1000,
    login_user="alice",
    unit="session-3.scope",
    session="3",
    cgroup="/user.slice/user-1000.slice/session-3.scope",
    ancestors=("sudo", "bash", "sshd", "systemd"),
)
OF_SERVICE = replace(
    BY_SUDO,
    program="app",
    login_uid=None,
    login_user="",
    unit="app.service",
    session="",
    ancestors=("systemd",),
)
DPKG = replace(BY_SUDO, program="dpkg", ancestors=("apt-get", "sudo", "bash", "sshd", "systemd"))
MODULE = replace(BY_SUDO, program="python3.11", ancestors=("sh", "sudo", "sh", "sshd", "systemd"))
LOG = Claim(kind="package", how="package-log", is_direct=True, name="nginx 2")


@pytest.mark.parametrize(
    ("actor", "trigger", "session_service", "kind", "unit"),
    [
        (BY_SUDO, "", "sshd", "person", "session-3.scope"),
        (replace(BY_SUDO, unit="ssh.service", session=""), "", "", "person", "ssh.service"),
        (replace(BY_SUDO, unit="cron.service", session=""), "", "", "timer", "cron.service"),
        (BY_SUDO, "", "crond", "timer", "session-3.scope"),
        (OF_SERVICE, "", "", "service", "app.service"),
        (OF_SERVICE, "app.timer", "", "timer", "app.timer"),
        (OF_SERVICE, None, "", "unknown", "app.service"),
        (replace(OF_SERVICE, unit="init.scope"), "", "", "manager", "init.scope"),
        (replace(OF_SERVICE, unit="docker-1.scope"), "", "", "unknown", "docker-1.scope"),
        (replace(OF_SERVICE, unit=""), "", "", "unknown", ""),
        (replace(BY_SUDO, unit="", session="", cgroup=""), "", "", "unknown", ""),
        (replace(BY_SUDO, unit="user@1000.service", cgroup="/u/app-term.scope"), "", "", "person", "user@1000.service"),
        (replace(BY_SUDO, unit="user@1000.service", cgroup="/u/job.service"), "", "", "unknown", "user@1000.service"),
        (MODULE, "", "sshd", "unknown", "session-3.scope"),
        (replace(MODULE, ancestors=("sh", "sudo", "sh", "ansible-playboo", "bash", "sshd")), "", "sshd", "ansible", "session-3.scope"),
        (replace(MODULE, ancestors=("sudo", "bash", "sshd")), "", "sshd", "person", "session-3.scope"),
        (replace(BY_SUDO, ancestors=("sh", "ansible-playboo")), "", "sshd", "person", "session-3.scope"),
    ],
)  # fmt: skip
def test_a_process_alone_is_judged_by_login_and_unit(actor, trigger, session_service, kind, unit):
    claim = claim_of(actor, trigger=trigger, session_service=session_service)
    assert (claim.kind, claim.unit) == (kind, unit)
    assert (claim.program, claim.pid, claim.user) == (actor.program, 7, "root")
    assert claim.login_user == ("" if kind == "timer" or not unit else actor.login_user)


@pytest.mark.parametrize(
    ("actor", "kind"),
    [
        (DPKG, "package"),
        (replace(DPKG, program="sed", ancestors=("sh", "dpkg", "apt-get", "sudo", "bash", "systemd")), "package"),
        (replace(DPKG, uid=1000), "unknown"),
        (replace(DPKG, real_uid=1000), "unknown"),
        (replace(DPKG, program="tee", ancestors=("sudo", "dpkg", "bash", "sshd", "systemd")), "unknown"),
        (BY_SUDO, "unknown"),
        (replace(BY_SUDO, ancestors=()), "unknown"),
        (replace(OF_SERVICE, program="dpkg", unit="apt-daily-upgrade.service", ancestors=("unattended-upgr", "systemd")), "package"),
    ],
)  # fmt: skip
def test_what_a_log_has_is_the_packages_doing_only_by_roots_dpkg_or_what_is_below_it(actor, kind):
    assert decide([claim_of(actor, trigger="", session_service=""), LOG]).kind == kind


@pytest.mark.parametrize("program", ["dpkg", "rpm", "puppet", "apt-get"])
@pytest.mark.parametrize("uid", [0, 1000])
def test_a_name_alone_makes_nobody_a_package_or_a_run(program, uid):
    actor = replace(BY_SUDO, program=program, uid=uid, real_uid=uid, ancestors=(program, "systemd"))
    assert decide([claim_of(actor, trigger="", session_service="sshd")]).kind == "person"


def test_an_edit_beside_a_transaction_that_does_not_list_the_file_is_the_persons():
    around = Claim(kind="package", how="package-log", is_direct=False, name="nginx 2")
    assert decide([claim_of(BY_SUDO, trigger="", session_service=""), around]).kind == "person"
    unseen = replace(BY_SUDO, ancestors=("sh",))
    origin = decide([claim_of(unseen, trigger="", session_service=""), around])
    assert (origin.kind, origin.login_user) == ("unknown", "alice")


def test_of_several_processes_those_count_that_made_the_change():
    writer, reader = Seen(BY_SUDO, 1, 1, changed_content=True), Seen(DPKG, 1, 1, changed_attributes=True)
    assert relevant([writer, reader], is_content=True) == [writer]
    assert relevant([writer, reader], is_content=False) == [reader]
    assert relevant([reader], is_content=True) == [reader]


def test_only_of_a_service_without_a_login_the_trigger_is_asked():
    assert has_to_know_trigger(OF_SERVICE)
    assert not any(
        map(
            has_to_know_trigger,
            (BY_SUDO, replace(OF_SERVICE, unit="cron.service"), replace(OF_SERVICE, unit="")),
        )
    )


# --- with all else that the host says


class Witness(NoWitnesses):
    def __init__(self, *actors, is_complete=True, executions=()):
        seen = tuple(Seen(actor, 1.0, 1.0, changed_content=True) for actor in actors)
        self.testimony = Testimony(seen, is_complete)
        self.all = executions

    def of(self, *_):
        return self.testimony

    def executions(self, program, since, until):
        assert program == "systemctl"
        return tuple(one for one in self.all if since <= one.at <= until)


@pytest.fixture
def root(tmp_path):
    sessions = tmp_path / "run/systemd/sessions"
    sessions.mkdir(parents=True)
    text = "CLASS=user\nUSER=alice\nSTATE=active\nTTY=pts/0\nREMOTE_HOST=10.0.0.5\nSERVICE=sshd\n"
    (sessions / "3").write_text(text)
    return tmp_path


def of_file(root, *actors, is_complete=True, was_watched=True, trigger=""):
    origins = Origins(
        root, witnesses=Witness(*actors, is_complete=is_complete), ask_trigger=lambda *_: trigger
    )
    return origins.of_file("/etc/x", 1000, is_recent=True, was_watched=was_watched)


def test_the_person_behind_sudo_is_named_with_program_user_and_where_from(root):
    assert of_file(root, BY_SUDO).as_data() == {
        "origin": "person",
        "origin_how": "process,session",
        "origin_name": "alice on pts/0 from 10.0.0.5",
        "origin_login_user": "alice",
        "origin_user": "root",
        "origin_program": "vim",
        "origin_pid": 7,
        "origin_unit": "session-3.scope",
    }


@pytest.mark.parametrize("how", [{"is_complete": False}, {"was_watched": False}])
def test_where_another_may_have_done_it_unseen_nobody_is_named(root, how):
    origin = of_file(root, BY_SUDO, **how)
    assert (origin.kind, origin.how, origin.login_user) == ("unknown", ("session",), "")


def test_two_people_are_nobody(root):
    bob = replace(BY_SUDO, pid=8, login_uid=1001, login_user="bob", unit="session-4.scope", session="4")
    assert of_file(root, BY_SUDO, bob).kind == "unknown"


def test_a_timers_service_is_the_timers(root):
    assert of_file(root, OF_SERVICE, trigger="app.timer").unit == "app.timer"


def test_systemd_is_asked_once_for_all_that_a_service_changed_in_one_round(root):
    asked = []
    origins = Origins(
        root, witnesses=Witness(OF_SERVICE), ask_trigger=lambda unit, _: asked.append(unit) or ""
    )
    for path in ("/etc/x", "/etc/y"):
        assert origins.of_file(path, 1000, is_recent=True, was_watched=True).kind == "service"
    assert asked == ["app.service"]
    origins.forget()
    origins.of_file("/etc/x", 1000, is_recent=True, was_watched=True)
    assert asked == ["app.service", "app.service"]


def test_a_job_of_cron_in_a_session_of_its_own_is_the_timers_and_names_no_login(root):
    (root / "run/systemd/sessions/3").write_text(
        "CLASS=background\nUSER=alice\nSTATE=active\nSERVICE=crond\n"
    )
    origin = of_file(root, BY_SUDO)
    assert (origin.kind, origin.login_user) == ("timer", "")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("systemctl", "restart", "nginx"), "person"),
        (("systemctl", "--no-block", "restart", "a", "nginx.service"), "person"),
        (("systemctl", "restart", "other"), "unknown"),
        (("systemctl", "status", "nginx"), "unknown"),
        (("nginx",), "unknown"),
        ((), "unknown"),
    ],
)
def test_who_executed_systemctl_with_the_name_of_a_unit_asked_for_its_job(root, arguments, kind):
    asking = replace(BY_SUDO, program="systemctl")
    witness = Witness(executions=[Execution(asking, 100.5, "/usr/bin/systemctl", arguments)])
    origin = Origins(root, witnesses=witness).of_unit(
        "nginx.service", 1000, is_recent=True, asked=(100.0, 101.0)
    )
    assert origin.kind == kind
    late = Origins(root, witnesses=witness).of_unit(
        "nginx.service", 1000, is_recent=True, asked=(102.0, 103.0)
    )
    assert late.kind == "unknown"
