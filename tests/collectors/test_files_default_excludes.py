"""What is left out of every watched directory: what lies among configuration files and is none."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._files.default_excludes import DEFAULT_EXCLUDES, are_ordinary, is_ordinary
from collectors._files.entry import FilesEntry
from collectors._files.patterns import parse_exclude
from collectors._files.selection import Scope, Selection
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector

LEFT_OUT = [
    "a.conf.dpkg-new",
    "a.conf.dpkg-tmp",
    "a.conf.dpkg-old",
    "a.conf.dpkg-dist",
    "a.conf.ucf-dist",
    "a.conf.ucf-old",
    "a.conf.rpmsave",
    "passwd-",
    "group-",
    "shadow-",
    "gshadow-",
    "subuid-",
    "subgid-",
    "passwd+",
    "group.4711",
    ".pwd.lock",
    "passwd.lock",
    "ld.so.cache",
    "ld.so.cache~",
    "mtab",
    ".updated",
    "udev/hwdb.bin",
    "apparmor.d/cache/x",
    ".a.conf.swp",
    ".a.conf.swo",
    "a.conf~",
    "#a.conf#",
    ".#a.conf",
    "4913",
    ".nfs000000000123abcd00000001",
    "a/__pycache__/x.pyc",
    ".git/index",
    "aliases.db",
    "postfix/virtual.db",
    "init.d/.depend.start",
    "ssl/certs/1d3472b9.0",
    "letsencrypt/archive/x.example/cert2.pem",
    "letsencrypt/csr/0001_csr-certbot.pem",
    "letsencrypt/keys/0001_key-certbot.pem",
    "lvm/archive/vg_00001-123.vg",
    "lvm/backup/vg",
    "ssl/certs/ca-certificates.crt.new",
    "rc0.d/K01ssh",
    "rc5.d/S01ssh",
    "rc.d/rc3.d/S10network",
]
TOLD = [
    "archive/x",
    "keys/x",
    "ssl/certs/ca-certificates.crt",
    "ssl/certs/local.pem",
    "letsencrypt/live/x.example/cert.pem",
    "letsencrypt/renewal/x.example.conf",
    "lvm/lvm.conf",
    "init.d/ssh",
    "rc2.d/S01ssh",
    "rcS.d/S01hwclock",
    "app/users.db",
    "passwd",
    "group",
    "shadow",
    "subuid",
    "passwd-file",
    "group.conf",
    "a.conf",
    "a.conf.bak",
    "a.conf.orig",
    "a.conf.disabled",
    "a-.conf",
    "lock",
    "lock.conf",
    "a.dpkg-new.conf",
    "ld.so.conf",
    "swp",
    "a.swp.conf",
    ".hidden",
    ".gitignore",
    "conf.d/mtab",
    "conf.d/passwd-",
    "49130",
    "git",
    "cron.d/.placeholder",
]


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_no_configuration_is_left_out(name):
    assert not Selection([Scope(("/etc/**",))]).means(f"/etc/{name}")


@pytest.mark.parametrize("name", TOLD)
def test_what_somebody_reads_or_keeps_is_told(name):
    assert Selection([Scope(("/etc/**",))]).means(f"/etc/{name}")


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_path_that_is_named_literally_is_watched_alone_and_beside_a_pattern(name):
    path = f"/etc/{name}"
    for paths in ((path,), ("/etc/**", path), (path, "/etc/**")):
        selection = Selection([Scope(paths)])
        assert selection.means(path)
        assert selection.may_hold(path.rpartition("/")[0])


@pytest.mark.parametrize("name", LEFT_OUT)
def test_an_entry_may_switch_all_of_them_off(name):
    selection = Selection([Scope(("/etc/**",), default_excludes=False)])
    assert selection.means(f"/etc/{name}")
    assert selection.may_hold("/etc/.git")


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/etc/**/*.dpkg-dist", "/etc/a/b.dpkg-dist"),
        ("/etc/*~", "/etc/a~"),
        ("/srv/app/.git/**", "/srv/app/.git/hooks/post-merge"),
        ("/srv/app/.git", "/srv/app/.git/hooks/post-merge"),
        ("/etc/apparmor.d/cache/*", "/etc/apparmor.d/cache/x"),
    ],
)
def test_a_pattern_that_spells_one_out_means_it(pattern, path):
    selection = Selection([Scope((pattern,))])
    assert selection.means(path)
    assert selection.may_hold(path.rpartition("/")[0])


def test_what_one_entry_leaves_out_another_may_name():
    selection = Selection([Scope(("/etc/**",), tags=("all",)), Scope(("/etc/passwd-",), tags=("users",))])
    assert selection.choose("/etc/passwd-").tags == ("users",)
    assert selection.choose("/etc/passwd").tags == ("all",)


def test_what_is_left_out_stands_once_in_the_rules_of_an_entry_however_many_paths_it_has():
    """Compiled, it is 10 KB each time: an agent with what the package brings held 1.4 MiB of it."""
    many = Selection([Scope(tuple(f"/etc/{number}/**" for number in range(50)))])
    one = Selection([Scope(("/etc/**",))])
    assert len(many._scopes[0].rules) < 2 * len(one._scopes[0].rules)


def test_of_the_paths_of_one_entry_each_leaves_out_what_it_does_not_spell_out_itself():
    selection = Selection([Scope(("/etc/**", "/srv/*~", "/srv/*.conf"))])
    means = [
        selection.means(path) for path in ("/etc/a", "/etc/a~", "/srv/a~", "/srv/a.conf", "/srv/a\n.conf")
    ]
    assert means == [True, False, True, True, True]


NAMES = st.text("." + string.ascii_letters + string.digits + "-+~#", min_size=1, max_size=8)
ENDS = st.sampled_from(["", *(text.rpartition("/")[2].replace("*", "") for text in DEFAULT_EXCLUDES)])


@given(NAMES, ENDS)
def test_no_default_exclude_means_what_the_quick_test_calls_ordinary(start, end):
    for name in (start + end, end + start):
        path = f"/etc/{name}"
        if is_ordinary(name):
            assert not any(re.fullmatch(parse_exclude(text), path) for text in DEFAULT_EXCLUDES)


@given(st.lists(st.builds(lambda start, end: start + end, NAMES | st.just("a\nb"), ENDS), max_size=6))
def test_what_is_said_of_many_names_is_said_of_each(found):
    assert are_ordinary(found) is all(map(is_ordinary, found))
    selection = Selection([Scope(("/etc/**",))])
    for directory in ("/etc/app", "/etc/rc3.d"):
        means = selection.plainly_means(directory)
        assert selection.plainly_means_all(directory, found) is all(map(means, found)) or not found


def test_most_names_are_known_at_once_to_be_meant_but_where_everything_is_left_out():
    selection = Selection([Scope(("/etc/**",))])
    assert selection.plainly_means("/etc/app")("app.conf")
    assert selection.choose_all_in("/etc/app") is not None
    assert not selection.plainly_means("/etc/rc3.d")("S01app")
    assert selection.choose_all_in("/etc/rc3.d") is None


@pytest.fixture
def etc(tmp_path):
    directory = tmp_path / "etc"
    directory.mkdir()
    (directory / "app.conf").write_text("old\n")
    return directory


def entry(path, **options):
    return FilesCollector([Scoped(FilesEntry(paths=(path,), settle=Duration(0.03), **options))])


def names(recorder):
    return [event.data["path"].rpartition("/")[2] for event in recorder.events]


def leave_behind(etc, content):
    for name in ("app.conf.dpkg-dist", "app.conf~", "app.lock"):
        (etc / name).write_text(content)


def test_neither_hints_nor_compares_tell_of_what_is_left_out(record, etc):
    recorder = record().start(entry(f"{etc}/**"))
    recorder.wait_for_report("watching 1 files")
    leave_behind(etc, "one\n")
    (etc / "mark").write_text("x")
    recorder.wait_for_events(1)
    recorder.end()
    leave_behind(etc, "two\n")
    (etc / "app.conf").write_text("new\n")
    again = record(recorder.memory).start(entry(f"{etc}/**"))
    again.wait_for_report("watching 2 files")
    again.end()
    assert names(recorder) == ["mark"]
    assert names(again) == ["app.conf"]


def test_switching_them_off_or_on_again_is_silent_and_counts_from_then_on(record, etc):
    leave_behind(etc, "one\n")
    before = record().start(entry(f"{etc}/**"))
    before.wait_for_report("watching 1 files")
    before.end()
    off = record(before.memory).start(entry(f"{etc}/**", default_excludes=False))
    off.wait_for_report("watching 4 files")
    (etc / "app.lock").write_text("two\n")
    off.wait_for_events(1)
    off.end()
    on = record(off.memory).start(entry(f"{etc}/**"))
    on.wait_for_report("watching 1 files")
    on.end()
    assert [names(recorder) for recorder in (before, off, on)] == [[], ["app.lock"], []]
    assert not any("app.lock" in key for key in on.memory.kept)
