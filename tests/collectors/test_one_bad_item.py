"""Whatever one path, package, process or report makes a collector raise, and wherever: its neighbours are told, it is told once.

The collector neither ends nor begins anew, and after a restart all is as before. What is made to raise is every function
that is about the one item (a few of them here, all in `make torture`).
"""

import os
import subprocess
import sys

import pytest
from made_to_raise import Fault, MadeUpError, places

from collectors._files.entry import FilesEntry
from collectors._files.fingerprint import RACY_NANOSECONDS
from collectors._packages.dpkg import Dpkg
from collectors._packages.entry import PackagesConfig
from collectors._processes.entry import ProcessEntry, ProcessMatch
from collectors._puppet.entry import PuppetConfig
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector
from collectors.packages import PackageWatch
from collectors.processes import Processes
from collectors.puppet import Puppet

NEIGHBOURS = ("alpha", "gamma")
BAD = "beta"


class Files:
    """Three files, changed together."""

    def __init__(self, root):
        self.root = root
        self.change(0)

    def collector(self, **surroundings):
        # Long enough for the three to come together, however slowly they are written.
        entry = FilesEntry(paths=(f"{self.root}/**",), settle=Duration(0.5), diff="auto")
        return FilesCollector([Scoped(entry)], **surroundings)

    def change(self, number):
        for name in (*NEIGHBOURS, BAD):
            self.write(name, number)

    def write(self, name, number):
        draft = self.root.with_name("draft")  # a file that is written in place may be seen in between
        draft.write_text(f"number = {number}\n")
        draft.replace(self.path_of(name))

    def path_of(self, name):
        return self.root / f"{name}.conf"

    @staticmethod
    def name_of(event):
        return event.data["path"].rpartition("/")[2].removesuffix(".conf")


class FilesApart(Files):
    """Three files, changed together; the bad one is looked at by itself, before the others."""

    def collector(self, **surroundings):
        entries = [  # they name none of the three
            FilesEntry(paths=(f"{self.root}/{names}.conf",), settle=Duration(settle), diff="auto")
            for names, settle in [("b*", 0.01), ("[ag]*", 0.5)]
        ]
        return FilesCollector([Scoped(entry) for entry in entries], **surroundings)


