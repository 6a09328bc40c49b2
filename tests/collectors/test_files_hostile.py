"""What anybody may put into a watched directory: it is told as what it is, and holds nothing else up, also after a restart."""

import ctypes
import hashlib
import json
import os
import tempfile
import time
from pathlib import Path

import pytest
from own_database import is_locked, locked_database

from agent.runtime.own_files import OwnFiles
from collectors._files.budget import Budget, OverBudget
from collectors._files.diff import unified
from collectors._files.entry import FilesEntry
from collectors._files.texts import MAX_TEXT_BYTES
from collectors.collector import Duration, Scoped
from collectors.event import encode
from collectors.files import FilesCollector

NOBODY = 65534
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="giving a file away needs root")


@pytest.fixture
def place():
    """Make a directory that everybody may look into, which those of pytest are not."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
def etc(place):
    directory = place / "etc"
    directory.mkdir()
    return directory


def collector(*paths, surroundings=None, diff="auto"):
    entry = FilesEntry(paths=tuple(map(str, paths)), settle=Duration(0.02), diff=diff)
    return FilesCollector([Scoped(entry)], **(surroundings or {}))


class Powerless:
    """Runs a collector without the capabilities that let root read everything; for this thread alone."""

    def __init__(self, inner):
        self._inner = inner

    def run(self, runtime):
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        none = (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None, use_errno=True).capset(header, none) == 0
        self._inner.run(runtime)


def start(record, paths, memory=None, *, surroundings=None, diff="auto", **options):
    recorder = record(memory, **options)
    recorder.start(collector(*paths, surroundings=surroundings, diff=diff))
    recorder.wait_for_report("watching")
    return recorder


def of(recorder, name):
    """Return the data of what was told of one path."""
    return [event.data for event in recorder.events if event.data["path"].rpartition("/")[2] == name]


def see(recorder, path, text):
    """Change a file, and wait until that is told: whatever was hinted at before is told then, too."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(text)
    recorder.wait_for(
        lambda: any(event.data.get("new_sha256") == digest for event in recorder.events), f"{path} {text!r}"
    )


def in_the_far_future(etc):
    (etc / "hostile").write_text("x")
    os.utime(etc / "hostile", ns=(10_413_792_000 * 10**9,) * 2)


def before_the_beginning(etc):
    (etc / "hostile").write_text("x")
    os.utime(etc / "hostile", ns=(-(2**33) * 10**9,) * 2)


def a_link_to_no_text(etc):
    (etc / "hostile").symlink_to("/nowhere/\udcff\udcfe")


def an_attribute_of_no_text(etc):
    (etc / "hostile").write_text("x")
    os.setxattr(etc / "hostile", b"user.\xff", b"\xfe")


def many_attributes_with_long_names(etc):
    (etc / "hostile").write_text("x")
    for number in range(14):
        os.setxattr(etc / "hostile", f"user.{number:02}".encode() + b"\xff" * 240, b"")


def a_loop_of_links(etc):
    (etc / "hostile").symlink_to("hostile")


def a_long_way_of_links(etc):
    (etc / "hostile").symlink_to("./" * 2000 + "x")


def a_name_of_no_text(etc):
    with open(os.fsencode(etc) + b"/\xff\xfe" + b"\xed\xa0\x80" * 50, "w") as file:  # noqa: PTH123 - bytes
        file.write("x")


def deep_yaml(etc):
    (etc / "hostile.yaml").write_text("- " * 32_000)


def wide_open_yaml(etc):
    (etc / "hostile.yaml").write_text("[" * 60_000)


def half_a_character(etc):
    (etc / "hostile.json").write_text('{"a\\ud800": "\\udfff"}')


def a_long_number(etc):
    (etc / "hostile.toml").write_text("a = 0x" + "f" * 20_000)


def a_long_key(etc):
    (etc / "hostile.toml").write_text("a" + ".a" * 32_000 + " = 1")


HOSTILE = [
    in_the_far_future,
    before_the_beginning,
    a_link_to_no_text,
    an_attribute_of_no_text,
    many_attributes_with_long_names,
    a_loop_of_links,
    a_long_way_of_links,
    a_name_of_no_text,
    deep_yaml,
    wide_open_yaml,
    half_a_character,
    a_long_number,
    a_long_key,
]


