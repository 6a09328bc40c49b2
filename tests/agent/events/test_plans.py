"""Planned work is known while it lasts and a little longer, across restarts, reboots and a clock that is set."""

import msgspec
import pytest

from agent.events.capture import complete
from agent.events.identity import Identity
from agent.events.plans import Clocks, PlanError, Plans
from collectors.event import Category, Event

HOUR = 3600.0
NAMES = ["a", "release-2.4", "x" * 64, "A_b.c-9"]
NO_NAMES = ["", "x" * 65, "two words", "a/b", "größe", "a\n", "a:b"]


class Host:
    """A host whose clocks the test moves, and whose agent can be restarted."""

    def __init__(self):
        self.wall, self.boottime, self.boot_id = 1_000_000.5, 50.0, "first"
        self.kept, self.running = {}, []

    def agent(self):
        clocks = Clocks(wall=lambda: self.wall, boottime=lambda: self.boottime, boot_id=self.boot_id)
        return Plans(self.kept, self.kept.update, lambda: tuple(self.running), clocks)

    def wait(self, seconds):
        self.wall += seconds
        self.boottime += seconds

    def reboot(self):
        self.boottime, self.boot_id = 1.0, "second"


@pytest.fixture
def host():
    return Host()


def names(plans, moment):
    return [plan.name for plan in plans.at(moment)]


def test_what_happens_during_a_plan_is_planned_and_before_and_after_it_is_not(host):
    plans = host.agent()
    plans.start("release", HOUR)
    assert names(plans, host.wall // 1) == ["release"]
    assert names(plans, host.wall - 10) == []
    host.wait(HOUR + 10)
    assert names(plans, host.wall) == []
    assert names(plans, host.wall - 20) == ["release"]  # became known late
    host.wait(HOUR)
    assert names(plans, host.wall - HOUR - 20) == []


def test_a_plan_survives_a_restart_and_a_reboot_and_ends_by_itself(host):
    host.agent().start("release", HOUR, "new shop")
    host.wait(60)
    assert names(host.agent(), host.wall) == ["release"]
    host.reboot()
    assert [(plan.name, plan.text) for plan in host.agent().active()] == [("release", "new shop")]
    host.wait(HOUR)
    assert host.agent().active() == ()


@pytest.mark.parametrize("step", [10 * 365 * 86_400, -10 * 365 * 86_400])
def test_a_clock_that_is_set_neither_ends_nor_prolongs_a_plan(host, step):
    plans = host.agent()
    plans.start("release", HOUR)
    host.wall += step
    assert names(plans, host.wall) == ["release"]
    host.wait(HOUR + 1)
    assert plans.active() == ()


def test_the_same_name_again_prolongs_a_plan(host):
    plans = host.agent()
    plans.start("release", HOUR)
    host.wait(1800)
    plans.start("release", HOUR)
    host.wait(1801)
    assert names(plans, host.wall) == ["release"]
    assert len(plans.active()) == 1


def test_stop_ends_one_or_all(host):
    plans = host.agent()
    for name in ("a", "b", "c"):
        plans.start(name, HOUR)
    assert plans.stop("b") == 1
    assert plans.stop("b") == 0
    assert plans.stop("nobody's") == 0
    assert [plan.name for plan in plans.active()] == ["a", "c"]
    assert plans.stop() == 2
    assert host.agent().active() == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_letters_digits_dots_dashes_and_underscores(host, name):
    assert host.agent().start(name, 1).tag == f"planned:{name}"


@pytest.mark.parametrize("name", NO_NAMES)
def test_another_name_is_refused(host, name):
    with pytest.raises(PlanError):
        host.agent().start(name, 1)


@pytest.mark.parametrize("seconds", [0, -1, 31 * 86_400, float("inf"), float("nan")])
def test_a_plan_has_an_end(host, seconds):
    with pytest.raises(PlanError):
        host.agent().start("a", seconds)


def test_nobody_fills_the_memory_with_plans(host):
    plans = host.agent()
    for number in range(32):
        plans.start(f"plan-{number}", HOUR)
    with pytest.raises(PlanError, match="stop one first"):
        plans.start("one-more", HOUR)
    plans.start("plan-3", HOUR)


def test_what_is_remembered_and_makes_no_sense_is_no_plan(host):
    host.kept["plans"] = b'[{"name": 5}]'
    assert host.agent().active() == ()


def test_package_managers_are_planned_work_while_they_run(host):
    plans = host.agent()
    host.running = ["apt"]
    assert names(plans, host.wall) == ["apt"]
    assert plans.active() == ()
    host.running = []
    assert names(plans, host.wall) == []


def event(category):
    return Event(
        name="service",
        event_type="T",
        title="t",
        text="exit code 1",
        category=category,
        tags=("a:b",),
        data={},
        timestamp=1,
    )


def test_an_event_carries_the_tags_of_its_plans_and_a_failure_says_them(host):
    plans = host.agent()
    plans.start("release", HOUR, "new shop")
    identity = Identity("h", ("env:prod",))
    failed = complete(event(Category.ALERTS), identity, plans.at(host.wall))
    assert failed.tags == ("a:b", "env:prod", "planned:release")
    assert failed.text == "exit code 1\nDuring planned work: release (new shop)"
    started = complete(event(Category.ACTIVITIES), identity, plans.at(host.wall))
    assert started.tags == failed.tags
    assert started.text == "exit code 1"


def test_what_is_remembered_is_json(host):
    host.agent().start("release", HOUR)
    assert [one["name"] for one in msgspec.json.decode(host.kept["plans"])] == ["release"]
