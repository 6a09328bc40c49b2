"""What is told about the time between the last mark and now."""

import msgspec
import pytest

from collectors._host import boot_history
from collectors._host.boot import Boot
from collectors._host.clock import Instant
from collectors._host.heartbeat import Heartbeat, decode, encode
from collectors._host.previous_shutdown import Ended, Ending, journal_query, parse_journal

NOON = 1_800_000_000
BEFORE = Boot(boot_id="before", kernel="6.1.0-9-amd64", os="Debian GNU/Linux 12 (bookworm)")
NOW = Boot(boot_id="now", kernel="6.1.0-9-amd64", os="Debian GNU/Linux 12 (bookworm)")
NOTHING_NOTED = Ended(None, 0)
NOTED = Ended(Ending("wtmp", NOON + 40), 1)


def instant(wall, up, *, slept=0.0, trusted=True):
    return Instant(wall=wall, boottime=up, monotonic=up - slept, trusted=trusted)


def mark(state="running", **changes):
    seen = Heartbeat(boot=BEFORE, at=instant(NOON, 5000.0), state=state)
    return msgspec.structs.replace(seen, **changes)


def tell(before, *, ended=NOTHING_NOTED, boot=NOW, now=None):
    now = now or instant(NOON + 130, 10.0)
    return boot_history.begin(
        before, boot, now, ended if boot_history.is_another_boot(before, boot, now) else None
    )


def types(events):
    return [event.event_type for event in events]


def test_first_sight_is_silent_unless_the_agent_started_with_the_boot():
    assert tell(None) == []
    [booted] = boot_history.begin(None, NOW, instant(NOON + 130, 10.0), None, started_with_boot=True)
    assert booted.timestamp == NOON + 120
    assert booted.data["previous_shutdown"] == "unknown"


def test_a_start_in_the_same_boot_is_silent():
    for state in ("running", "stopped", "ended", "announced", "down"):
        assert tell(mark(state), boot=BEFORE, now=instant(NOON + 30, 5030.0)) == []


def test_a_boot_after_a_shutdown_that_was_told_is_clean():
    [booted] = tell(mark("down", kind="reboot"))
    assert booted.event_type == "HostBootedEvent"
    assert booted.timestamp == NOON + 120
    assert booted.data == {
        "boot_id": "now",
        "kernel": "6.1.0-9-amd64",
        "os": "Debian GNU/Linux 12 (bookworm)",
        "previous_boot_id": "before",
        "previous_kernel": "6.1.0-9-amd64",
        "previous_shutdown": "clean",
        "previous_kind": "reboot",
        "last_seen": NOON,
        "downtime_seconds": 120,
    }
    assert booted.source_identifier == "now:booted"


@pytest.mark.parametrize("state", ["running", "suspended"])
def test_a_boot_that_ended_while_the_agent_ran_and_nobody_noted_a_shutdown_crashed(state):
    crashed, booted = tell(mark(state))
    assert (crashed.event_type, crashed.category) == ("HostCrashedEvent", "Alerts")
    assert crashed.timestamp == NOON
    assert crashed.data["boot_id"] == "before"
    assert crashed.data["last_seen"] == NOON
    assert booted.data["previous_shutdown"] == "unclean"
    assert booted.data["downtime_seconds"] == 120


def test_a_shutdown_that_somebody_noted_is_no_crash_though_the_agent_was_killed_before_it():
    [booted] = tell(mark("running"), ended=NOTED)
    assert booted.data["previous_shutdown"] == "unknown"
    assert booted.data["shutdown_noted_by"] == "wtmp"
    assert booted.data["downtime_seconds"] == 80


@pytest.mark.parametrize("state", ["stopped", "ended"])
def test_what_came_after_the_agent_was_stopped_is_unknown(state):
    [booted] = tell(mark(state))
    assert booted.data["previous_shutdown"] == "unknown"
    assert booted.data["downtime_seconds"] is None


def test_a_shutdown_that_was_announced_and_never_told_is_told_with_what_the_journal_knows():
    ended = Ended(Ending("journal", NOON + 1, "poweroff"), 1)
    shutdown, booted = tell(mark("announced"), ended=ended)
    assert shutdown.event_type == "HostShutdownEvent"
    assert shutdown.data == {"boot_id": "before", "kind": "poweroff", "noted_by": "journal"}
    assert booted.data["previous_shutdown"] == "clean"


def test_boots_without_the_agent_are_counted():
    [booted] = tell(mark("stopped"), ended=Ended(None, 3))
    assert booted.data["boots_missed"] == 2


@pytest.mark.parametrize(("then", "now"), [(False, True), (True, False)])
def test_an_untrusted_clock_gives_no_downtime(then, now):
    before = mark("down", at=instant(NOON, 5000.0, trusted=then))
    [booted] = tell(before, now=instant(NOON + 130, 10.0, trusted=now))
    assert booted.data["downtime_seconds"] is None


def test_a_clock_that_was_stepped_back_gives_no_negative_downtime():
    [booted] = tell(mark("down"), now=instant(NOON - 86400, 10.0))
    assert booted.data["downtime_seconds"] is None