@pytest.mark.parametrize("plant", HOSTILE, ids=lambda plant: plant.__name__)
def test_a_hostile_file_is_told_and_its_neighbours_go_on_being_told_also_after_a_restart(record, etc, plant):
    (etc / "neighbour").write_text("old")
    for name in ("hostile.yaml", "hostile.json", "hostile.toml"):
        (etc / name).write_text({"json": "{}", "yaml": "a: 1", "toml": "a = 1"}[name[8:]])
    recorder = start(record, [f"{etc}/**"])
    plant(etc)
    see(recorder, etc / "neighbour", "while it is planted")
    recorder.wait_for(
        lambda: any("hostile" in e.data["path"] or "\\xff" in e.data["path"] for e in recorder.events)
    )
    recorder.end()
    (etc / "neighbour").write_text("while nobody looks")
    again = start(record, [f"{etc}/**"], recorder.memory)
    see(again, etc / "neighbour", "after the restart")
    assert [data["change"] for data in of(again, "neighbour")] == ["modified", "modified"]
    assert len(again.events) == 2, "nothing is told twice"
    again.end()
    at_first_sight = start(record, [f"{etc}/**"])
    see(at_first_sight, etc / "neighbour", "with a fresh memory")
    for event in (*recorder.events, *again.events, *at_first_sight.events):
        json.loads(encode(event))


def test_a_change_of_times_beyond_all_numbers_is_still_a_change(record, etc):
    in_the_far_future(etc)
    recorder = start(record, [f"{etc}/**"])
    with (etc / "hostile").open("w") as file:
        file.write("y")
    os.utime(etc / "hostile", ns=(10_413_792_000 * 10**9,) * 2)
    recorder.wait_for(lambda: bool(of(recorder, "hostile")))
    assert of(recorder, "hostile")[0]["new_sha256"] == hashlib.sha256(b"y").hexdigest()


# --- one path that makes trouble nobody foresaw


def test_trouble_with_one_path_is_told_of_that_path_once_and_shown_until_it_is_over(record, etc, monkeypatch):
    """The file system itself is made to break a promise: no file is known that does it by itself any more."""
    for name in ("bad", "good"):
        (etc / name).write_text("old")

    def broken(moment):
        real = os.fstat

        def fstat(fd):
            if moment["broken"] and Path(f"/proc/self/fd/{fd}").readlink().name == "bad":
                raise ValueError("no such stat \udcff")
            return real(fd)

        return fstat

    moment = {"broken": True}
    monkeypatch.setattr(os, "fstat", broken(moment))
    recorder = start(record, [f"{etc}/**"])
    see(recorder, etc / "good", "new")
    (degraded,) = [event for event in recorder.events if event.event_type == "WatchDegradedEvent"]
    assert degraded.data == {"path": str(etc / "bad"), "reason": "ValueError: no such stat \\xff"}
    assert any("cannot compare 1, as" in report for report in recorder.reports)
    recorder.end()
    again = start(record, [f"{etc}/**"], recorder.memory)
    see(again, etc / "good", "newer")
    assert not [event for event in again.events if event.event_type == "WatchDegradedEvent"]
    moment["broken"] = False
    (etc / "bad").write_text("mended")
    see(again, etc / "good", "newest")
    again.wait_for(lambda: bool(of(again, "bad")) or "=trouble" not in str(again.memory.kept))
    again.end()
    assert not any(key.startswith("=trouble") for key in again.memory.kept)


# --- a budget of work


class Expensive:
    """A clock of CPU time by which every piece of work takes a second."""

    def __init__(self):
        self._now = 0.0

    def __call__(self):
        self._now += 1.0
        return self._now


def test_a_file_that_takes_too_much_work_is_told_by_its_hash_and_why(record, etc):
    (etc / "x").write_text("a = 1\n")
    recorder = start(record, [f"{etc}/**"], surroundings={"cpu": Expensive(), "cpu_seconds": 0.0})
    see(recorder, etc / "x", "a = 2\n")
    (data,) = of(recorder, "x")
    assert data["diff_left_out"] == "it took more than 0 s of CPU"
    assert "diff" not in data
    assert data["old_sha256"] == hashlib.sha256(b"a = 1\n").hexdigest()
    recorder.end()
    again = start(record, [f"{etc}/**"], recorder.memory)
    see(again, etc / "x", "a = 3\n")
    see(again, etc / "x", "a = 4\n")
    first, second = of(again, "x")
    assert first["diff_left_out"] == "it took more than 0 s of CPU", "there is nothing to compare with"
    assert "+a = 4\n" in second["diff"]


def test_texts_that_are_slow_to_compare_are_left_within_the_budget(record, etc):
    """Lines that come twenty times each, in another order: what a diff does with them grows with their square and more."""
    lines = [f"{number}\n" for number in range(100)]
    old = "".join(lines * 20)
    new = "".join(line for line in lines for _ in range(20))
    (etc / "x").write_text(old)
    recorder = start(record, [f"{etc}/**"], surroundings={"cpu_seconds": 0.05})
    see(recorder, etc / "x", new)
    (data,) = of(recorder, "x")
    assert data["diff_left_out"] == "it took more than 0.05 s of CPU"


