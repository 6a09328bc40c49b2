"""A service of a real systemd that stays failed: its problem at Dynatrace is kept open, and no longer than that."""

import json

import pytest
from harness.services import FAILED, STARTED

from agent.systems.registry import stand_in

UNIT = "shop.service"
_SHOP = "[Service]\nExecStart=/bin/sh -c 'test -e /run/shop-is-well && exec sleep 1000; exit 3'\n"
_TIMEOUT_SECONDS = 2


@pytest.fixture
def environment():
    with stand_in("dynatrace", credential="t") as one:
        yield one


@pytest.fixture
def reporting(host, environment):
    """Boot a host that reports to both, with a unit that cannot start yet."""
    desk = {**environment.destination, "problem_timeout": f"{_TIMEOUT_SECONDS}s"}
    host.configure(f"  desk: {json.dumps(desk)}\n")
    host.write(f"/etc/systemd/system/{UNIT}", _SHOP)
    host.boot()
    host.wait_until_watching("services")
    return host


def problems(environment):
    return [one.event for one in environment.received if one.event["eventType"] == "ERROR_EVENT"]


def wait_for_problems(environment, count):
    environment.wait_for(lambda _: len(problems(environment)) >= count, 60)
    return problems(environment)


def test_the_problem_of_a_failed_unit_is_refreshed_over_a_restart_of_the_agent_until_it_is_well(
    reporting, environment
):
    host = reporting
    host.shell(f"systemctl start {UNIT} || true")
    host.receiver.wait_for_event(FAILED, unit=UNIT)
    first, *refreshes = wait_for_problems(environment, 4)
    assert first["title"] == f"{UNIT} failed"
    assert all(one == first for one in refreshes)

    host.shell("systemctl restart sts-agent")
    before = len(problems(environment))
    assert wait_for_problems(environment, before + 2)[-1] == first

    host.shell(f"touch /run/shop-is-well; systemctl start {UNIT}")
    host.receiver.wait_for_event(STARTED, unit=UNIT)
    host.catch_up()
    well = len(problems(environment))
    host.shell(f"sleep {_TIMEOUT_SECONDS * 2}")
    assert len(problems(environment)) <= well + 1  # one may have been on its way
    assert environment.report.broken == {}
    assert len(host.receiver.of_type(FAILED, unit=UNIT)) == 1


def test_a_boot_ends_what_lasted_before_it(reporting, environment):
    host = reporting
    host.shell(f"systemctl start {UNIT} || true")
    wait_for_problems(environment, 2)
    host.reboot()
    host.wait_until_watching("services")
    host.catch_up()
    before = len(problems(environment))
    host.shell(f"sleep {_TIMEOUT_SECONDS * 2}")
    assert len(problems(environment)) <= before + 1
