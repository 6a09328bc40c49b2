"""The parts of the files collector by themselves: patterns, what an entry means, when a path is due, keys."""

import os
import queue
import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._braces import expanded
from collectors._files.debounce import MAX_WINDOW_SECONDS, Debouncer
from collectors._files.entry import FilesEntry
from collectors._files.fingerprint import (
    STAT_SIZE,
    escape,
    file_key,
    files_prefix,
    pack_all,
    pack_stat,
    unescape,
)
from collectors._files.job import Job
from collectors._files.mount_health import MountHealth
from collectors._files.mounts import Mount, Mounts, parse_mountinfo
from collectors._files.out_of_reach import NO_ANSWER
from collectors._files.patterns import PatternError, parse_exclude, parse_path
from collectors._files.selection import Scope, Selection
from collectors._files.stats import Stats
from collectors._files.surroundings import Surroundings
from collectors._files.turns import Turns


def matches(pattern, path):
    return re.fullmatch(parse_path(pattern).match, path) is not None


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/etc/nginx/**", "/etc/nginx/a", True),
        ("/etc/nginx/**", "/etc/nginx/a/b/.c", True),
        ("/etc/nginx/**", "/etc/nginxx/a", False),
        ("/etc/nginx/**", "/etc/nginx/..data/a", False),
        ("/etc/**/*.conf", "/etc/a.conf", True),
        ("/etc/**/*.conf", "/etc/a/b/c.conf", True),
        ("/etc/**/*.conf", "/etc/a/b/c.conf/d", False),
        ("/etc/*.conf", "/etc/a/b.conf", False),
        ("/etc/*", "/etc/.hidden", True),
        ("/etc/a?c", "/etc/abc", True),
        ("/etc/a?c", "/etc/a/c", False),
        ("/etc/[ab].conf", "/etc/a.conf", True),
        ("/etc/[!ab].conf", "/etc/c.conf", True),
        ("/etc/[!ab].conf", "/etc/a.conf", False),
        ("/etc/[]a].conf", "/etc/].conf", True),
        ("/etc/[a-c]1", "/etc/b1", True),
        ("/etc/a[b", "/etc/a[b", True),
        ("/etc/hosts", "/etc/hosts", True),
        ("/etc/hosts", "/etc/hosts.allow", False),
        ("/etc/nginx", "/etc/nginx/sites/x", True),
        ("/etc/nginx/", "/etc/nginx/sites/x", True),
        ("/etc/a.b+c", "/etc/a.b+c", True),
        ("/etc/a.b+c", "/etc/axb+c", False),
        ("/srv/*/conf/**/*.yml", "/srv/a/conf/b/c/d.yml", True),
        ("/config/..data/x", "/config/..data/x", True),
    ],
)
def test_patterns_mean_what_full_match_means(pattern, path, expected):
    assert matches(pattern, path) is expected


@pytest.mark.parametrize(
    "pattern", ["/**", "/*/**", "/", "//", "etc/x", "", "/proc/**", "/sys/x", "/dev", "/a/../b", "/a/[z-a]"]
)
def test_a_pattern_that_means_too_much_or_nothing_is_refused_and_quoted(pattern):
    with pytest.raises(PatternError) as refused:
        FilesEntry(paths=(pattern,))
    assert repr(pattern) in str(refused.value) or "[" in pattern


@pytest.mark.parametrize(
    ("pattern", "directory", "expected"),
    [
        ("/etc/**/*.conf", "/etc/a/b", True),
        ("/etc/*.conf", "/etc", True),
        ("/etc/*.conf", "/etc/a", False),
        ("/srv/*/conf/*.yml", "/srv/a/conf", True),
        ("/srv/*/conf/*.yml", "/srv/a/other", False),
        ("/etc/hosts", "/etc", True),
        ("/etc/hosts", "/etc/other", False),
        ("/etc/nginx/**", "/etc/nginx/..2026", False),
    ],
)
def test_a_directory_is_entered_only_where_a_match_may_lie(pattern, directory, expected):
    assert Selection([Scope((pattern,))]).may_hold(directory) is expected


@pytest.mark.parametrize(
    ("exclude", "path", "expected"),
    [
        ("*.swp", "/etc/a/.x.swp", True),
        ("**/*.swp", "/etc/a/.x.swp", True),
        ("/etc/a/cache", "/etc/a/cache/deep/x", True),
        ("/etc/a/*.bak", "/etc/a/b/x.bak", False),
        ("node_modules", "/etc/a/node_modules/x/y", True),
    ],
)
def test_an_exclude_takes_a_file_or_a_whole_directory_away(exclude, path, expected):
    assert Selection([Scope(("/etc/a/**",), (exclude,))]).means(path) is not expected
    parse_exclude(exclude)


def test_paths_are_merged_to_the_fewest_roots():
    scopes = [
        Scope(("/etc/nginx/**", "/etc/hosts", "/etc/a/b/c/*.conf")),
        Scope(("/srv/x/y.conf", "/srv/x/**", "/opt/*/etc/z")),
    ]
    assert Selection(scopes).roots == ("/etc", "/opt", "/srv/x")


