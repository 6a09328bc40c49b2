"""Login accounting as glibc writes it on each kind of machine."""

import pytest

from collectors._utmp import BOOT_TIME, RUN_LEVEL, USER_PROCESS, Entry, layout, parse_entries, parse_run_level

MACHINES = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def entry(machine, type_, pid=0, *texts, seconds=0):
    line, user, host = (*texts, "", "", "")[:3]
    return layout(machine).pack(type_, pid, line.encode(), user.encode(), host.encode(), seconds)


@pytest.mark.parametrize(("machine", "size"), [("x86_64", 384), ("aarch64", 400)])
def test_an_entry_is_as_long_as_glibc_writes_it(machine, size):
    assert layout(machine).size == size


@MACHINES
def test_every_field_is_found_and_a_torn_last_entry_is_left_out(machine):
    data = entry(machine, USER_PROCESS, 7, "pts/0", "ann", "192.0.2.5", seconds=1_795_218_706)
    assert list(parse_entries(data + data[:100], machine)) == [
        Entry(USER_PROCESS, 7, "pts/0", "ann", "192.0.2.5", 1_795_218_706)
    ]


@MACHINES
def test_the_run_level_is_the_low_byte_of_the_last_entry_of_its_type(machine):
    boot = entry(machine, BOOT_TIME)
    levels = [entry(machine, RUN_LEVEL, ord(level) + 256 * ord("N")) for level in "26"]
    assert parse_run_level(boot + b"".join(levels), machine) == "6"
    assert parse_run_level(boot, machine) == ""
    assert parse_run_level(levels[0][:100], machine) == ""
