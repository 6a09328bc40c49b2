"""Files that are left while the daemon is down are taken in once."""

import hashlib
import os
import subprocess
from contextlib import suppress

import pytest
from spool_examples import drain, record_of

from spool import SpoolError, leave_in_incoming


def test_what_was_left_is_taken_in_once_and_removed(open_spool, tmp_path):
    directory = tmp_path / "spool"
    leave_in_incoming(directory, "0002", b"second")
    leave_in_incoming(directory, "0001", b"first")
    spool = open_spool()
    left = list(spool.incoming.waiting())
    assert left == [("0001", b"first"), ("0002", b"second")]
    for name, body in left:
        spool.records.append([record_of(body.decode())], ingested=[name])
    spool.incoming.finish([name for name, _ in left])
    assert list(spool.incoming.waiting()) == []
    assert not list((directory / "incoming").iterdir())
    assert drain(spool, "stackstate") == ["first", "second"]


def test_a_file_that_was_taken_in_but_not_removed_is_not_taken_in_again(open_spool, tmp_path):
    spool = open_spool()
    leave_in_incoming(tmp_path / "spool", "0001", b"first")
    spool.records.append([record_of("first")], ingested=["0001"])
    spool = open_spool()
    assert list(spool.incoming.waiting()) == []
    assert not (tmp_path / "spool/incoming/0001").exists()


def test_what_is_no_file_of_ours_is_set_aside(open_spool, tmp_path):
    spool = open_spool()
    incoming = tmp_path / "spool/incoming"
    (tmp_path / "secret").write_text("secret")
    (incoming / "link").symlink_to(tmp_path / "secret")
    (incoming / "directory").mkdir()
    (incoming / "name with blanks").write_bytes(b"x")
    assert list(spool.incoming.waiting()) == []
    refused = {path.name for path in (tmp_path / "spool/incoming-refused").iterdir()}
    assert refused == {"link", "directory", "name with blanks"}
    assert (tmp_path / "secret").read_text() == "secret"


def test_a_hard_link_as_to_the_spools_own_database_is_set_aside_unread(open_spool, tmp_path):
    """Closing any descriptor of spool.db but SQLite's own would drop the locks."""
    spool = open_spool()
    os.link(tmp_path / "spool/spool.db", tmp_path / "spool/incoming/0001")
    assert list(spool.incoming.waiting()) == []
    assert [path.name for path in (tmp_path / "spool/incoming-refused").iterdir()] == ["0001"]
    refused, count = spool.incoming.take_refused()
    assert (refused.reason, refused.sha256, count) == ("it has another name", "", 1)


def test_what_was_refused_is_known_by_hash_size_and_owner_until_it_is_asked_for(open_spool, tmp_path):
    spool = open_spool()
    leave_in_incoming(tmp_path / "spool", "0001", b"no JSON")
    (tmp_path / "spool/incoming/0002").mkdir()
    spool.incoming.refuse("0001", "no JSON")
    assert list(spool.incoming.waiting()) == []
    refused, count = spool.incoming.take_refused()
    assert (refused.name, refused.reason, refused.size_bytes, count) == ("0001", "no JSON", 7, 2)
    assert (refused.sha256, refused.owner) == (hashlib.sha256(b"no JSON").hexdigest(), os.geteuid())
    assert spool.incoming.take_refused() == (None, 0)
    assert spool.status().refused_files == 2


def test_a_file_that_cannot_be_understood_is_kept_aside(open_spool, tmp_path):
    spool = open_spool()
    leave_in_incoming(tmp_path / "spool", "0001", b"no JSON")
    spool.incoming.refuse("0001", "no JSON")
    assert (tmp_path / "spool/incoming-refused/0001").read_bytes() == b"no JSON"


@pytest.mark.parametrize("name", ["../escape", ".hidden", "", "a/b", "x" * 300])
def test_a_name_that_could_lead_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(SpoolError):
        leave_in_incoming(tmp_path, name, b"")


def test_what_was_refused_is_bounded_in_number_and_size_with_trees_of_directories(open_spool, tmp_path):
    spool = open_spool()
    incoming, refused = tmp_path / "spool/incoming", tmp_path / "spool/incoming-refused"
    for index in range(250):
        (incoming / f"tree-{index}" / "inside").mkdir(parents=True)
        (incoming / f"tree-{index}" / "file").write_bytes(b"x" * 1000)
        assert list(spool.incoming.waiting()) == []
    kept = {path.name for path in refused.iterdir()}
    assert kept == {f"tree-{index}" for index in range(150, 250)}
    (incoming / "large").mkdir()
    (incoming / "large/file").write_bytes(b"x" * 9_000_000)
    assert list(spool.incoming.waiting()) == []
    assert sum(path.lstat().st_size for path in refused.rglob("*")) < 9_000_000


