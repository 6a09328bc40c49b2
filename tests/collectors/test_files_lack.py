"""What the process lacks for a while, descriptors or threads, is tried again, and what was missed is told at once afterwards."""

import contextlib
import errno
import fcntl
import os
import resource
import signal
import threading
from pathlib import Path

import pytest

from collectors._files.entry import FilesEntry
from collectors._files.watch import Watch
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector

HOUR = 3600.0


@pytest.fixture
def etc(tmp_path):
    directory = tmp_path / "etc"
    directory.mkdir()
    (directory / "a").write_text("old")
    return directory


def collector(etc, **surroundings):
    entry = FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.02))
    surroundings.setdefault("lack_seconds", 0.05)
    return FilesCollector([Scoped(entry)], compare_seconds=HOUR, **surroundings)


def open_descriptors():
    return [int(path.name) for path in Path("/proc/self/fd").iterdir()]


@contextlib.contextmanager
def no_descriptor_left():
    """Let this process open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(open_descriptors())
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in held:
            os.close(fd)


def told(recorder):
    return [(event.event_type, event.data.get("change")) for event in recorder.events]


def test_without_descriptors_it_waits_and_tells_everything_at_once_when_there_are_some_again(record, etc):
    recorder = record().start(collector(etc))
    recorder.wait_for_report("watching")
    with (etc / "a").open("w") as file, no_descriptor_left():
        file.write("new")
        file.flush()
        recorder.wait_for_report("waiting for what is lacking: Too many open files")
        assert recorder.events == [], "nothing is told to be unreadable"
    recorder.wait_for_events(1)
    assert told(recorder) == [("ConfigurationChangedEvent", "modified")]
    assert "while_agent_down" not in recorder.events[0].data
    recorder.wait_for(lambda: "watching" in recorder.reports[-1], "watching again")


def test_without_descriptors_at_the_start_it_starts_when_there_are_some(record, etc):
    recorder = record()
    with no_descriptor_left():
        recorder.start(collector(etc))
        recorder.wait_for_report("waiting for what is lacking: Too many open files")
    recorder.wait_for_report("watching 1 files")
    (etc / "a").write_text("new")
    recorder.wait_for_events(1)


def test_without_a_thread_for_the_watch_it_tries_again(record, etc):
    class Threadless(Watch):
        missing = 2

        def start(self):
            if Threadless.missing:
                Threadless.missing -= 1
                self._started.set()  # as `threading` has it where the host gives no thread: it raises RuntimeError
                try:
                    super().start()
                finally:
                    self._started.clear()
            else:
                super().start()

    before = len(open_descriptors())
    recorder = record().start(collector(etc, watch=Threadless))
    recorder.wait_for_report("no thread can be started")
    recorder.wait_for_report("watching 1 files")
    (etc / "a").write_text("new")
    recorder.wait_for_events(1)
    recorder.end()
    assert len(open_descriptors()) <= before, "what was opened for nothing is closed"


def test_without_a_thread_to_ask_a_remote_file_system_it_tries_again_and_takes_nothing_for_gone(
    record, etc, tmp_path, monkeypatch
):
    status = etc.stat()
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    table = tmp_path / "mountinfo"
    table.write_text(f"36 35 {device} / {etc} rw - nfs4 server:/ rw\n")
    start, missing = threading.Thread.start, [2]

    def refusing(self):
        if self.name == "files-ask" and missing[0]:
            missing[0] -= 1
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", refusing)
    recorder = record().start(collector(etc, mountinfo=table))
    recorder.wait_for_report("no thread can be started")
    recorder.wait_for_report("watching 1 files")
    (etc / "a").write_text("new")
    recorder.wait_for(lambda: ("ConfigurationChangedEvent", "modified") in told(recorder))
    assert not any(change in {"unreadable", "deleted"} for _, change in told(recorder))


def test_a_watch_that_the_kernel_did_not_give_is_had_later(record, etc):
    given = []

    def watch(wake, selection):
        if not given:
            given.append(None)
            raise OSError(errno.EMFILE, "Too many open files")
        given.append(Watch(wake, selection))
        return given[-1]

    recorder = record().start(collector(etc, watch=watch, anew_seconds=0.05, poll_seconds=HOUR))
    recorder.wait_for(lambda: any("in 1 directories" in report for report in recorder.reports))
    (etc / "a").write_text("new")
    recorder.wait_for(lambda: ("ConfigurationChangedEvent", "modified") in told(recorder))


def test_a_lease_of_somebody_elses_is_waited_for_and_is_no_lack(record, etc):
    """A lease makes every other open fail with EAGAIN until it is given back, or for 45 s."""
    recorder = record().start(collector(etc))
    recorder.wait_for_report("watching")
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # what tells the holder that somebody waits
    holder = os.open(etc / "a", os.O_WRONLY)
    try:
        fcntl.fcntl(holder, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        os.write(holder, b"new")
        (etc / "b").write_text("neighbour")
        recorder.wait_for(lambda: ("ConfigurationChangedEvent", "created") in told(recorder))
        assert not any(change in {"unreadable", "deleted"} for _, change in told(recorder))
    finally:
        fcntl.fcntl(holder, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        os.close(holder)
        signal.signal(signal.SIGIO, before)
    recorder.wait_for(lambda: ("ConfigurationChangedEvent", "modified") in told(recorder))
    assert not any("waiting" in report for report in recorder.reports)