class Steps(Budget):
    """Notes the CPU seconds of each step between two looks at it, and never ends anything."""

    def __init__(self):
        super().__init__(float("inf"))
        self.seconds = []
        self._last = time.thread_time()

    def check(self):
        now = time.thread_time()
        self.seconds.append(now - self._last)
        self._last = now


@pytest.mark.parametrize("distinct", [1, 101, 1000])
def test_no_step_of_a_comparison_is_long_however_often_lines_recur(distinct):
    """A step that looks at each place of each line takes 20 s with the largest text that is compared."""
    lines = [f"{number}\n" for number in range(distinct)]
    times = MAX_TEXT_BYTES // len("".join(lines))
    steps = Steps()
    told = unified(
        "x", "".join(lines * times), "".join(line for line in lines[::-1] for _ in range(times)), steps
    )
    steps.check()
    assert max(steps.seconds) < 3
    assert told.startswith("--- x\n") or distinct == 1


def test_a_budget_is_of_cpu_and_not_of_the_time_that_a_busy_host_takes():
    wall, cpu = [0.0], [0.0]
    budget = Budget(1.0, lambda: cpu[0], lambda: wall[0])
    budget.check()
    wall[0] = 100.0
    budget.check()
    cpu[0] = 0.9
    budget.check()
    cpu[0] = 1.1
    with pytest.raises(OverBudget, match="more than 1 s of CPU"):
        budget.check()


@needs_root
def test_a_file_that_could_not_be_read_for_a_while_has_its_diff_afterwards(record, etc):
    (etc / "x").write_text("a = 1\n")
    recorder = record().start(Powerless(collector(f"{etc}/**")))
    recorder.wait_for_report("watching")
    (etc / "x").chmod(0)
    recorder.wait_for_events(1)
    (etc / "x").write_text("a = 2\n")
    (etc / "x").chmod(0o644)
    recorder.wait_for_events(2)
    assert "-a = 1\n+a = 2\n" in of(recorder, "x")[1]["diff"]


# --- links


@pytest.fixture
def private(place):
    """Make a file that only root may read, and one that everybody could if they could get there."""
    directory = place / "private"
    directory.mkdir()
    (directory / "shadow").write_text("root:$6$secret")
    (directory / "shadow").chmod(0o640)
    (directory / "readable").write_text("port = 80\n")
    directory.chmod(0o700)
    return directory