def test_a_tree_deeper_than_any_path_is_removed_and_no_link_is_followed(open_spool, tmp_path):
    spool = open_spool()
    incoming = tmp_path / "spool/incoming"
    (tmp_path / "other").mkdir()
    (tmp_path / "other/kept").touch()
    descriptor = os.open(incoming, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("deep-and-long-enough-for-no-path", dir_fd=descriptor)
        inner = os.open("deep-and-long-enough-for-no-path", os.O_RDONLY, dir_fd=descriptor)
        os.symlink(tmp_path / "other", "link", dir_fd=inner)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    assert list(spool.incoming.waiting()) == []
    assert not list((tmp_path / "spool/incoming-refused").iterdir())
    assert not list(incoming.iterdir())
    assert (tmp_path / "other/kept").exists()
    leave_in_incoming(tmp_path / "spool", "0001", b"fine")
    assert list(spool.incoming.waiting()) == [("0001", b"fine")]


@pytest.mark.parametrize("levels", [998, 1900])
def test_a_tree_of_directories_of_any_depth_hinders_no_start_no_status_and_no_housekeeping(
    open_spool, tmp_path, levels
):
    """Python's own walks through directories recurse, and end with an exception a thousand levels deep."""
    open_spool().close()
    for place in ("incoming/.left", "incoming/left", "incoming-refused/left"):
        deep = os.path.join(tmp_path / "spool", place, *["x"] * levels)  # noqa: PTH118 - as long as a path may be
        make_below(tmp_path / "spool", deep)
    spool = open_spool()
    assert spool.status().size_bytes > 0
    spool.housekeeping(trusted_time=True)
    leave_in_incoming(tmp_path / "spool", "0001", b"fine")
    assert list(spool.incoming.waiting()) == [("0001", b"fine")]
    spool = open_spool()
    assert spool.recovery is None
    spool.close()
    subprocess.run(
        ["rm", "-rf", tmp_path / "spool"], check=True
    )  # what removes it otherwise recurses as well


def make_below(directory, path):
    """Make a path of directories that is too deep for `makedirs`, which recurses."""
    descriptor = os.open(directory, os.O_RDONLY)
    for name in os.path.relpath(path, directory).split("/"):
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=descriptor)
        inner = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)


def test_files_beyond_what_is_listed_at_once_are_taken_in_as_well_after_those_of_earlier_names(
    open_spool, tmp_path, monkeypatch
):
    spool = open_spool()
    monkeypatch.setattr("spool.incoming._NAMES_AT_ONCE", 3)
    for number in range(10):
        leave_in_incoming(tmp_path / "spool", f"{number:04}", b"fine")
        (tmp_path / "spool/incoming" / f"-{number}").mkdir()
    assert [name for name, _ in spool.incoming.waiting()] == [f"{number:04}" for number in range(10)]
    assert not [path for path in (tmp_path / "spool/incoming").iterdir() if path.is_dir()]


def test_a_few_files_are_told_from_many_and_from_what_is_no_file(open_spool, tmp_path):
    spool = open_spool()
    assert spool.incoming.are_few(2)
    for name in ("a", "b"):
        leave_in_incoming(tmp_path / "spool", name, b"{}")
    assert spool.incoming.are_few(2)
    assert not spool.incoming.are_few(1)
    (tmp_path / "spool/incoming/c").mkdir()
    assert not spool.incoming.are_few(3)


def test_a_directory_with_a_hidden_name_keeps_no_leftover_from_being_removed(open_spool, tmp_path):
    incoming = tmp_path / "spool/incoming"
    open_spool()
    for name in (".a", ".c"):
        (incoming / name / "inside").mkdir(parents=True)
    (incoming / ".b").touch()
    for path in incoming.iterdir():
        os.utime(path, (0, 0))
    open_spool().housekeeping(trusted_time=True)
    assert sorted(path.name for path in incoming.iterdir()) == [".a", ".c"]


def test_a_name_that_was_refused_before_replaces_what_was_kept_of_it(open_spool, tmp_path):
    spool = open_spool()
    incoming = tmp_path / "spool/incoming"
    (incoming / "name/inside").mkdir(parents=True)
    assert list(spool.incoming.waiting()) == []
    (incoming / "name").symlink_to("/")
    assert list(spool.incoming.waiting()) == []
    assert [path.is_symlink() for path in (tmp_path / "spool/incoming-refused").iterdir()] == [True]
