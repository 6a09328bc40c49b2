import os
import struct

import pytest

from collectors._host.accounting import (
    Place,
    Turn,
    parse_turns,
    read_place,
    read_run_level,
    read_turns_since,
)
from collectors._utmp import BOOT_TIME as BOOT
from collectors._utmp import RUN_LEVEL, layout
from collectors._utmp import USER_PROCESS as LOGIN


def entry(type_, user, seconds=0, *, pid=0, machine="x86_64"):
    return layout(machine).pack(type_, pid, b"", user.encode(), b"", seconds)


@pytest.fixture
def wtmp(tmp_path):
    path = tmp_path / "var/log/wtmp"
    path.parent.mkdir(parents=True)
    path.write_bytes(entry(BOOT, "reboot", 100))
    return path


def here(type_, user, seconds=0, *, pid=0):
    return entry(type_, user, seconds, pid=pid, machine=os.uname().machine)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_boots_and_shutdowns_are_found_among_logins_and_run_levels(machine):
    entries = [(BOOT, "reboot", 100), (RUN_LEVEL, "runlevel", 101), (LOGIN, "ann", 102)]
    entries += [(RUN_LEVEL, "shutdown", 103), (BOOT, "reboot", 104)]
    data = b"".join(entry(*fields, machine=machine) for fields in entries)
    assert parse_turns(data, machine) == [
        Turn("boot", 100),
        Turn("shutdown", 103),
        Turn("boot", 104),
    ]


def test_a_real_entry_of_debian_12_is_understood():
    data = bytearray(384)
    struct.pack_into("hi32s4s32s32s", data, 0, 1, 0, b"~", b"~~", b"shutdown", b"6.1.0-17-amd64")
    struct.pack_into("ii", data, 340, 1795218706, 281282)
    assert parse_turns(bytes(data), "x86_64") == [Turn("shutdown", 1795218706)]


def test_a_torn_last_entry_is_left_out():
    assert parse_turns(entry(BOOT, "reboot", 5) + b"\x02\x00\x00", "x86_64") == [Turn("boot", 5)]


def test_only_what_came_after_the_place_counts(tmp_path, wtmp):
    place = read_place(tmp_path)
    with wtmp.open("ab") as file:
        file.write(here(RUN_LEVEL, "shutdown", 50))  # earlier by the clock: it was stepped back
    assert read_turns_since(place, 1000, tmp_path) == [Turn("shutdown", 50)]


def test_a_rotation_in_between_loses_nothing(tmp_path, wtmp):
    place = read_place(tmp_path)
    with wtmp.open("ab") as file:
        file.write(here(RUN_LEVEL, "shutdown", 150))
    wtmp.rename(wtmp.with_name("wtmp.1"))
    wtmp.write_bytes(here(BOOT, "reboot", 160))
    assert read_turns_since(place, 140, tmp_path) == [Turn("shutdown", 150), Turn("boot", 160)]


def test_a_rotation_by_truncation_leaves_what_was_written_since(tmp_path, wtmp):
    wtmp.write_bytes(here(BOOT, "reboot", 100) * 5)
    place = read_place(tmp_path)
    wtmp.write_bytes(here(RUN_LEVEL, "shutdown", 150))
    assert read_turns_since(place, 140, tmp_path) == [Turn("shutdown", 150)]


def test_a_file_of_another_inode_is_read_by_the_clock(tmp_path, wtmp):
    wtmp.write_bytes(here(RUN_LEVEL, "shutdown", 90) + here(BOOT, "reboot", 150))
    assert read_turns_since(Place(1, 10), 140, tmp_path) == [Turn("boot", 150)]


def test_a_host_without_wtmp_has_noted_nothing(tmp_path):
    assert read_place(tmp_path) is None
    assert read_turns_since(None, 0, tmp_path) == []


def test_a_host_without_utmp_has_no_run_level(tmp_path):
    assert read_run_level(tmp_path) == ""