@needs_root
@pytest.mark.parametrize("target", ["shadow", "readable"])
@pytest.mark.parametrize("diff", ["auto", "always"])
def test_a_planted_link_tells_nothing_of_what_its_owner_could_not_read(record, etc, private, target, diff):
    recorder = start(record, [f"{etc}/**"], diff=diff)
    (etc / "planted").symlink_to(private / target)
    os.lchown(etc / "planted", NOBODY, NOBODY)
    recorder.wait_for(lambda: bool(of(recorder, "planted")))
    (private / target).write_text("changed")
    see(recorder, etc / "neighbour", "new")
    (data,) = of(recorder, "planted")
    text = str(private / target)
    assert data["new_target"] == text
    assert data["new_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert (data["new_size"], data["new_owner"]) == (len(text), "nobody:nogroup")


@needs_root
def test_a_planted_link_that_roots_link_leads_over_is_not_followed_either(record, etc, private):
    (etc / "planted").symlink_to(private / "shadow")
    os.lchown(etc / "planted", NOBODY, NOBODY)
    recorder = start(record, [f"{etc}/*.link"])
    (etc / "roots.link").symlink_to(etc / "planted")
    recorder.wait_for(lambda: bool(of(recorder, "roots.link")))
    assert of(recorder, "roots.link")[0]["new_size"] == len(str(etc / "planted"))


@needs_root
@pytest.mark.parametrize("whose", ["root", "the target's owner", "somebody, and everybody may read it"])
def test_a_link_is_followed_where_its_owner_could_read_the_target_himself(record, etc, private, place, whose):
    target = private / "shadow"
    if whose == "the target's owner":
        os.chown(target, NOBODY, NOBODY)
    elif whose != "root":
        target = place / "public"
        target.write_text("root:$6$secret")
    (etc / "link").symlink_to(target)
    if whose != "root":
        os.lchown(etc / "link", NOBODY, NOBODY)
    recorder = start(record, [f"{etc}/**"])
    target.write_text("changed")
    recorder.wait_for(lambda: bool(of(recorder, "link")))
    assert of(recorder, "link")[0]["new_sha256"] == hashlib.sha256(b"changed").hexdigest()


@needs_root
def test_a_link_that_the_configuration_names_itself_is_followed_whoever_made_it(record, etc, private):
    (etc / "link").symlink_to(private / "shadow")
    os.lchown(etc / "link", NOBODY, NOBODY)
    recorder = start(record, [etc / "link"], diff="always")
    (private / "shadow").write_text("changed")
    recorder.wait_for(lambda: bool(of(recorder, "link")))
    (data,) = of(recorder, "link")
    assert data["new_sha256"] == hashlib.sha256(b"changed").hexdigest()
    assert "diff" not in data


@needs_root
@pytest.mark.parametrize("diff", ["auto", "always"])
def test_a_hard_link_to_what_is_private_is_told_by_hash_alone(record, etc, private, diff):
    """Its mode lets everybody read it, but nobody could get there until somebody gave it a name in his own directory."""
    (etc / "his").mkdir()
    os.chown(etc / "his", NOBODY, NOBODY)
    os.link(private / "readable", etc / "his" / "planted")
    os.link(private / "shadow", etc / "other")
    recorder = start(record, [f"{etc}/**", f"{etc}/other"], diff=diff)
    (private / "readable").write_text("port = 81\n")
    (private / "shadow").write_text("changed")
    (etc / "his" / "planted").touch()
    (etc / "other").touch()
    recorder.wait_for(lambda: bool(of(recorder, "planted")) and bool(of(recorder, "other")))
    for name in ("planted", "other"):
        _is_told_by_hash_alone(of(recorder, name)[0])
    told = len(recorder.events)
    (etc / "his" / "planted").chmod(0o604)
    recorder.wait_for(lambda: len(recorder.events) > told)
    assert of(recorder, "planted")[-1]["attributes"] == "mode"
    _is_told_by_hash_alone(of(recorder, "planted")[-1])
    for name in ("his/planted", "other"):
        (etc / name).unlink()
    recorder.wait_for(
        lambda: {of(recorder, name)[-1]["change"] for name in ("planted", "other")} == {"deleted"}
    )
    for name in ("planted", "other"):
        _is_told_by_hash_alone(of(recorder, name)[-1])


def _is_told_by_hash_alone(data):
    assert data["old_sha256"]
    assert "diff" not in data
    for side in ("old", "new"):
        assert [data[f"{side}_{fact}"] for fact in ("size", "mode", "owner")] == [None, None, None]


@needs_root
def test_a_hard_link_to_what_is_private_stays_told_by_hash_alone_when_it_cannot_be_read(record, etc, private):
    (etc / "his").mkdir()
    os.chown(etc / "his", NOBODY, NOBODY)
    os.link(private / "shadow", etc / "his" / "planted")
    recorder = record().start(Powerless(collector(f"{etc}/**")))
    recorder.wait_for_report("watching")
    (etc / "his" / "planted").chmod(0)
    recorder.wait_for_events(1)
    (etc / "his" / "planted").unlink()
    recorder.wait_for_events(2)
    assert [data["change"] for data in of(recorder, "planted")] == ["unreadable", "deleted"]
    for data in of(recorder, "planted"):
        _is_told_by_hash_alone(data)


def test_a_file_with_several_names_that_everybody_may_read_is_told_whole(record, place, etc):
    (etc / "x").write_text("a = 1\n")
    os.link(etc / "x", place / "its other name")
    recorder = start(record, [f"{etc}/**"])
    see(recorder, etc / "x", "a = 2\n")
    (data,) = of(recorder, "x")
    assert "+a = 2" in data["diff"]
    assert (data["new_size"], data["new_mode"]) == (6, "0644")


# --- the agent's own files


@pytest.fixture
def own_database(place):
    """Make a database that this process holds a lock in, as the spool is."""
    with locked_database(place / "spool") as directory:
        yield directory


@pytest.mark.parametrize("name", ["spool.db", "spool.db-wal", "spool.db-shm"])
@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["a symbolic link", "a hard link"])
@pytest.mark.parametrize("when", ["before the start", "while running"])
def test_a_link_to_the_agents_own_database_never_costs_its_locks(record, etc, own_database, name, link, when):
    def plant():
        link(own_database / name, etc / "planted")

    if when == "before the start":
        plant()
    paths = [f"{etc}/**", f"{etc}/planted"]
    recorder = start(record, paths, is_own=OwnFiles(own_database))
    if when != "before the start":
        plant()
    see(recorder, etc / "neighbour", "new")
    recorder.end()
    assert is_locked(own_database)
    size = (own_database / name).stat().st_size
    assert not any(data.get("new_size") == size for data in of(recorder, "planted"))


def test_a_link_to_the_agents_own_database_does_not_make_it_feed_itself(record, etc, own_database):
    (etc / "planted").symlink_to(own_database / "spool.db-wal")
    os.link(own_database / "spool.db-wal", etc / "another")
    recorder = start(record, [f"{etc}/**"], is_own=OwnFiles(own_database))
    see(recorder, etc / "neighbour", "one")
    kept = len(recorder.emits)
    for _ in range(3):
        with (own_database / "spool.db-wal").open("ab") as wal:
            wal.write(b"x")
        recorder.stop.wait(0.1)
    assert len(recorder.emits) == kept
