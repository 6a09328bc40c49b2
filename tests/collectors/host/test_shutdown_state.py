import os

import pytest

from collectors._dbus import BusLost
from collectors._host.shutdown_state import NOBODY_TO_ASK, NOT_GOING_DOWN, parse_jobs, read_kind
from collectors._utmp import layout


def no_bus():
    raise BusLost("none")


def job(unit, type_="start"):
    return (7, unit, type_, "waiting", "/job", "/unit")


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("reboot.target", "reboot"),
        ("poweroff.target", "poweroff"),
        ("halt.target", "halt"),
        ("kexec.target", "kexec"),
        ("soft-reboot.target", "soft-reboot"),
    ],
)
def test_the_job_that_systemd_starts_is_the_kind(unit, kind):
    assert parse_jobs([job("sts-agent.service", "stop"), job("shutdown.target"), job(unit)]) == kind


def test_a_target_that_is_stopped_is_no_shutdown():
    assert parse_jobs([job("reboot.target", "stop"), job("nginx.service", "restart")]) is None


@pytest.mark.parametrize(
    ("level", "kind"), [("6", "reboot"), ("0", "poweroff"), ("2", NOT_GOING_DOWN), ("", NOBODY_TO_ASK)]
)
def test_without_systemd_the_run_level_says_it(tmp_path, level, kind):
    if level:
        (tmp_path / "run").mkdir()
        entry = layout(os.uname().machine).pack(1, ord(level), b"", b"runlevel", b"", 0)
        (tmp_path / "run/utmp").write_bytes(entry)
    assert read_kind(tmp_path, no_bus) == kind


def test_systemd_without_a_bus_cannot_be_asked(tmp_path):
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert read_kind(tmp_path, no_bus) == NOBODY_TO_ASK
