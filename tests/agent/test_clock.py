"""Which clock is to be believed."""

import pytest

from agent import clock


@pytest.mark.parametrize(("status", "trusted"), [(0, True), (0x2001, True), (0x40, False), (-1, True)])
def test_the_wall_clock_is_trusted_unless_the_kernel_says_it_is_not_kept(status, trusted):
    assert clock.is_trusted(lambda: status) is trusted


def test_the_kernel_can_be_asked():
    assert clock.read_clock_status() >= -1


def test_the_time_since_boot_goes_on():
    assert 0 < clock.boottime() <= clock.boottime()


def test_a_boot_id_that_is_hidden_is_empty(tmp_path):
    assert clock.read_boot_id(tmp_path / "nothing") == ""


def test_a_machine_without_a_name_yet_has_none(tmp_path):
    path = tmp_path / "machine-id"
    path.write_text("uninitialized\n")
    assert clock.read_machine_id(path) == ""
    path.write_text("0123456789abcdef0123456789abcdef\n")
    assert clock.read_machine_id(path) == "0123456789abcdef0123456789abcdef"
