"""What dpkg and rpm did is told once, a package at a time, also what they did while nobody looked."""

import fcntl
import os
import shutil
import subprocess
import time
from itertools import chain
from pathlib import Path

import pytest

from collectors._locked import holder_of
from collectors._packages.comparison import VersionChange, changes_of, differences
from collectors._packages.dpkg import Dpkg
from collectors._packages.entry import PackagesConfig
from collectors._packages.hints import Hints
from collectors._packages.rpm import Rpm
from collectors.collector import NotApplicable, Scoped
from collectors.packages import PackageWatch

EVERYTHING = [Scoped(PackagesConfig())]

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg here; apt-get install dpkg")


def told(recorder):
    return [
        (event.data["package"], event.data["action"], event.data["old_version"], event.data["new_version"])
        for event in recorder.events
    ]


@needs_dpkg
@pytest.mark.usefixtures("root")
class TestDpkg:
    """A real dpkg that installs into a root of its own."""

    @pytest.fixture
    def root(self, tmp_path):
        root = tmp_path / "root"
        for name in ("info", "updates", "triggers"):
            (root / "var/lib/dpkg" / name).mkdir(parents=True)
        (root / "var/log").mkdir()
        for name in ("status", "available"):
            (root / "var/lib/dpkg" / name).touch()
        self.root = root
        self.dpkg("-i", self.deb("base", "1.0"))
        return root

    def deb(self, name, version, architecture="all"):
        tree = self.root.parent / "debs" / f"{name}_{version.replace(':', '%')}_{architecture}"
        if not tree.exists():
            (tree / "DEBIAN").mkdir(parents=True)
            (tree / "DEBIAN").chmod(0o755)
            (tree / "DEBIAN/control").write_text(
                f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
                "Maintainer: Nobody <nobody@example.com>\nDescription: made for a test\n more of it\n"
            )
            (tree / "usr/share" / name).mkdir(parents=True)
            (tree / "usr/share" / name / "file").write_text(version)
            (tree / "etc").mkdir()
            (tree / "etc" / f"{name}.conf").write_text(version)
            (tree / "DEBIAN/conffiles").write_text(f"/etc/{name}.conf\n")
            subprocess.run(
                ["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, f"{tree}.deb"],
                check=True,
                capture_output=True,
            )
        return f"{tree}.deb"

    def dpkg(self, *arguments):
        subprocess.run(
            [
                "dpkg",
                f"--root={self.root}",
                f"--log={self.root}/var/log/dpkg.log",
                "--force-all",
                "--no-triggers",
                *arguments,
            ],
            check=True,
            capture_output=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )

    def watch(self, recorder, entries=EVERYTHING):
        recorder.start(PackageWatch(entries, [Dpkg(self.root)], quiet_seconds=0.05))
        recorder.wait_for_report("watching")
        return recorder

    def test_what_is_installed_at_first_sight_is_learnt_in_silence(self, record):
        recorder = self.watch(record())
        assert recorder.events == []
        assert recorder.memory.kept["dpkg/base:all"] == b"1.0"

    def test_a_package_is_told_when_it_comes_moves_and_goes(self, record):
        recorder = self.watch(record())
        for count, arguments in enumerate(
            [
                ("-i", self.deb("nginx", "1.2-1")),
                ("-i", self.deb("nginx", "1:1.0-1")),
                ("-i", self.deb("nginx", "1.2-1")),
                ("--remove", "nginx"),
            ],
            start=1,
        ):
            self.dpkg(*arguments)
            recorder.wait_for_events(count)
        self.dpkg("--purge", "nginx")  # it is gone already: nothing to tell
        self.dpkg("-i", self.deb("other", "1"))
        recorder.wait_for_events(5)
        assert told(recorder) == [
            ("nginx", "installed", None, "1.2-1"),
            ("nginx", "upgraded", "1.2-1", "1:1.0-1"),
            ("nginx", "downgraded", "1:1.0-1", "1.2-1"),
            ("nginx", "removed", "1.2-1", None),
            ("other", "installed", None, "1"),
        ]

    def test_an_event_says_what_when_and_how_that_is_known(self, record):
        before = int(time.time())
        recorder = self.watch(record())
        self.dpkg("-i", self.deb("nginx", "1.2-1"))
        event = recorder.wait_for_events(1)[0]
        assert (event.name, event.event_type, event.category) == (
            "package",
            "VersionChangedEvent",
            "Deployments",
        )
        assert event.title == "nginx 1.2-1 installed"
        assert event.data == {
            "package": "nginx",
            "old_version": None,
            "new_version": "1.2-1",
            "action": "installed",
            "manager": "dpkg",
            "architecture": "all",
            "time_from": "dpkg.log",
            "origin": "package",
            "origin_how": "package-log",
            "origin_name": "nginx 1.2-1",
        }
        assert before <= event.timestamp <= time.time()
        assert event.tags == ("package:nginx",)

    def test_one_transaction_is_one_emit(self, record):
        recorder = self.watch(record())
        before = len(recorder.emits)
        self.dpkg("-i", self.deb("a", "1"), self.deb("b", "1"), self.deb("base", "2.0"))
        recorder.wait_for_events(3)
        assert [len(events) for events, _ in recorder.emits[before:]] == [3]

    def test_runs_under_one_lock_of_a_front_end_are_one_transaction(self, record):
        recorder = self.watch(record())
        before = len(recorder.emits)
        lock = os.open(self.root / "var/lib/dpkg/lock-frontend", os.O_RDWR | os.O_CREAT, 0o640)
        holder = subprocess.Popen(
            [
                "python3",
                "-c",
                "import fcntl, sys; fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX); print(flush=True); sys.stdin.read()",
                str(lock),
            ],
            pass_fds=[lock],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        holder.stdout.readline()
        os.close(lock)
        environment = {**os.environ, "DPKG_FRONTEND_LOCKED": "1"}
        for deb in (self.deb("a", "1"), self.deb("b", "1")):
            subprocess.run(
                [
                    "dpkg",
                    f"--root={self.root}",
                    f"--log={self.root}/var/log/dpkg.log",
                    "--force-all",
                    "-i",
                    deb,
                ],
                check=True,
                capture_output=True,
                env=environment,
            )
        assert Dpkg(self.root).is_locked()
        holder.communicate()
        recorder.wait_for_events(2)
        assert [len(events) for events, _ in recorder.emits[before:] if events] == [2]

    def test_what_happened_while_the_agent_was_down_is_told_at_its_start(self, record):
        first = self.watch(record())
        first.end()
        self.dpkg("-i", self.deb("a", "1"), self.deb("base", "2.0"))
        self.dpkg("--remove", "a")
        self.dpkg("-i", self.deb("b", "1"))
        second = self.watch(record(first.memory))
        assert sorted(told(second)) == [("b", "installed", None, "1"), ("base", "upgraded", "1.0", "2.0")]
        assert all(event.data["while_agent_down"] for event in second.events)

    def test_what_happened_while_the_collector_alone_was_away_is_not_told_as_while_the_agent_was_down(
        self, record
    ):
        first = self.watch(record())
        first.end()
        self.dpkg("-i", self.deb("a", "1"))
        second = self.watch(record(first.memory, absence=first.runtime.absence))
        assert [(package, action) for package, action, *_ in told(second)] == [("a", "installed")]
        assert "while_agent_down" not in second.events[0].data

    def test_nothing_is_told_twice(self, record):
        first = self.watch(record())
        self.dpkg("-i", self.deb("a", "1"))
        first.wait_for_events(1)
        first.end()
        assert self.watch(record(first.memory)).events == []

    def test_what_the_spool_did_not_take_is_told_later(self, record):
        first = self.watch(record())
        first.full = True
        self.dpkg("-i", self.deb("a", "1"))
        first.end()
        assert told(self.watch(record(first.memory))) == [("a", "installed", None, "1")]

    def test_an_unreadable_database_is_no_removal(self, record):
        first = self.watch(record())
        first.end()
        (self.root / "var/lib/dpkg/status").write_bytes(b"")
        second = record(first.memory)
        second.start(PackageWatch(EVERYTHING, [Dpkg(self.root)], quiet_seconds=0.05))
        second.wait_for_report("is empty")
        assert second.events == []
        assert second.memory.kept["dpkg/base:all"] == b"1.0"

    def test_packages_that_memory_lost_are_learnt_again_in_silence(self, record):
        self.dpkg("-i", self.deb("a", "1"))
        first = self.watch(record())
        first.end()
        del first.memory.kept["dpkg/a:all"]
        self.dpkg("-i", self.deb("base", "2.0"))
        second = self.watch(record(first.memory))
        assert told(second) == [("base", "upgraded", "1.0", "2.0")]
        assert second.memory.kept["dpkg/a:all"] == b"1"

    def test_entries_choose_packages_and_lend_their_tags(self, record):
        entries = [
            Scoped(PackagesConfig(names=("ngin*",)), ("app:web",), ("urn:web",)),
            Scoped(PackagesConfig(names=("nginx",)), ("app:web", "team:a"), ("urn:a",)),
        ]
        recorder = self.watch(record(), entries)
        self.dpkg("-i", self.deb("other", "1"), self.deb("nginx", "1"))
        event = recorder.wait_for_events(1)[0]
        assert told(recorder) == [("nginx", "installed", None, "1")]
        assert event.tags == ("package:nginx", "app:web", "team:a")
        assert event.element_identifiers == ("urn:web", "urn:a")

    def test_a_log_that_holds_nonsense_is_no_evidence(self):
        log = self.root / "var/log/dpkg.log"
        log.write_bytes(b"2026-19-39 29:00:00 status installed base:all 1.0\n\0\0\xff\n")
        assert Dpkg(self.root).moments(["base:all"]) == {}

    def test_a_journal_that_a_killed_dpkg_left_counts(self):
        (self.root / "var/lib/dpkg/updates/0000").write_text(
            "Package: base\nStatus: install ok installed\nArchitecture: all\nVersion: 3.0\n"
        )
        assert Dpkg(self.root).read() == {"base:all": ("3.0",)}


FAKE_RPM = """#!/bin/sh
test "$3 $4" = "--dbpath /var/lib/rpm" || exit 2
cat "$(dirname "$0")/says" >&2 2>/dev/null
cat "$(dirname "$0")/installed" 2>/dev/null || { echo 'error: cannot open Packages database' >&2; exit 1; }
"""


class TestRpm:
    """A program that answers as rpm does; a real one is tried in tests/host/test_rpm.py."""

    @pytest.fixture
    def rpm(self, tmp_path):
        (tmp_path / "root/var/lib/rpm").mkdir(parents=True)
        program = tmp_path / "rpm"
        program.write_text(FAKE_RPM)
        program.chmod(0o755)
        self.directory = tmp_path
        self.install("bash\tx86_64\t5.2.15-3.fc38\t1700000000")
        return Rpm(tmp_path / "root", program=str(program))

    def install(self, *lines):
        (self.directory / "installed").write_text("\n".join(lines) + "\n")
        database = self.directory / "root/var/lib/rpm/rpmdb.sqlite"
        new = database.with_suffix(".new")
        new.write_text("\n".join(lines))
        new.replace(database)

    def watch(self, recorder, rpm):
        recorder.start(PackageWatch(EVERYTHING, [rpm], quiet_seconds=0.05))
        recorder.wait_for_report("watching")
        return recorder

    def test_a_package_is_told_when_it_moves(self, rpm, record):
        recorder = self.watch(record(), rpm)
        self.install("bash\tx86_64\t5.2.15-5.fc38\t1700000100")
        event = recorder.wait_for_events(1)[0]
        assert told(recorder) == [("bash", "upgraded", "5.2.15-3.fc38", "5.2.15-5.fc38")]
        assert event.data["manager"] == "rpm"

    def test_kernels_side_by_side_come_and_go_one_by_one(self, rpm, record):
        kernels = [f"kernel\tx86_64\t6.{minor}-1\t1700000000" for minor in (1, 2, 3)]
        self.install(*kernels[:2])
        recorder = self.watch(record(), rpm)
        self.install(*kernels[1:])
        recorder.wait_for_events(2)
        assert sorted(told(recorder)) == [
            ("kernel", "installed", None, "6.3-1"),
            ("kernel", "removed", "6.1-1", None),
        ]

    def test_an_rpm_that_cannot_answer_is_no_removal(self, rpm, record):
        recorder = self.watch(record(), rpm)
        (self.directory / "installed").unlink()
        (self.directory / "root/var/lib/rpm/rpmdb.sqlite").write_text("touched")
        recorder.wait_for_report("cannot open Packages database")
        assert recorder.events == []

    def test_an_answer_with_an_error_or_without_a_package_is_no_removal(self, rpm, record):
        recorder = self.watch(record(), rpm)
        (self.directory / "says").write_text("error: rpmdbNextIterator: skipping h#       2\n")
        self.install()
        recorder.wait_for_report("skipping")
        (self.directory / "says").write_text("warning: something else\n")
        (self.directory / "root/var/lib/rpm/rpmdb.sqlite").write_text("touched")
        recorder.wait_for_report("no package is said to be in")
        (self.directory / "root/var/lib/rpm/rpmdb.sqlite").unlink()
        recorder.wait_for_report("there is no database")
        assert recorder.events == []

    def test_a_database_that_could_not_be_read_is_looked_at_again_without_a_hint(self, rpm, record):
        (self.directory / "installed").rename(self.directory / "away")
        recorder = record()
        recorder.start(PackageWatch(EVERYTHING, [rpm], quiet_seconds=0.05, unreadable_seconds=0.1))
        recorder.wait_for_report("cannot open Packages database")
        (self.directory / "away").rename(self.directory / "installed")
        recorder.wait_for_report("watching 1 packages of rpm")

    def test_keys_are_no_packages(self, rpm):
        self.install("gpg-pubkey\t(none)\teb10b464-6202d9c6\t1700000000", "bash\tx86_64\t5-1\t1700000000")
        assert rpm.read() == {"bash:x86_64": ("5-1",)}


def test_a_host_without_either_has_nothing_for_it(tmp_path, record):
    recorder = record()
    recorder.start(PackageWatch(EVERYTHING, [Dpkg(tmp_path), Rpm(tmp_path)]))
    recorder.wait_for(lambda: recorder.error is not None, "the end")
    assert isinstance(recorder.error, NotApplicable)
    recorder.error = None


def test_a_package_that_changes_its_architecture_is_upgraded_and_not_removed():
    before, after = (
        {"a:all": ("1",), "b:i386": ("1",)},
        {"a:amd64": ("2",), "b:i386": ("1",), "b:amd64": ("1",)},
    )
    found = differences(before, after)
    made = [changes_of(one, lambda one, other: (one > other) - (one < other)) for one in found]
    assert [*chain.from_iterable(made)] == [
        VersionChange("a:amd64", "1", "2", "upgraded"),
        VersionChange("b:amd64", "", "1", "installed"),
    ]


@pytest.mark.parametrize(
    "go", [shutil.rmtree, lambda directory: directory.rename(f"{directory}.old")], ids=["removed", "renamed"]
)
def test_a_directory_that_goes_away_is_watched_again_when_it_is_back(tmp_path, go):
    class Stop:
        def __init__(self):
            self.read, self.write = os.pipe()

        def is_set(self):
            return False

        def wait(self, _=None):
            return False

        def fileno(self):
            return self.read

    stop, directory = Stop(), tmp_path / "rpm"
    directory.mkdir()
    with Hints([directory]) as hints:
        (directory / "a").touch()
        assert hints.wait(stop)
        go(directory)
        assert hints.wait(stop)
        assert hints.is_slow
        directory.mkdir()
        assert hints.wait(stop)  # by time: something may have changed in between
        assert not hints.is_slow
        assert not hints.wait(stop, 0)
        (directory / "b").touch()
        assert hints.wait(stop)
    os.close(stop.read)
    os.close(stop.write)


def test_a_lock_that_nobody_holds_is_not_held(tmp_path):
    path = Path(tmp_path / "lock")
    assert holder_of(path) is None
    with path.open("w") as file:
        assert holder_of(path) is None
        child = os.fork()
        if child == 0:
            held = holder_of(path) is None
            os._exit(0 if held else 1)
        assert os.waitpid(child, 0)[1] == 0
        fcntl.lockf(file, fcntl.LOCK_EX)
        child = os.fork()
        if child == 0:
            os._exit(0 if holder_of(path) == os.getppid() else 1)
        assert os.waitpid(child, 0)[1] == 0
