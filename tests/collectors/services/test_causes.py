"""Whose doing a step of a service was, by what systemd says of its jobs, and else by what others leave behind."""

import time

import pytest
from msgspec.structs import replace

from collectors._origin.evidence import Origins
from collectors._services.causes import Causes, claim_of
from collectors._services.manager_events import JobBegun, JobEnded
from collectors._services.transitions import Step, What
from collectors._services.unit_state import OddReply, UnitState, parse_look

RUN = "x" * 32
NOW = 1_795_734_000.0


def step(what=What.STARTED, *, unit="dep.service", job=7, result="", by_manager=False, **look):
    look = UnitState(unit=unit, invocation=RUN, job=job, **look)
    at = int(NOW * 1_000_000)
    return Step(what=what, unit=unit, invocation=RUN, at=at, look=look, result=result, by_manager=by_manager)


@pytest.mark.parametrize(
    ("asked", "brought_along_by", "is_of_boot", "expected"),
    [
        (step(), None, False, None),
        (step(trigger="tick.timer"), None, False, ("timer", "tick.timer")),
        (step(trigger="web.socket"), None, False, ("dependency", "web.socket")),
        (step(by_manager=True, trigger="tick.timer"), None, False, ("manager", "")),
        (step(by_manager=True), "needy.service", False, ("manager", "")),
        (step(), "needy.service", False, ("dependency", "needy.service")),
        (step(), "", False, ("dependency", "")),
        (step(), None, True, ("manager", "")),
        (step(What.STOPPED), "needy.service", False, ("dependency", "needy.service")),
        (step(What.STOPPED, trigger="tick.timer"), None, False, None),
        (step(What.STOPPED, job=0, by_manager=True), None, False, None),
        (step(What.RELOADED), "needy.service", False, ("dependency", "needy.service")),
        (step(What.FAILED, trigger="tick.timer", result="exit-code"), None, False, ("timer", "tick.timer")),
        (step(What.FAILED, job=0, trigger="tick.timer", result="exit-code"), None, False, None),
        (step(What.FAILED, by_manager=True, result="exit-code"), None, False, ("manager", "")),
        (step(What.FAILED, job=0, result="timeout"), None, False, ("manager", "")),
        (step(What.FAILED, job=0, result="watchdog"), None, False, ("manager", "")),
        (step(What.GAVE_UP, job=0, result="start-limit-hit"), None, False, ("manager", "")),
        (step(What.NOT_STARTED, job=0, result="dependency"), None, False, ("dependency", "")),
        (step(What.FAILED, job=0, result="signal"), None, False, None),
    ],
)
def test_what_systemd_says_of_a_step(asked, brought_along_by, is_of_boot, expected):
    claim = claim_of(asked, brought_along_by, is_of_boot=is_of_boot)
    assert (claim and (claim.kind, claim.unit)) == expected


@pytest.fixture
def root(tmp_path):
    for directory in ("var/log", "var/lib/dpkg/info", "run/systemd/sessions", "proc"):
        (tmp_path / directory).mkdir(parents=True)
    return tmp_path


class Jobs:
    """Causes of a host, with the time in hand; `related` is what systemd says of every unit."""

    def __init__(self, root, related=("needy.service", "multi-user.target")):
        self.now = 100.0
        self.asked = []
        self.causes = Causes(Origins(root), self.related_to, lambda: self.now, lambda: NOW + 1)
        self.related = frozenset(related)

    def related_to(self, unit):
        self.asked.append(unit)
        return self.related

    def begin(self, *jobs, is_booting=False):
        self.causes.note([JobBegun(unit, number) for unit, number in jobs], is_booting=is_booting)

    def end(self, unit, number):
        self.causes.note([JobEnded(unit, number, "done")], is_booting=False)

    def of(self, asked):
        origin = self.causes.of(asked)
        return origin.kind, origin.unit


def test_a_job_that_was_queued_with_one_that_needs_it_was_brought_along_by_it(root):
    jobs = Jobs(root)
    jobs.begin(("needy.service", 3), ("other.service", 5), ("dep.service", 7))
    assert jobs.of(step()) == ("dependency", "needy.service")
    assert jobs.of(step(What.STOPPED)) == ("dependency", "needy.service")
    assert jobs.of(step(unit="needy.service", job=3)) == ("unknown", "")


