"""The files collector where a file system is at its least helpful: nothing is lost, and nothing is made up."""

import contextlib
import ctypes
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from collectors._files.entry import FilesEntry
from collectors._files.hints import WatchError
from collectors._files.selection import Scope, Selection
from collectors._files.watch import Watch
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector

OLD = "listen 80;\n"
NEW = "listen 8080;\n"


@pytest.fixture
def etc(tmp_path):
    directory = tmp_path / "etc"
    directory.mkdir()
    (directory / "app.conf").write_text(OLD)
    return directory


def collector(*paths, surroundings=None, **options):
    options.setdefault("settle", Duration(0.05))
    entry = FilesEntry(paths=tuple(map(str, paths)), **options)
    return FilesCollector([Scoped(entry)], **(surroundings or {}))


def run(record, memory=None, *paths, wrap=lambda it: it, leave_out=frozenset(), **options):
    recorder = record(memory, leave_out=leave_out).start(wrap(collector(*paths, **options)))
    recorder.wait_for_report("watching")
    return recorder


def changes(recorder, count=1):
    recorder.wait_for_events(count)
    recorder.stop.wait(0.2)
    return sorted(
        (event.data.get("change"), event.data["path"].rpartition("/")[2]) for event in recorder.events
    )


class Powerless:
    """Runs a collector without the capabilities that let root read everything; for this thread alone."""

    def __init__(self, inner):
        self._inner = inner

    def run(self, runtime):
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        none = (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None, use_errno=True).capset(header, none) == 0
        self._inner.run(runtime)


# --- attributes


def test_another_mode_is_a_change_of_attributes(record, etc):
    recorder = run(record, None, f"{etc}/**")
    (etc / "app.conf").chmod(0o600)
    assert changes(recorder) == [("attributes", "app.conf")]
    data = recorder.events[0].data
    assert (data["old_mode"], data["new_mode"], data["attributes"]) == ("0644", "0600", "mode")
    assert data["old_sha256"] == data["new_sha256"]
    assert "diff" not in data


@pytest.mark.skipif(os.getuid() != 0, reason="giving a file away needs root")
def test_another_owner_is_a_change_of_attributes(record, etc):
    recorder = run(record, None, f"{etc}/**")
    os.chown(etc / "app.conf", 1, 12345)
    assert changes(recorder) == [("attributes", "app.conf")]
    data = recorder.events[0].data
    assert (data["old_owner"], data["new_owner"]) == ("root:root", "daemon:12345")
    assert data["attributes"] == "owner, group"


def test_an_extended_attribute_is_a_change_of_attributes(record, etc):
    try:
        os.setxattr(etc / "app.conf", "user.colour", b"green")
    except OSError as error:
        pytest.skip(f"no extended attributes here: {error}")
    recorder = run(record, None, f"{etc}/**")
    os.setxattr(etc / "app.conf", "user.colour", b"blue")
    assert changes(recorder) == [("attributes", "app.conf")]
    assert recorder.events[0].data["attributes"] == "user.colour"


@pytest.mark.skipif(os.getuid() != 0, reason="giving a file capabilities needs root")
def test_a_capability_and_an_acl_are_changes_of_attributes(record, etc):
    (etc / "tool").write_text("#!/bin/sh\n")
    recorder = run(record, None, f"{etc}/**")
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    os.setxattr(etc / "tool", "security.capability", capability)
    assert changes(recorder) == [("attributes", "tool")]
    assert recorder.events[0].data["attributes"] == "capabilities"
    acl = bytes.fromhex(
        "0200000001000600ffffffff020006000100000004000400ffffffff10000600ffffffff20000400ffffffff"
    )
    os.setxattr(etc / "app.conf", "system.posix_acl_access", acl)
    assert changes(recorder, 2) == [("attributes", "app.conf"), ("attributes", "tool")]
    assert "acl" in recorder.events[1].data["attributes"]


# --- what cannot be read


def test_a_file_that_cannot_be_read_any_more_is_unreadable_and_not_deleted(record, etc):
    recorder = run(record, None, f"{etc}/**", wrap=Powerless)
    (etc / "app.conf").chmod(0)
    assert changes(recorder) == [("unreadable", "app.conf")]
    recorder.end()
    again = run(record, recorder.memory, f"{etc}/**", wrap=Powerless)
    again.end()
    assert again.events == [], "it is told once"
    (etc / "app.conf").write_text(NEW)
    (etc / "app.conf").chmod(0o644)
    last = run(record, recorder.memory, f"{etc}/**", wrap=Powerless)
    assert changes(last) == [("modified", "app.conf")]
    assert last.events[0].data["old_sha256"] != last.events[0].data["new_sha256"]