def test_never_wins_over_strict_strict_over_always_and_always_over_auto():
    def diff(*modes):
        choice = Selection([Scope(("/etc/**",), diff=mode) for mode in modes]).choose("/etc/x")
        return choice.diff

    assert diff("auto", "always") == "always"
    assert diff("auto", "always", "never") == "never"
    assert diff("auto", "always", "strict") == "strict"
    assert diff("strict", "never") == "never"
    assert diff("auto") == "auto"


def test_only_a_path_named_itself_by_an_entry_with_always_is_literal():
    selection = Selection([Scope(("/etc/a", "/etc/b*"), diff="always"), Scope(("/etc/c",))])
    assert [selection.choose(f"/etc/{name}").is_literal for name in "abc"] == [True, False, False]


def test_an_entry_is_not_empty():
    with pytest.raises(ValueError, match="empty"):
        FilesEntry(paths=())


# --- settle


def test_a_path_is_due_one_settle_after_its_first_hint_however_many_follow():
    settle = Debouncer()
    for now in (0.0, 0.05, 0.09):
        settle.touch("/a", now, 0.1)
    assert settle.next_due() == 0.1
    assert settle.take(0.09) == []
    assert settle.take(0.1) == ["/a"]
    assert settle.next_due() is None


def test_the_window_doubles_to_a_minute_for_a_path_that_keeps_changing_and_comes_back():
    settle = Debouncer()
    now, windows = 0.0, []
    for _ in range(14):
        settle.touch("/a", now, 0.1)
        windows.append(round(settle.next_due() - now, 3))
        now = settle.next_due()
        assert settle.take(now) == ["/a"]
        settle.told("/a", now, 0.1)
    assert windows[:4] == [0.1, 0.2, 0.4, 0.8]
    assert windows[-1] == MAX_WINDOW_SECONDS
    now += 3600
    settle.touch("/a", now, 0.1)
    assert settle.next_due() == now + 0.1


def test_a_change_now_and_then_always_waits_one_settle():
    settle = Debouncer()
    for now in range(0, 600, 10):
        settle.touch("/a", now, 0.1)
        assert settle.next_due() == now + 0.1
        settle.take(now + 0.1)
        settle.told("/a", now + 0.1, 0.1)


def test_paths_that_were_hot_are_not_kept_for_ever():
    settle = Debouncer()
    for number in range(20_000):
        settle.told(f"/{number}", float(number), 0.1)
    assert len(settle._hot) <= 4096


# --- turns


def test_directories_take_turns_and_the_files_of_each_keep_their_order():
    turns = Turns()
    for path in ("/a/1", "/a/2", "/a/3", "/b/1", "/a/2", "/c/1"):
        turns.put(path)
    assert turns.cancel("/c/1")
    assert not turns.cancel("/c/1")
    assert "/a/3" in turns
    assert [turns.take() for _ in range(4)] == ["/a/1", "/b/1", "/a/2", "/a/3"]
    assert not turns


# --- keys


@given(st.binary(min_size=1, max_size=60).filter(lambda name: b"\0" not in name and b"/" not in name))
def test_a_path_of_any_bytes_has_a_key_that_text_can_hold(name):
    path = "/etc/" + os.fsdecode(name)
    escape(path).encode()
    assert unescape(escape(path)) == path


@given(st.lists(st.sampled_from(["a", "b", "a/b", "é", "\udcff", "\x01", "ab"]), min_size=1, max_size=4))
def test_different_paths_have_different_keys_and_a_directory_its_own_files(parts):
    path = "/" + "/".join(parts)
    directory, _, name = path.rpartition("/")
    assert file_key(path).startswith(files_prefix(directory))
    assert file_key(path) != file_key(path + "x")
    assert not file_key(path + "/" + name).startswith(files_prefix(directory))


# --- what the host says


def test_mountinfo_is_read_with_its_escapes_and_optional_fields():
    line = b"36 35 98:0 /mnt1 /mnt/with\\040space rw,noatime master:1 shared:2 - ext3 /dev/root rw\nbroken\n"
    (mount,) = parse_mountinfo(line)
    assert (mount.point, mount.kind, mount.device) == ("/mnt/with space", "ext3", os.makedev(98, 0))


