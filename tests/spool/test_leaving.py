"""What is left for the daemon is on disk, and leads nowhere else, also where somebody has prepared the place."""

import errno
import os

import pytest

from spool import SpoolError, failpoints, leave_in_incoming
from spool.incoming import remove_leftovers

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: run the tests as root")


@pytest.fixture
def directory(tmp_path):
    directory = tmp_path / "spool"
    leave_in_incoming(directory, "first", b"1")
    return directory


def test_leaving_the_same_name_again_replaces_it_and_nothing_else_is_left(directory):
    leave_in_incoming(directory, "first", b"2")
    assert {path.name: path.read_bytes() for path in (directory / "incoming").iterdir()} == {"first": b"2"}


def test_what_a_starting_daemon_takes_for_a_leftover_is_left_once_more(directory):
    starts = iter([True])

    def start_of_a_daemon(point):
        if point == "incoming.written" and next(starts, False):
            incoming = directory / "incoming"
            for path in incoming.glob(".*"):
                os.utime(path, (0, 0))  # as its clock, set far forward, makes it look
            remove_leftovers(directory)

    failpoints.arm(start_of_a_daemon)
    try:
        leave_in_incoming(directory, "second", b"2")
    finally:
        failpoints.disarm()
    assert {path.name for path in (directory / "incoming").iterdir()} == {"first", "second"}


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.ENOSPC, "free some space"), (errno.EDQUOT, "free some space"), (errno.EROFS, "read-only"),
     (errno.EACCES, "join the group"), (errno.EIO, "look at what lies there")],
)  # fmt: skip
def test_what_could_not_be_left_comes_with_what_to_do_about_it(directory, number, hint):
    def fail(_):
        raise OSError(number, os.strerror(number))

    failpoints.arm(fail)
    try:
        with pytest.raises(SpoolError, match="takes nothing") as raised:
            leave_in_incoming(directory, "second", b"2")
    finally:
        failpoints.disarm()
    assert hint in raised.value.hint
    assert [path.name for path in (directory / "incoming").iterdir()] == ["first"]


def test_a_link_in_the_place_of_the_directory_is_not_followed(directory, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (directory / "incoming").rename(elsewhere)
    (directory / "incoming").symlink_to(elsewhere)
    with pytest.raises(SpoolError, match="takes nothing"):
        leave_in_incoming(directory, "second", b"2")
    assert [path.name for path in elsewhere.iterdir()] == ["first"]


def test_a_link_with_the_name_of_the_file_is_replaced_and_not_followed(directory, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (directory / "incoming" / "second").symlink_to(secret)
    leave_in_incoming(directory, "second", b"2")
    assert secret.read_bytes() == b"secret"
    assert (directory / "incoming" / "second").read_bytes() == b"2"


@root_only
def test_root_makes_the_directory_for_the_owner_of_the_spool(tmp_path):
    directory = tmp_path / "spool"
    directory.mkdir()
    os.chown(directory, 12345, 12345)
    leave_in_incoming(directory, "first", b"1")
    found = (directory / "incoming").stat()
    assert (found.st_uid, found.st_gid) == (12345, 12345)


def test_a_link_to_nowhere_in_the_place_of_the_directory_makes_nothing(tmp_path):
    directory = tmp_path / "spool"
    directory.mkdir()
    (directory / "incoming").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpoolError):
        leave_in_incoming(directory, "first", b"1")
    assert not (tmp_path / "elsewhere").exists()