def test_a_directory_that_cannot_be_read_any_more_is_one_unreadable(record, etc):
    (etc / "inner").mkdir()
    for number in range(3):
        (etc / "inner" / f"{number}").write_text("x")
    recorder = run(record, None, f"{etc}/**", wrap=Powerless)
    (etc / "inner").chmod(0)
    assert changes(recorder) == [("unreadable", "inner")]
    (etc / "inner").chmod(0o755)
    (etc / "inner" / "1").write_text("y")
    assert changes(recorder, 2) == [("modified", "1"), ("unreadable", "inner")]


def test_what_was_never_readable_is_silent(record, etc):
    (etc / "secret").write_text("x")
    (etc / "secret").chmod(0)
    (etc / "closed").mkdir(mode=0)
    recorder = run(record, None, f"{etc}/**", wrap=Powerless)
    recorder.end()
    again = run(record, recorder.memory, f"{etc}/**", wrap=Powerless)
    again.end()
    assert recorder.events == again.events == []


def mountinfo(path, *points, kind="tmpfs"):
    lines = [f"{20 + i} 1 0:{40 + i} / {point} rw - {kind} source rw" for i, point in enumerate(points)]
    path.write_text("\n".join(["1 0 8:1 / / rw - ext4 /dev/root rw", *lines]) + "\n")
    return {"mountinfo": path}


@pytest.mark.parametrize("leaves_an_empty_directory", [True, False])
def test_a_missing_mount_is_no_deletion(record, tmp_path, leaves_an_empty_directory):
    mount = tmp_path / "mnt"
    (mount / "conf").mkdir(parents=True)
    (mount / "conf" / "a").write_text("a")
    (mount / "conf" / "b").write_text("b")
    host = mountinfo(tmp_path / "mountinfo", mount)
    first = run(record, None, f"{mount}/conf/**", surroundings=host)
    first.end()
    mount.rename(tmp_path / "unmounted")
    if leaves_an_empty_directory:
        mount.mkdir()
    mountinfo(tmp_path / "mountinfo")
    second = run(record, first.memory, f"{mount}/conf/**", surroundings=host)
    assert changes(second) == [("unreadable", "mnt")]
    second.end()
    if leaves_an_empty_directory:
        mount.rmdir()
    (tmp_path / "unmounted").rename(mount)
    (mount / "conf" / "b").write_text("c")
    mountinfo(tmp_path / "mountinfo", mount)
    third = run(record, first.memory, f"{mount}/conf/**", surroundings=host)
    assert changes(third) == [("modified", "b")]


@pytest.fixture
def mount_point(tmp_path):
    """Mount one directory on another; whatever happens, nothing stays mounted."""
    point = tmp_path / "mnt"
    point.mkdir()
    (tmp_path / "disk").mkdir()
    if os.getuid() or subprocess.run(["mount", "--bind", tmp_path / "disk", point], check=False).returncode:
        pytest.skip("mounting needs root, and a place where it is allowed")
    yield point
    while f" {point} " in Path("/proc/self/mountinfo").read_text():
        subprocess.run(["umount", "-l", point], check=True)


def test_a_mount_that_goes_and_comes_under_watch(record, mount_point, tmp_path):
    (mount_point / "a").write_text("a")
    recorder = run(record, None, f"{mount_point}/**", settle=Duration(0.5))
    (mount_point / "a").write_text("changed, and gone before it had settled")
    subprocess.run(["umount", mount_point], check=True)
    recorder.stop.wait(0.6)
    assert changes(recorder) == [("unreadable", "mnt")]
    (tmp_path / "disk" / "a").write_text("b")
    subprocess.run(["mount", "--bind", tmp_path / "disk", mount_point], check=True)
    assert changes(recorder, 2) == [("modified", "a"), ("unreadable", "mnt")]


class Server:
    """The remote side of a mount: it answers, or it does not."""

    def __init__(self):
        self._lives = threading.Event()
        self._lives.set()
        self.hang, self.answer = self._lives.clear, self._lives.set

    def ask(self, point):
        self._lives.wait(30)
        return point