class FilesOneJustWritten(FilesApart):
    """Three files, of which the bad one alone was written so shortly before each look that it is read again by the next."""

    def collector(self):
        return super().collector(wall=lambda: self.now)

    def change(self, number):
        super().change(number)
        older, bad = (max(map(self._written_at, names)) for names in (NEIGHBOURS, [BAD]))
        while bad < older + 1_000_000:  # what is between them is told apart in seconds
            self.write(BAD, number)
            bad = self._written_at(BAD)
        self.now = ((older + bad) // 2 + RACY_NANOSECONDS) / 1e9

    def _written_at(self, name):
        return self.path_of(name).stat().st_ctime_ns


class Packages:
    """A status file of dpkg with three packages."""

    def __init__(self, root):
        self.root = root
        (root / "var/lib/dpkg/updates").mkdir(parents=True)
        self.change(0)

    def collector(self):
        return PackageWatch([Scoped(PackagesConfig())], [Dpkg(self.root)], quiet_seconds=0.01)

    def change(self, number):
        stanzas = [
            f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {number}.0\n"
            for name in (*NEIGHBOURS, BAD)
        ]
        draft = self.root / "var/lib/dpkg/status-new"
        draft.write_text("\n".join(stanzas))
        draft.replace(self.root / "var/lib/dpkg/status")

    @staticmethod
    def name_of(event):
        return event.data["package"]


class Reports:
    """Puppet's runs for three hosts, each with a directory of its own."""

    def __init__(self, root):
        self.root = root
        self.change(0)

    def collector(self):
        entry = PuppetConfig(report_dir=self.root)
        return Puppet([Scoped(entry)], settle_seconds=0.01, retry_seconds=0.05)

    def change(self, number):
        for name in (*NEIGHBOURS, BAD):
            path = self.root / name / f"20261121000{number}.yaml"
            path.parent.mkdir(exist_ok=True)
            draft = path.with_suffix(".draft")
            run = f"host: {name}\nstatus: changed\ntransaction_uuid: {name}-{number}\n"
            draft.write_text(f"{run}time: '2026-11-21T00:16:00+00:00'\n")
            os.utime(draft, (1_790_000_000, 1_790_000_000))  # long ago: it is not being written any more
            draft.rename(path)

    @staticmethod
    def name_of(event):
        return event.data["certname"]


class Programs:
    """Three processes, each under an entry of its own, and others in their place at each change."""

    def __init__(self, root):
        self.mark = f"mark{os.getpid()}-{root.name}"
        self.running = []
        self.change(0)

    def collector(self):
        entries = [
            ProcessEntry(name=name, match=ProcessMatch(cmdline=f"*{self.mark}-{name}*"))
            for name in (*NEIGHBOURS, BAD)
        ]
        return Processes([Scoped(one) for one in entries], scan_seconds=0.02, is_going_down=lambda: False)

    def change(self, _):
        self.close()
        for name in (*NEIGHBOURS, BAD):
            script = "import sys; sys.stdin.read()"
            arguments = [sys.executable, "-c", script, f"{self.mark}-{name}"]
            self.running.append(subprocess.Popen(arguments, stdin=subprocess.PIPE))

    def close(self):
        while self.running:
            process = self.running.pop()
            process.kill()
            process.communicate()

    @staticmethod
    def name_of(event):
        return event.data["name"] if event.event_type == "ProcessStartedEvent" else None


@pytest.fixture(params=[Files, FilesApart, FilesOneJustWritten, Packages, Reports, Programs])
def make_host(request, tmp_path):
    """Make hosts, each in a directory of its own."""
    made = []

    def make():
        root = tmp_path / f"host-{len(made)}-"
        root.mkdir()
        made.append(request.param(root))
        return made[-1]

    yield make
    for one in made:
        getattr(one, "close", bool)()


def test_whatever_one_item_makes_a_collector_raise_its_neighbours_are_told(make_host, make_recorders):
    counting = Fault(BAD, "|".join(NEIGHBOURS), 0)
    live_through(make_host(), counting, make_recorders)
    assert counting.calls > 0
    for at in places(counting.calls):
        fault = Fault(BAD, "|".join(NEIGHBOURS), at)
        try:
            live_through(make_host(), fault, make_recorders)
        except (AssertionError, MadeUpError) as error:
            raise AssertionError(f"{fault.raised} raised: {error!r}") from error


def test_what_was_found_of_a_whole_directory_is_about_no_item_though_it_names_one_alone(
    tmp_path, make_recorders
):
    """It is filled on the way: with one name of three where one file alone has to be read again."""
    root = tmp_path / "host"
    root.mkdir()
    counting = Fault(BAD, "|".join(NEIGHBOURS), 0)
    live_through(FilesOneJustWritten(root), counting, make_recorders)
    assert "PathLook._look_beside_memory" in counting.met
    assert not {"TreeWalk.listings", "TreeWalk._walk", "Look._miss", "Books.note"} & counting.met


def live_through(host, fault, make_recorders):
    """Change all items while the collector runs, and while it does not: the neighbours are told both times, the bad one too or its trouble."""
    with make_recorders() as record:
        learnt = record()
        learnt.start(host.collector())
        learnt.wait_for_report("watching")
        with fault.armed():
            learnt.end()
            first = record(learnt.memory)
            first.start(host.collector())
            first.wait_for_report("watching")
            host.change(1)
            wait_until_told(first, host)
            first.end()
        told_of_trouble = troubles(first)
        assert len(told_of_trouble) <= 1
        host.change(2)
        second = record(learnt.memory)
        second.start(host.collector())
        wait_until_told(second, host)
        second.end()
        assert troubles(second) == []


def wait_until_told(recorder, host):
    recorder.wait_for(lambda: {*NEIGHBOURS} <= {*told(recorder, host)}, "the neighbours' events")
    recorder.wait_for(
        lambda: BAD in told(recorder, host) or bool(troubles(recorder)), "the event or the trouble"
    )
    names = told(recorder, host)
    assert [names.count(name) for name in NEIGHBOURS] == [1, 1]


def told(recorder, host):
    return [host.name_of(event) for event in [*recorder.events] if event.event_type != "WatchDegradedEvent"]


def troubles(recorder):
    return [event for event in [*recorder.events] if event.event_type == "WatchDegradedEvent"]
