"""Whether the agent started with the boot that it sees first, or was installed on a running host."""

import os

import pytest

from collectors._host.boot import Boot
from collectors._host.clock import Instant
from collectors._host.first_boot import LONGEST_BOOT_SECONDS, started_with_boot

BOOTED = 1_800_000_000.0
BOOT = Boot(boot_id="now", kernel="6.1")
TICKS = os.sysconf("SC_CLK_TCK")


def judged(tmp_path, started, *, over, installed_at=BOOTED - 1, boot=BOOT, slept=0.0):
    (tmp_path / "proc/self").mkdir(parents=True)
    fields = ["S", *["0"] * 18, str(int(started * TICKS))]
    (tmp_path / "proc/self/stat").write_text(f"7 (a) b) {' '.join(fields)}")
    up = started + 1
    now = Instant(wall=BOOTED + up, boottime=up, monotonic=up - slept, trusted=True)
    return started_with_boot(boot, now, tmp_path, ask=lambda: over, installed_at=installed_at)


@pytest.mark.parametrize(("started", "over", "expected"), [(10, 20, True), (30, 20, False), (10, 0, True)])
def test_systemd_says_when_the_boot_was_over(tmp_path, started, over, expected):
    assert judged(tmp_path, started, over=over) is expected


def test_a_boot_that_never_is_over_counts_as_over_after_a_while(tmp_path):
    assert judged(tmp_path, LONGEST_BOOT_SECONDS + 1, over=0) is False


def test_a_sleep_since_the_boot_is_no_time_of_the_manager(tmp_path):
    assert judged(tmp_path, 5000, over=20, slept=4990) is True


@pytest.mark.parametrize(
    ("started", "installed_at", "expected"),
    [(10, BOOTED - 1, True), (10, BOOTED + 5, False), (LONGEST_BOOT_SECONDS + 1, BOOTED - 1, False)],
)
def test_without_systemd_files_that_are_older_than_the_boot_tell(tmp_path, started, installed_at, expected):
    assert judged(tmp_path, started, over=None, installed_at=installed_at) is expected


def test_in_a_container_the_boot_began_with_its_init(tmp_path):
    container = Boot(boot_id="now", kernel="6.1", in_container=True, init_started=90_000.0)
    assert judged(tmp_path, 90_010, over=None, installed_at=BOOTED + 89_999, boot=container) is True