@pytest.fixture
def server():
    server = Server()
    yield server
    server.answer()


PATIENT = {"patience_seconds": 60.0}
"""While the server answers: on a crowded machine that takes longer than a test may wait for one that does not."""


def test_a_server_that_does_not_answer_is_unreadable_and_holds_up_nothing_else(record, etc, tmp_path, server):
    export = tmp_path / "export"
    export.mkdir()
    (export / "a").write_text(OLD)
    host = {
        **mountinfo(tmp_path / "mountinfo", export, kind="nfs4"),
        "ask": server.ask,
        "patience_seconds": 0.05,
    }
    first = run(record, None, f"{etc}/**", f"{export}/**", surroundings={**host, **PATIENT})
    first.end()
    server.hang()
    (etc / "app.conf").write_text(NEW)
    (export / "a").unlink()
    second = run(record, first.memory, f"{etc}/**", f"{export}/**", surroundings=host)
    assert changes(second, 2) == [("modified", "app.conf"), ("unreadable", "export")]
    assert second.events[-1].data["reason"] == "the file system that is mounted here does not answer"
    (export / "a").write_text(NEW)
    (etc / "app.conf").unlink()
    assert changes(second, 3)[0] == ("deleted", "app.conf")
    server.answer()
    assert ("modified", "a") in changes(second, 4)


def test_a_link_to_a_server_that_does_not_answer_is_unreadable_until_it_does(record, etc, tmp_path, server):
    export = tmp_path / "export"
    export.mkdir()
    (export / "far").write_text(OLD)
    (etc / "link").symlink_to(export / "far")
    (tmp_path / "root").symlink_to(export)
    host = {
        **mountinfo(tmp_path / "mountinfo", export, kind="fuse.sshfs"),
        "ask": server.ask,
        "patience_seconds": 0.05,
    }
    paths = (f"{etc}/**", f"{tmp_path}/root/*")
    first = run(record, None, *paths, surroundings={**host, **PATIENT})
    first.end()
    server.hang()
    second = run(record, first.memory, *paths, surroundings=host)
    (etc / "app.conf").write_text(NEW)
    assert changes(second, 2) == [("modified", "app.conf"), ("unreadable", "link")]
    (export / "far").write_text(NEW)
    server.answer()
    assert changes(second, 4)[1:3] == [("modified", "far"), ("modified", "link")]


# --- directories and roots


def test_a_directory_that_comes_with_files_is_watched(record, etc):
    recorder = run(record, None, f"{etc}/**")
    (etc / "a" / "b").mkdir(parents=True)
    (etc / "a" / "b" / "x").write_text("x")
    assert changes(recorder) == [("created", "x")]
    (etc / "a" / "b" / "x").write_text("y")
    assert changes(recorder, 2) == [("created", "x"), ("modified", "x")]


def test_a_directory_that_moves_in_goes_on_being_watched(record, etc, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "x").write_text("x")
    recorder = run(record, None, f"{etc}/**")
    (tmp_path / "new").rename(etc / "new")
    assert changes(recorder) == [("created", "x")]
    (etc / "new" / "x").write_text("y")
    assert changes(recorder, 2) == [("created", "x"), ("modified", "x")]


def test_a_directory_that_moves_within_is_renamed_files(record, etc):
    (etc / "old" / "deep").mkdir(parents=True)
    (etc / "old" / "deep" / "x").write_text("x")
    (etc / "old" / "y").write_text("y")
    recorder = run(record, None, f"{etc}/**")
    (etc / "old").rename(etc / "new")
    assert changes(recorder, 2) == [("renamed", "x"), ("renamed", "y")]
    assert {event.data["renamed_from"] for event in recorder.events} == {
        f"{etc}/old/deep/x",
        f"{etc}/old/y",
    }
    (etc / "new" / "deep" / "x").write_text("changed")
    assert changes(recorder, 3)[0] == ("modified", "x")
    assert recorder.events[-1].data["path"] == f"{etc}/new/deep/x"


def test_a_directory_that_moves_out_is_deleted_files_and_watched_no_more(record, etc, tmp_path):
    (etc / "old").mkdir()
    (etc / "old" / "x").write_text("x")
    recorder = run(record, None, f"{etc}/**")
    (etc / "old").rename(tmp_path / "outside")
    assert changes(recorder) == [("deleted", "x")]
    (tmp_path / "outside" / "x").write_text("y")
    (etc / "app.conf").write_text(NEW)
    assert changes(recorder, 2) == [("deleted", "x"), ("modified", "app.conf")]


