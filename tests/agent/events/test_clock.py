"""Which clock is to be believed."""

import os
import time

import pytest

from agent.events import clock

NOW = 1_800_000_000.0


@pytest.mark.parametrize("status", [0, 0x2001, -1])
def test_the_wall_clock_is_trusted_where_the_kernel_was_told_it_is_right_or_cannot_say(status, tmp_path):
    assert clock.is_trusted(lambda: status, setters=[tmp_path], wall=lambda: NOW)


def test_a_clock_that_is_still_to_be_set_is_not_trusted(tmp_path):
    assert not clock.is_trusted(lambda: 0x40, setters=[tmp_path / "no", tmp_path], wall=lambda: NOW)


def test_a_clock_that_nothing_here_ever_sets_is_as_right_as_it_will_be(tmp_path):
    assert clock.is_trusted(lambda: 0x40, setters=[tmp_path / "no"], wall=lambda: NOW)


def test_a_clock_from_before_this_program_was_written_is_not_trusted(tmp_path):
    assert not clock.is_trusted(lambda: 0x40, setters=[tmp_path / "no"], wall=lambda: 86_400.0)


class Ticking:
    """Two clocks that a test sets, and how often it was found out whether the one of the wall is right."""

    def __init__(self):
        self.booted, self.offset, self.asked, self.is_right = 100.0, NOW, 0, False

    def find_out(self):
        self.asked += 1
        return self.is_right

    def trust(self):
        return clock.RecentTrust(self.find_out, lambda: self.booted + self.offset, lambda: self.booted)


def test_whether_the_clock_is_right_is_found_out_once_a_second():
    clocks = Ticking()
    trust = clocks.trust()
    assert [trust() for _ in range(5)] == [False] * 5
    assert clocks.asked == 1
    clocks.is_right = True
    clocks.booted += 1.0
    assert trust()
    assert clocks.asked == 2


@pytest.mark.parametrize("step", [-3600.0, 0.1, 3600.0])
def test_a_clock_that_was_set_is_asked_about_at_once(step):
    clocks = Ticking()
    trust = clocks.trust()
    assert not trust()
    clocks.is_right = True
    clocks.offset += step
    assert trust()


def test_the_kernel_can_be_asked():
    assert clock.read_clock_status() >= -1


def test_the_time_since_boot_goes_on():
    assert 0 < clock.boottime() <= clock.boottime()


def test_a_boot_id_that_is_hidden_is_empty(tmp_path):
    assert clock.read_boot_id(tmp_path / "nothing") == ""


def test_a_machine_without_a_name_yet_has_none_and_without_systemd_it_has_that_of_d_bus(tmp_path):
    systemd, dbus = tmp_path / "systemd", tmp_path / "dbus"
    assert clock.read_machine_id([systemd, dbus]) == ""
    systemd.write_text("uninitialized\n")
    assert clock.read_machine_id([systemd, dbus]) == ""
    dbus.write_text("0123456789abcdef0123456789abcdef\n")
    assert clock.read_machine_id([systemd, dbus]) == "0123456789abcdef0123456789abcdef"
    systemd.write_text("fedcba9876543210fedcba9876543210\n")
    assert clock.read_machine_id([systemd, dbus]) == "fedcba9876543210fedcba9876543210"


def test_a_boot_began_when_process_1_was_started(tmp_path):
    stat = tmp_path / "stat"
    stat.write_text("1 (a) b) S" + " 0" * 18 + f" {50 * os.sysconf('SC_CLK_TCK')} 0\n")
    booted = time.time() - clock.boottime()
    assert clock.read_start_of_boot(stat) == pytest.approx(booted + 50, abs=1)
    assert clock.read_start_of_boot(tmp_path / "hidden") == pytest.approx(booted, abs=1)
