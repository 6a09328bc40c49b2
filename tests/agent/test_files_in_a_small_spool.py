"""The files collector on a spool that has no room for all it would remember: what is remembered goes on being told."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.events.capture import Capture, Clocks
from agent.events.identity import Identity
from agent.runtime.own_files import OwnFiles
from agent.runtime.stop_signal import StopSignal
from collectors._files.entry import FilesEntry
from collectors._files.fingerprint import file_key
from collectors.collector import Duration, Runtime, Scoped
from collectors.files import FilesCollector
from spool import Options, Spool

PATIENCE_SECONDS = 120


class Watching:
    """The collector at work on a spool, as the agent runs it; `told` is what it handed in."""

    def __init__(self, spool, directory, threads):
        self.told, self.reports = [], []
        self.stop = StopSignal()
        self.memory = spool.memory("files")
        capture = Capture(spool, Identity("edge-01"), Clocks(boot_id="b"))

        def emit(events, remember, texts=None):
            capture.keep(events, "files", remember, texts or {})
            self.told.extend(events)

        runtime = Runtime(
            memory=self.memory,
            emit=emit,
            stop=self.stop,
            report=self.reports.append,
            flush=lambda _: None,
            is_own=OwnFiles(spool.directory),
        )
        entry = FilesEntry(paths=(f"{directory}/**",), settle=Duration(0.02))
        threads.submit(FilesCollector([Scoped(entry)]).run, runtime)

    def wait_for(self, condition, what):
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, f"{what}; {self.reports[-1:]}"
            self.stop.wait(0.02)

    def of(self, path):
        return [event.data["change"] for event in self.told if event.data.get("path") == str(path)]


@pytest.fixture
def watch(tmp_path):
    watching = []
    options = Options(max_size_bytes=8 * 1024 * 1024)
    with Spool.open(tmp_path / "spool", options) as spool, ThreadPoolExecutor() as threads:

        def start(directory):
            watching.append(Watching(spool, directory, threads))
            watching[-1].wait_for(
                lambda: any("watching" in r for r in watching[-1].reports), "the first compare"
            )
            return watching[-1]

        yield start
        for one in watching:
            one.stop.set()


def test_more_text_than_there_is_room_for_costs_diffs_and_no_change(watch, tmp_path):
    directory = tmp_path / "etc"
    directory.mkdir()
    for number in range(450):
        words = (f"{number} {index} {hash((number, index)) & 0xFFFFFFFF:x}\n" for index in range(1900))
        (directory / f"{number:03}.conf").write_text("".join(words))
    agent = watch(directory)
    for number in (0, 449):
        path = directory / f"{number:03}.conf"
        path.write_text("new\n")
        agent.wait_for(lambda path=path: agent.of(path) == ["modified"], path)
    assert not any("waiting" in report for report in agent.reports)


def test_more_files_than_there_is_room_for_are_counted_and_those_remembered_go_on(watch, tmp_path):
    directory = tmp_path / "etc"
    directory.mkdir()
    for number in range(10_000):
        (directory / f"{number:05}{'n' * 240}").write_text(f"{number}")
    agent = watch(directory)
    agent.wait_for(lambda: any("no room to remember them" in report for report in agent.reports), "a report")
    kinds = [event.event_type for event in agent.told]
    assert kinds == ["WatchDegradedEvent"]
    remembered = next(path for path in sorted(directory.iterdir()) if agent.memory.get(file_key(str(path))))
    remembered.write_text("new")
    agent.wait_for(lambda: agent.of(remembered) == ["modified"], "a change of a file that is remembered")
    assert not any("waiting" in report for report in agent.reports)