def test_a_root_that_is_removed_and_made_again_is_watched_again(record, etc):
    recorder = run(record, None, f"{etc}/**")
    shutil.rmtree(etc)
    assert changes(recorder) == [("deleted", "app.conf")]
    etc.mkdir()
    (etc / "app.conf").write_text(NEW)
    assert changes(recorder, 2) == [("created", "app.conf"), ("deleted", "app.conf")]
    (etc / "app.conf").write_text(OLD)
    assert changes(recorder, 3)[-1] == ("modified", "app.conf")


def test_a_root_that_is_not_there_yet_is_waited_for(record, tmp_path):
    root = tmp_path / "not" / "yet" / "there"
    recorder = run(record, None, f"{root}/*.conf")
    root.mkdir(parents=True)
    (root / "app.conf").write_text(OLD)
    assert changes(recorder) == [("created", "app.conf")]
    (root / "app.conf").write_text(NEW)
    assert changes(recorder, 2) == [("created", "app.conf"), ("modified", "app.conf")]


def test_a_parent_of_a_root_that_is_swapped_for_another_is_modified_files(record, tmp_path):
    for name, content in (("app", OLD), ("app.new", NEW)):
        (tmp_path / name / "conf").mkdir(parents=True)
        (tmp_path / name / "conf" / "app.conf").write_text(content)
    recorder = run(record, None, f"{tmp_path}/app/conf/**")
    (tmp_path / "app").rename(tmp_path / "app.old")
    (tmp_path / "app.new").rename(tmp_path / "app")
    assert changes(recorder) == [("modified", "app.conf")]
    (tmp_path / "app" / "conf" / "app.conf").write_text(OLD)
    assert changes(recorder, 2) == [("modified", "app.conf")] * 2


def test_a_directory_the_agent_keeps_its_own_files_in_is_not_entered(record, etc):
    (etc / "spool").mkdir()
    (etc / "spool" / "x").write_text("x")
    status = (etc / "spool").stat()
    recorder = run(record, None, f"{etc}/**", leave_out=frozenset({(status.st_dev, status.st_ino)}))
    (etc / "spool" / "x").write_text("y")
    (etc / "app.conf").write_text(NEW)
    assert changes(recorder) == [("modified", "app.conf")]
    assert not any("spool" in key for key in recorder.memory.kept)


# --- hints that fail


@contextlib.contextmanager
def held_up(watch):
    """Hold up the thread that reads hints, as on a machine that is too busy to read them."""
    with watch._hint_lock:
        yield


