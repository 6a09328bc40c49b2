"""Steps of the clock under the unit, with everything that waits offline: nothing is lost, whatever the clock says on the way.

Hosts of the tests share the machine's clock, so the service's own is moved by libfaketime; its monotonic clocks go on.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

UNIT = "sts-agent.service"
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
CLOCK = "/var/lib/sts-agent-clock"
MONTH, TEN_YEARS = 31 * 86_400, 10 * 365 * 86_400
DROP_IN = f"""[Service]
Environment=LD_PRELOAD=/usr/local/lib/libfaketime.so FAKETIME_TIMESTAMP_FILE={CLOCK} FAKETIME_NO_CACHE=1
Environment=FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DISABLE_SHM=1
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
    host.receiver.wait_for_event("AgentStartedEvent", timeout_seconds=60)
    return move


def test_a_clock_that_steps_by_a_month_and_by_years_loses_nothing_that_waits_also_over_a_reboot(host, clock):
    host.receiver.go_away()
    titles = []
    for number, seconds in enumerate((0, MONTH, TEN_YEARS, -TEN_YEARS, 0)):
        clock(seconds)
        titles.append(f"step {number}")
        host.agent("event", "send", "CountEvent", "--title", titles[-1])
        # What lies in incoming/ wakes the main thread: it sees the step, and does its housekeeping at once.
        host.shell(
            f"cp /dev/null /var/lib/sts-agent/incoming/.wake{number};"
            f" mv /var/lib/sts-agent/incoming/.wake{number} /var/lib/sts-agent/incoming/wake{number}"
        )
    host.reboot()
    titles.append("after the reboot")
    host.agent("event", "send", "CountEvent", "--title", titles[-1])
    host.receiver.come_back()
    host.catch_up()
    assert host.receiver.titles("CountEvent") == titles
    document = json.loads(host.agent("status", "--json").stdout)
    assert not any(one["dropped"] for one in document["destinations"].values())
    assert "housekeeping starts anew" in host.run("journalctl", "-u", UNIT, "-o", "cat").stdout