AUTOFS = """\
1 0 8:1 / / rw - ext4 /dev/root rw
30 1 0:50 / /srv/idle rw - autofs systemd-1 rw,fd=5,pgrp=1,timeout=0,minproto=5,maxproto=5,direct,pipe_ino=1
31 1 0:51 / /srv/used rw - autofs systemd-1 rw,fd=6,pgrp=1,timeout=0,minproto=5,maxproto=5,direct,pipe_ino=2
32 31 0:60 / /srv/used rw - nfs4 server:/x rw
33 1 0:52 / /net rw - autofs /etc/auto.net rw,fd=7,pgrp=9,timeout=300,minproto=5,maxproto=5,indirect,pipe_ino=3
34 33 0:61 / /net/near/share rw - nfs4 near:/share rw
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/srv", False),
        ("/srv/idle", True),
        ("/srv/used", False),
        ("/srv/used/idle", False),
        ("/net", False),
        ("/net/far", True),
        ("/net/near", False),
        ("/net/near/share", False),
        ("", False),
    ],
)
def test_what_would_be_mounted_by_entering_it_is_told_from_what_is_mounted(path, expected):
    mounts = Mounts(tuple(parse_mountinfo(AUTOFS.encode())))
    assert mounts.would_mount(path) is expected


def test_the_automount_that_every_host_has_in_proc_makes_no_look_slower():
    table = AUTOFS.splitlines()[1].replace("/srv/idle", "/proc/sys/fs/binfmt_misc")
    mounts = Mounts(tuple(parse_mountinfo(table.encode())))
    assert mounts.would_mount("/proc/sys/fs/binfmt_misc")
    assert not mounts.has_automounts


def test_a_file_system_that_answers_late_is_not_looked_at_before_it_answers_in_time(record):
    now, answers, returned = [0.0], queue.Queue(), threading.Event()

    def ask(_):
        now[0] += answers.get()

    host = Surroundings(monotonic=lambda: now[0], ask=ask, patience_seconds=0.01)
    health = MountHealth(Job(record().runtime, Selection([]), host), on_return=returned.set)
    health.mounts = Mounts((Mount("/far", 1, "nfs4"),))
    assert health.lost_at("/far").reason == NO_ANSWER
    for _ in range(2):
        answers.put(20.0)
        assert health.lost_at("/far").reason == NO_ANSWER
    assert not health.take_return()
    answers.put(0.0)
    assert returned.wait(30)
    assert health.take_return()
    assert health.lost_at("/far") is None
    health.close()


def test_braces_in_a_path_stand_for_each_of_what_they_hold_also_across_directories():
    entry = FilesEntry(paths=("/etc/{app/*.{conf,yaml},hosts}", "/srv/{x}"), exclude=("*.{bak,old}",))
    selection = Selection([Scope(entry.all_paths(), expanded(entry.exclude), settle_seconds=0.1)])
    meant = ["/etc/app/a.conf", "/etc/app/a.yaml", "/etc/hosts", "/srv/{x}"]
    assert [
        path for path in (*meant, "/etc/app/a.ini", "/etc/app/a.conf.bak") if selection.means(path)
    ] == meant


def test_braces_that_stand_for_more_than_anybody_means_are_refused():
    with pytest.raises(ValueError, match="stands for more than 100 patterns"):
        FilesEntry(paths=("/etc/" + "{a,b}" * 7,))


FIELDS = st.tuples(*[st.integers(-(2**63), 2**64) | st.integers(0, 2**32 - 1)] * 7)


@given(st.lists(FIELDS, max_size=6))
def test_stats_are_packed_together_as_each_is_by_itself_whatever_a_file_system_says(fields):
    together = pack_all(fields)
    assert together == b"".join(pack_all([one]) for one in fields)
    assert len(together) == len(fields) * STAT_SIZE


def test_a_stat_that_does_not_fit_shows_a_change_of_it():
    odd = (1, -1, 2**63, 0, 0o100644, 0, 0)
    assert pack_all([odd]) != pack_all([(1, -2, 2**63, 0, 0o100644, 0, 0)])
    assert pack_all([odd]) != pack_all([(1, -1, 2**63 + 1, 0, 0o100644, 0, 0)])


@given(st.permutations("abcdef"), st.permutations("abcdef"), st.sets(st.sampled_from("abcdef")))
def test_stats_put_in_the_order_of_a_listing_are_those_added_in_it(listed, added, links):
    def stats_of(names):
        stats = Stats(2**62, b"x")
        for name in names:
            stats.add(name, name.encode() * STAT_SIZE, 0)
            if name in links:
                stats.add_target(name, name.upper().encode() * STAT_SIZE)
        return stats

    put_in_order = stats_of(added)
    put_in_order.put_in_order(listed)
    assert put_in_order.digest() == stats_of(listed).digest()


def test_stats_of_files_added_together_are_those_of_each_and_one_that_went_is_left_out(tmp_path):
    for name in "abc":
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("a")
    os.link(tmp_path / "b", tmp_path / "second")
    with os.scandir(tmp_path) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    (tmp_path / "c").unlink()
    together, apart = Stats(2**62, b"x"), Stats(2**62, b"x")
    together.add_all(entries)
    for entry in entries:
        if entry.name != "c":
            status = entry.stat(follow_symlinks=False)
            apart.add(entry.name, pack_stat(status), status.st_ctime_ns)
    assert [entry.name for entry in together.ties] == ["b", "link", "second"]
    assert together.by_name() == apart.by_name()
    assert together.digest() == apart.digest() != b""
    just_now = Stats(0, b"x")
    just_now.add_all(entries[:1])
    assert just_now.digest() == b"", "it may change again without its times showing it"