def test_a_container_whose_kernel_went_on_needs_no_trusted_clock():
    container = msgspec.structs.replace(NOW, in_container=True, init_started=5020.0)
    before = mark("down", at=instant(NOON, 5000.0, trusted=False))
    [booted] = tell(before, boot=container, now=instant(NOON + 21, 5021.0, trusted=False))
    assert booted.data["downtime_seconds"] == 20
    assert booted.timestamp == NOON + 20


def test_a_soft_reboot_keeps_the_boot_id_and_is_told():
    before = mark("down", kind="soft-reboot", shutdowns=1)
    [booted] = tell(before, boot=BEFORE, now=instant(NOON + 3, 5003.0))
    assert booted.data["boot_id"] == booted.data["previous_boot_id"] == "before"
    assert booted.data["previous_shutdown"] == "clean"
    assert booted.data["downtime_seconds"] == 3
    assert booted.source_identifier == "before:booted:1"


def test_a_soft_reboot_of_a_container_that_uncovers_its_hosts_boot_id_is_one_too():
    container = msgspec.structs.replace(BEFORE, in_container=True, init_started=4000.0)
    uncovered = msgspec.structs.replace(container, boot_id="the-hosts")
    before = mark("down", boot=container, kind="soft-reboot", shutdowns=1)
    [booted] = tell(before, boot=uncovered, now=instant(NOON + 3, 5003.0))
    assert (booted.data["previous_shutdown"], booted.data["downtime_seconds"]) == ("clean", 3)


def test_another_kernel_and_another_release_are_deployments():
    newer = msgspec.structs.replace(NOW, kernel="6.1.0-10-amd64", os="Debian GNU/Linux 13 (trixie)")
    _, kernel, release = tell(mark("down"), boot=newer)
    assert (kernel.name, kernel.event_type, kernel.category) == (
        "package",
        "VersionChangedEvent",
        "Deployments",
    )
    assert kernel.data["old_version"] == "6.1.0-9-amd64"
    assert kernel.data["new_version"] == "6.1.0-10-amd64"
    assert kernel.data["action"] == "upgraded"
    assert release.data["package"] == "os-release"


def test_another_release_is_told_without_a_boot():
    newer = msgspec.structs.replace(BEFORE, os="Debian GNU/Linux 13 (trixie)")
    assert types(tell(mark("stopped"), boot=newer, now=instant(NOON + 9, 5009.0))) == ["VersionChangedEvent"]


def test_sleep_shows_in_the_clocks():
    now = instant(NOON + 3700, 8700.0, slept=3600.0)
    suspended, resumed = boot_history.wake(mark(), now, noticed_by="clocks")
    assert (suspended.event_type, suspended.timestamp) == ("HostSuspendedEvent", NOON)
    assert (resumed.event_type, resumed.timestamp) == ("HostResumedEvent", NOON + 3700)
    assert resumed.data["slept_seconds"] == 3600


def test_a_step_of_the_wall_clock_is_no_sleep():
    assert boot_history.wake(mark(), instant(NOON + 10 * 365 * 86400, 5060.0), noticed_by="clocks") == []


def test_a_sleep_that_was_told_is_only_ended():
    events = boot_history.wake(mark("suspended"), instant(NOON + 60, 5060.0, slept=50.0), noticed_by="logind")
    assert types(events) == ["HostResumedEvent"]


@pytest.mark.parametrize(
    ("new", "old"),
    [("6.1.0-10", "6.1.0-9"), ("6.1.0-9+b1", "6.1.0-9"), ("Ubuntu 24.04.1 LTS", "Ubuntu 24.04 LTS")],
)
def test_versions_are_compared_by_their_numbers(new, old):
    assert boot_history.is_newer(new, old)
    assert not boot_history.is_newer(old, new)
    assert not boot_history.is_newer(new, new)


def test_a_mark_survives_being_remembered():
    assert decode(encode(mark("down", kind="halt"))) == mark("down", kind="halt")


def test_a_mark_that_is_not_understood_is_first_sight():
    assert decode(b'{"boot": 1}') is None
    assert decode(None) is None


def test_the_journal_is_asked_about_the_end_of_one_boot():
    assert "_BOOT_ID=402365d91032488a8f1943f831096e4a" in journal_query(
        "402365d9-1032-488a-8f19-43f831096e4a"
    )


JOURNAL = (
    '{"UNIT":"shutdown.target","__REALTIME_TIMESTAMP":"1795218706281282","__MONOTONIC_TIMESTAMP":"900000000"}\n'
    '{"UNIT":"reboot.target","__REALTIME_TIMESTAMP":"1795218706300000","__MONOTONIC_TIMESTAMP":"900100000"}\n'
)


def test_the_journal_tells_when_and_how_a_boot_ended():
    assert parse_journal(JOURNAL, after=899.0) == [Ending("journal", 1795218706, "reboot")]
    assert parse_journal("", after=0.0) == []


def test_what_the_journal_noted_before_the_mark_is_no_end_of_it():
    assert parse_journal(JOURNAL, after=901.0) == []