def test_an_overflow_of_the_kernels_queue_is_made_good_by_comparing_everything(record, etc):
    watches = []

    def remembered(*args):
        watches.append(Watch(*args))
        return watches[0]

    recorder = run(record, None, f"{etc}/**", surroundings={"watch": remembered})
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with held_up(watches[0]):
        for _ in range(queue // 2 + 1000):
            os.close(os.open(etc / "noise", os.O_WRONLY | os.O_CREAT))
            (etc / "noise").unlink()
        (etc / "app.conf").write_text(NEW)
        (etc / "unseen").write_text("x")
    assert changes(recorder, 2) == [("created", "unseen"), ("modified", "app.conf")]
    (etc / "app.conf").write_text(OLD)
    assert changes(recorder, 3)[-1] == ("modified", "app.conf")
    assert not any(event.data.get("while_agent_down") for event in recorder.events)


@pytest.fixture
def apart():
    """Make a directory whose parents no other test changes: that would have everything in it compared."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def test_a_crowd_of_changes_in_one_directory_holds_up_no_change_in_another(record, apart, tmp_path):
    mounts = tmp_path / "mountinfo"  # so would what is mounted elsewhere meanwhile
    mounts.write_bytes(Path("/proc/self/mountinfo").read_bytes())
    watches = []

    def remembered(*args):
        watches.append(Watch(*args))
        return watches[0]

    for name in ("crowd", "quiet"):
        (apart / name).mkdir()
    paths = (f"{apart}/crowd/**", f"{apart}/quiet/**")
    recorder = run(record, None, *paths, surroundings={"watch": remembered, "mountinfo": mounts})
    with held_up(watches[0]):
        for number in range(800):
            (apart / "crowd" / f"{number}").touch()
        (apart / "quiet" / "app.conf").write_text(NEW)
    recorder.wait_for(lambda: f"{apart}/quiet/app.conf" in [event.data["path"] for event in recorder.events])
    assert sum("/crowd//" in key for key in recorder.memory.kept) < 700


def test_what_happened_so_far_is_a_hint_once_the_watch_has_caught_up(etc):
    """Also what its thread has just taken from the kernel's queue, and has made nothing of yet."""
    watch = Watch(lambda: None, Selection([Scope((f"{etc}/**",))]))
    watch.start()
    fd = os.open(etc, os.O_PATH)
    watch.watch_directory(str(etc), fd)
    os.close(fd)
    missed = []
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for number in range(2000):
            (etc / "app.conf").write_text(f"{number}")
            watch.catch_up()
            missed += [number] if f"{etc}/app.conf" not in watch.take().files else []
    finally:
        sys.setswitchinterval(before)
        watch.stop()
        watch.join()
    assert missed == []


class LimitedWatch(Watch):
    """A kernel that has no watch to give for directories of a certain name."""

    def watch_directory(self, path, fd):
        if "/limited" in path:
            raise WatchError(errno.ENOSPC, "no space left on device")
        super().watch_directory(path, fd)


def test_a_subtree_that_cannot_be_watched_is_polled_and_that_is_told_once(record, etc):
    (etc / "limited" / "a").mkdir(parents=True)
    (etc / "limited" / "a" / "x").write_text("x")
    host = {"watch": LimitedWatch, "poll_seconds": 0.1}
    recorder = run(record, None, f"{etc}/**", surroundings=host)
    recorder.wait_for_events(1)
    (event,) = recorder.events
    assert (event.name, event.event_type) == ("agent", "WatchDegradedEvent")
    assert event.data["path"] == f"{etc}/limited"
    assert "max_user_watches" in event.text
    (etc / "limited" / "a" / "x").write_text("y")
    recorder.wait_for_events(2)
    assert recorder.events[1].data["change"] == "modified"
    recorder.end()
    again = run(record, recorder.memory, f"{etc}/**", surroundings=host)
    again.end()
    assert again.events == []


def test_without_any_inotify_instance_everything_is_polled(record, etc):
    def none_left(_wake, _selection):
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    recorder = run(record, None, f"{etc}/**", surroundings={"watch": none_left, "poll_seconds": 0.1})
    recorder.wait_for_events(1)
    assert "max_user_instances" in recorder.events[0].text
    (etc / "app.conf").write_text(NEW)
    recorder.wait_for_events(2)
    assert recorder.events[1].data["change"] == "modified"


def test_changes_without_any_hint_are_found_by_the_slow_compare(record, etc):
    class DeafWatch(Watch):
        def watch_directory(self, path, fd):
            pass

    host = {"watch": DeafWatch, "compare_seconds": 0.2}
    recorder = run(record, None, f"{etc}/**", surroundings=host)
    (etc / "app.conf").write_text(NEW)
    assert changes(recorder) == [("modified", "app.conf")]
    assert "while_agent_down" not in recorder.events[0].data


def test_a_write_through_another_name_of_a_file_that_nobody_watches_is_found_by_the_slow_compare(
    record, etc, tmp_path
):
    """The kernel gives a hint to the directory of the name that is written through, and to no other."""
    other = tmp_path / "other-name"
    os.link(etc / "app.conf", other)
    recorder = run(record, None, f"{etc}/**", surroundings={"compare_seconds": 0.2})
    with other.open("r+") as file:  # in one go: no look finds it empty
        file.write(NEW)
    assert changes(recorder) == [("modified", "app.conf")]


# --- odd files


def test_what_is_no_regular_file_is_never_opened(record, etc):
    os.mkfifo(etc / "fifo")
    recorder = run(record, None, f"{etc}/**")
    os.mkfifo(etc / "another")
    (etc / "app.conf").write_text(NEW)
    assert changes(recorder) == [("modified", "app.conf")]
    (etc / "app.conf").unlink()
    os.mkfifo(etc / "app.conf")
    assert changes(recorder, 2) == [("deleted", "app.conf"), ("modified", "app.conf")]


def test_directories_deeper_than_anybody_needs_are_left_out_and_take_nothing_else_along(record, etc):
    here = os.open(etc, os.O_PATH)
    for _ in range(300):
        os.mkdir("d", dir_fd=here)
        here, above = os.open("d", os.O_PATH, dir_fd=here), here
        os.close(above)
    recorder = run(record, None, f"{etc}/**")
    recorder.wait_for_report("directories deep")
    os.mkdir("d", dir_fd=here)
    os.close(here)
    (etc / "app.conf").write_text(NEW)
    (etc / "d/near").write_text(NEW)
    assert changes(recorder, 2) == [("created", "near"), ("modified", "app.conf")]


def test_names_of_any_bytes_are_remembered_and_told(record, etc):
    name = os.fsdecode(b"caf\xe9 \x01 // \n.conf".replace(b"/", b"|"))
    (etc / name).write_text("x")
    recorder = run(record, None, f"{etc}/**")
    recorder.end()
    (etc / name).write_text("y")
    again = run(record, recorder.memory, f"{etc}/**")
    again.wait_for_events(1)
    assert again.events[0].data["change"] == "modified"
    assert "caf\\xe9" in again.events[0].data["path"]


def test_a_binary_file_has_hashes_and_no_diff(record, etc):
    (etc / "blob").write_bytes(b"\x00\x01\xff")
    recorder = run(record, None, f"{etc}/**")
    (etc / "blob").write_bytes(b"\x00\x02\xff")
    assert changes(recorder) == [("modified", "blob")]
    assert recorder.events[0].data["old_sha256"] != recorder.events[0].data["new_sha256"]
    assert "diff" not in recorder.events[0].data


def test_a_huge_file_is_compared_by_size_and_times(record, etc):
    with (etc / "huge").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    recorder = run(record, None, f"{etc}/**")
    with (etc / "huge").open("r+b") as file:
        file.write(b"x")
    assert changes(recorder) == [("modified", "huge")]
    assert recorder.events[0].data["new_sha256"] is None


def test_a_thousand_changes_in_a_second_are_few_and_the_last_content_is_right(record, etc):
    recorder = run(record, None, f"{etc}/**")
    end = time.monotonic() + 1.0
    number = 0
    while time.monotonic() < end:
        number += 1
        (etc / "app.conf").write_text(f"{number}\n")
    final = hashlib.sha256(f"{number}\n".encode()).hexdigest()
    recorder.wait_for(lambda: recorder.events and recorder.events[-1].data["new_sha256"] == final)
    assert len(recorder.events) <= 10


def test_a_flood_is_five_hundred_details_and_one_summary(record, etc):
    recorder = run(record, None, f"{etc}/**")
    recorder.end()
    for number in range(700):
        (etc / f"{number}").write_text("x")
    again = run(record, recorder.memory, f"{etc}/**")
    again.end()
    assert len(again.events) == 501
    summary = again.events[-1]
    assert summary.data["count"] == 200
    assert summary.data["path"] == str(etc)
    assert summary.data["while_agent_down"] is True
    last = run(record, recorder.memory, f"{etc}/**")
    last.end()
    assert last.events == []


class LeapingClock:
    """A monotonic clock that can be put forward."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.monotonic() + self.ahead


def test_a_flood_under_watch_is_summed_up_when_its_minute_is_over(record, etc):
    clock = LeapingClock()
    recorder = run(record, None, f"{etc}/**", surroundings={"monotonic": clock})
    for number in range(700):
        (etc / f"{number}").write_text("x")
    recorder.wait_for(lambda: "=flood" + str(etc) in recorder.memory.kept, "a count of what is not told")
    clock.ahead = 3600
    (etc / "app.conf").write_text(NEW)
    recorder.wait_for(lambda: sum(e.data.get("count", 1) for e in recorder.events) == 701, "all of them")
    assert any(event.data.get("summary") for event in recorder.events)
    assert "=flood" + str(etc) not in recorder.memory.kept


def test_a_flood_whose_summary_was_not_told_is_told_at_the_next_start(record, etc):
    recorder = run(record, None, f"{etc}/**")
    for number in range(600):
        (etc / f"{number}").write_text("x")
    recorder.wait_for(lambda: any(key.startswith("=flood") for key in recorder.memory.kept))
    recorder.wait_for_events(500)
    recorder.end()
    again = run(record, recorder.memory, f"{etc}/**")
    again.end()
    assert sum(event.data.get("count", 1) for event in (*recorder.events, *again.events)) == 600