def test_a_job_that_is_over_or_long_ago_or_came_later_or_is_a_strangers_brought_nothing_along(root):
    for before, between in (
        (("needy.service", 3), lambda jobs: jobs.end("needy.service", 3)),
        (("needy.service", 3), lambda jobs: setattr(jobs, "now", jobs.now + 60)),
        (("needy.service", 9), lambda _: None),
        (("other.service", 3), lambda _: None),
    ):
        jobs = Jobs(root)
        jobs.begin(before)
        between(jobs)
        jobs.begin(("dep.service", 7))
        assert jobs.of(step()) == ("unknown", "")


def test_a_start_that_was_seen_when_its_job_was_over_is_that_jobs_and_an_end_is_not(root):
    jobs = Jobs(root)
    jobs.begin(("needy.service", 3), ("dep.service", 7))
    jobs.end("dep.service", 7)
    assert jobs.of(step(job=0)) == ("dependency", "needy.service")
    assert jobs.of(step(What.STOPPED, job=0)) == ("unknown", "")
    jobs.begin(("dep.service", 9))
    assert jobs.of(step(job=0)) == ("unknown", ""), "one of two"


def test_of_two_that_may_have_brought_it_along_neither_is_named(root):
    jobs = Jobs(root)
    jobs.begin(("multi-user.target", 1), ("needy.service", 3), ("dep.service", 7))
    assert jobs.of(step()) == ("dependency", "")


def test_systemd_is_not_asked_about_a_job_that_came_alone(root):
    jobs = Jobs(root)
    jobs.begin(("dep.service", 7))
    jobs.of(step())
    assert jobs.asked == []


def test_a_job_that_was_there_before_anybody_listened_is_the_boots_while_that_goes_on(root):
    jobs = Jobs(root)
    jobs.begin(is_booting=True)
    assert jobs.of(step()) == ("manager", "")
    jobs.begin(("dep.service", 7), is_booting=True)
    assert jobs.of(step()) == ("unknown", "")
    jobs.begin(is_booting=False)
    assert jobs.of(step(job=8)) == ("unknown", "")


def installing(root, seconds=NOW, path="/lib/systemd/system/dep.service"):
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    (root / "var/log/dpkg.log").write_text(f"{moment} upgrade app:all 1 2\n")
    (root / "var/lib/dpkg/info/app.list").write_text(f"/.\n{path}\n")


def test_a_unit_whose_package_is_worked_on_at_that_time_was_its_scripts_doing(root):
    installing(root)
    origin = Jobs(root).causes.of(step())
    assert (origin.kind, origin.name, origin.how) == ("package", "app 2", ("package-log",))


def test_an_instance_belongs_to_the_package_of_its_template(root):
    installing(root, path="/usr/lib/systemd/system/dep@.service")
    assert Jobs(root).of(step(unit="dep@one.service")) == ("package", "")


def test_a_unit_of_another_package_may_have_been_its_scripts_doing_and_is_unknown(root):
    installing(root, path="/lib/systemd/system/other.service")
    origin = Jobs(root).causes.of(step())
    assert (origin.kind, origin.name) == ("unknown", "package app 2")


def test_what_systemd_says_goes_before_what_was_at_work_at_that_time(root):
    installing(root)
    assert Jobs(root).of(step(trigger="tick.timer")) == ("timer", "tick.timer")


def test_who_is_logged_in_is_said_of_a_job_and_not_of_what_failed_by_itself(root):
    (root / "run/systemd/sessions/1").write_text("CLASS=user\nUSER=alice\nTTY=pts/0\nSTATE=active\n")
    jobs = Jobs(root)
    assert jobs.causes.of(step(What.STOPPED)).name == "alice on pts/0"
    assert jobs.causes.of(step(What.FAILED, job=0, result="signal")).name == ""
    past = replace(step(What.STOPPED), at=int((NOW - 3600) * 1_000_000))
    assert jobs.causes.of(past).name == ""


def test_the_trigger_of_a_run_is_read_as_systemd_says_it():
    details = [("trigger_unit", "tick.timer"), ("trigger_timer_monotonic_usec", "25")]
    assert parse_look("a.service", {"ActivationDetails": details}, {}).trigger == "tick.timer"
    for nothing in ({}, {"ActivationDetails": []}, {"ActivationDetails": [("trigger_unit", "not a unit")]}):
        assert parse_look("a.service", nothing, {}).trigger == ""
    with pytest.raises(OddReply):
        parse_look("a.service", {"ActivationDetails": 7}, {})
