"""Steps of the clock under the unit, with everything that waits offline: nothing is lost, whatever the clock says on the way.

Hosts of the tests share the machine's clock, so the service's own is moved by libfaketime; its monotonic clocks go on.
"""

import json
import os
import shutil
from pathlib import Path

import pytest
from harness.files import CHANGED

UNIT = "sts-agent.service"
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
CLOCK = "/var/lib/sts-agent-clock"
DAY = 86_400
MONTH, TEN_YEARS = 31 * DAY, 10 * 365 * DAY
DROP_IN = f"""[Service]
Environment=LD_PRELOAD=/usr/local/lib/libfaketime.so FAKETIME_TIMESTAMP_FILE={CLOCK} FAKETIME_NO_CACHE=1
Environment=FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DISABLE_SHM=1
RestartSec=100ms
"""


@pytest.fixture
def clock(host):
    """Boot a host whose agent has a clock of its own; return the function that moves it by seconds from now."""
    if not LIBRARIES:
        if os.environ.get("STS_AGENT_REQUIRE_HOST_TESTS"):
            pytest.fail("libfaketime is missing; `make test-deps` installs it")
        pytest.skip("needs libfaketime: `make test-deps`")

    def move(seconds):
        host.write(CLOCK, f"{seconds:+d}\n")

    library = host.path("/usr/local/lib/libfaketime.so")
    library.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(LIBRARIES[0], library)
    host.write(f"/etc/systemd/system/{UNIT}.d/clock.conf", DROP_IN)
    move(0)
    host.boot()
    host.receiver.wait_for_event("AgentStartedEvent")
    return move


def test_a_clock_that_steps_by_a_month_and_by_years_loses_nothing_that_waits_also_over_a_reboot(host, clock):
    host.receiver.go_away()
    titles = []
    for number, seconds in enumerate((0, MONTH, TEN_YEARS, -TEN_YEARS, 0)):
        clock(seconds)
        titles.append(f"step {number}")
        host.agent("event", "send", "CountEvent", "--title", titles[-1])
        have_housekeeping_done(host, number)
    host.reboot()
    titles.append("after the reboot")
    host.agent("event", "send", "CountEvent", "--title", titles[-1])
    host.receiver.come_back()
    host.catch_up()
    assert host.receiver.titles("CountEvent") == titles
    document = json.loads(host.agent("status", "--json").stdout)
    assert not any(one["dropped"] for one in document["destinations"].values())
    assert "housekeeping starts anew" in host.run("journalctl", "-u", UNIT, "-o", "cat").stdout


@pytest.mark.long
def test_of_a_month_offline_with_kills_reboots_and_power_losses_only_what_is_older_than_its_age_is_dropped(
    host, clock
):
    """`max_age` is its default of 30 days; the clock is moved on while the host is off, as days pass."""
    host.write("/etc/sts-agent/conf.d/motd.yaml", "files:\n  - paths: [/etc/motd]\n")
    host.write("/etc/motd", "before\n")
    host.reload()
    host.wait_until_watching("files")
    host.receiver.go_away()
    titles, texts = [], []
    for number, ends in enumerate((killed, rebooted, without_power, rebooted, without_power, switched_off)):
        today = number * 5 * DAY
        titles += [f"day {number * 5}: {which}" for which in range(3)]
        for title in titles[-3:]:
            host.agent("event", "send", "CountEvent", "--title", title)
        texts.append(f"day {number * 5}")
        host.write("/etc/motd", texts[-1] + "\n")
        host.wait_in_log(CHANGED, len(texts))
        ends(host, clock, min(today + 5 * DAY, 29 * DAY))
    host.receiver.come_back()
    host.catch_up()
    assert arrived(host) == titles
    assert [
        change["context"]["data"]["diff"].splitlines()[-1] for change in host.receiver.of_type(CHANGED)
    ] == [f"+{text}" for text in texts]
    assert dropped(host) == 0
    assert len(host.receiver.of_type("HostCrashedEvent")) == 2
    assert len(host.receiver.of_type("HostShutdownEvent")) == 3

    host.receiver.go_away()
    host.agent("event", "send", "CountEvent", "--title", "too old in the end")
    rebooted(host, clock, 45 * DAY)
    host.agent("event", "send", "CountEvent", "--title", "young enough")
    without_power(host, clock, 60 * DAY)
    clock(60 * DAY + 60)
    have_housekeeping_done(host, 60)
    host.wait_in_log("EventsDroppedEvent")
    host.receiver.come_back()
    host.catch_up()
    assert arrived(host) == [*titles, "young enough"]
    told = [event["context"]["data"] for event in host.receiver.of_type("EventsDroppedEvent")]
    assert sum(one["count"] for one in told) == dropped(host) > 0


def have_housekeeping_done(host, number):
    """Wake the main thread by what lies in incoming/: it sees that the clock was set, and does all of it at once."""
    place = "/var/lib/sts-agent/incoming"
    host.shell(f"cp /dev/null {place}/.wake{number}; mv {place}/.wake{number} {place}/wake{number}")


def killed(host, clock, seconds):
    """End the daemon alone, in the middle of its work; systemd starts it again."""
    clock(seconds)
    host.run("systemctl", "kill", "--signal=KILL", UNIT)
    host.wait_in_log("AgentStartedEvent", 2)


def rebooted(host, clock, seconds):
    host.poweroff()
    clock(seconds)
    host.boot()
    host.wait_until_watching("files")


switched_off = rebooted


def without_power(host, clock, seconds):
    host.power_loss()
    clock(seconds)
    host.boot()
    host.wait_until_watching("files")


def arrived(host):
    """Return what was sent, in the order in which it came first."""
    return list(dict.fromkeys(event["msg_title"] for event in host.receiver.of_type("CountEvent")))


def dropped(host):
    document = json.loads(host.agent("status", "--json").stdout)
    return sum(sum(one["dropped"].values()) for one in document["destinations"].values())
