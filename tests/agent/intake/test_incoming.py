"""Files in `incoming/` are taken in once, and a bad one keeps no other from it."""

import json
import signal
import tracemalloc

import pytest

from agent.events.capture import Capture
from agent.events.chunk import entries
from agent.events.identity import Identity
from agent.http.budget import Budget
from agent.http.message import Request
from agent.intake.incoming import ARRIVED, IncomingFiles
from agent.runtime.signal_pipe import SignalPipe
from agent.systems.stackstate.dialect import StackStateDialect
from spool import Spool, SpoolFull, SpoolReader
from spool.leaving import leave_in_incoming


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as spool:
        yield spool


def leave(spool, name, *titles):
    body = json.dumps({"events": {"custom": [{"msg_title": title} for title in titles]}}).encode()
    leave_in_incoming(spool.directory, name, body)


def titles(spool):
    with SpoolReader.open(spool.directory) as reader:
        return [
            json.loads(body)["msg_title"] for stored in reader.records() for body in entries(stored.record)
        ]


def parse(body, identity):
    path = "/stsAgent/intake"
    return StackStateDialect().parse(Request("POST", path, path, "", body=body), identity)


def incoming(spool, hostname="web-1", parse=parse) -> IncomingFiles:
    return IncomingFiles(spool, Capture(spool, Identity(hostname)), parse)


def test_what_lies_there_is_taken_in_once(spool):
    leave(spool, "1", "a", "b")
    leave(spool, "2", "c")
    assert incoming(spool).take() == 3
    assert incoming(spool).take() == 0
    assert titles(spool) == ["a", "b", "c"]
    assert [*(spool.directory / "incoming").iterdir()] == []


def test_what_there_is_no_time_for_is_taken_in_the_next_time(spool):
    leave(spool, "1", "a")
    assert incoming(spool).take(most_seconds=0.0) == 0
    assert incoming(spool).take() == 1


def test_one_that_cannot_be_understood_is_put_aside(spool, caplog):
    leave_in_incoming(spool.directory, "1", b"nonsense")
    leave(spool, "2", "fine")
    assert incoming(spool).take() == 1
    assert titles(spool) == ["fine"]
    assert "incoming/1 is refused" in caplog.text
    assert [path.name for path in (spool.directory / "incoming").iterdir()] == []


@pytest.mark.parametrize("levels", [65, 2_000, 200_000])
def test_one_of_any_depth_stops_no_other(spool, levels):
    deep = b'{"events": {"a": [{"msg_title": "x", "context": {"data": %b}}]}}'
    leave_in_incoming(spool.directory, "1", deep % (b'{"a":' * levels + b"1" + b"}" * levels))
    leave(spool, "2", "fine")
    assert incoming(spool).take() == 1
    assert titles(spool) == ["fine"]
    assert incoming(spool).take() == 0


def test_a_fault_of_ours_in_one_stops_no_other(spool, caplog):
    def faulty(body, identity):
        if b"odd" in body:
            raise ZeroDivisionError
        return parse(body, identity)

    leave(spool, "1", "odd")
    leave(spool, "2", "fine")
    assert incoming(spool, parse=faulty).take() == 1
    assert titles(spool) == ["fine"]
    assert "incoming/1" in caplog.text


def test_a_host_without_a_name_takes_in_what_lies_there(spool):
    leave(spool, "1", "a")
    assert incoming(spool, hostname="").take() == 1
    with SpoolReader.open(spool.directory) as reader:
        assert [stored.record.hostname for stored in reader.records()] == [""]


def test_many_large_files_are_in_memory_one_after_the_other(spool):
    filler = json.dumps({"events": {"custom": [{"msg_title": "x"}]}, "filler": "y" * 3_000_000}).encode()
    for name in range(12):
        leave_in_incoming(spool.directory, str(name), filler)
    tracemalloc.start()
    assert incoming(spool).take() == 12
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * len(filler)


def test_what_finds_no_room_stays_where_it_is(spool):
    class Full(Capture):
        def keep_posted(self, *_, **__):
            raise SpoolFull("full")

    leave(spool, "1", "a")
    assert IncomingFiles(spool, Full(spool, Identity("web-1")), parse).take() == 0
    assert incoming(spool).take() == 1


def test_while_files_find_no_room_that_is_known_and_one_of_them_is_named_in_the_log(spool, caplog):
    room = []
    waiting = IncomingFiles(spool, Capture(spool, Identity("web-1")), parse, lambda _: bool(room))
    for number in range(3):
        leave(spool, f"{number}", "a")
    for _ in range(2):
        assert waiting.take() == 0
        assert waiting.is_waiting
    assert caplog.text.count("waits") == 1
    room.append("some")
    assert waiting.take() == 3
    assert not waiting.is_waiting


def test_a_file_that_arrives_raises_a_signal(spool):
    signals = SignalPipe((ARRIVED,))
    watching = incoming(spool)
    try:
        watching.watch(spool.directory / "incoming")
        leave(spool, "1", "a")
        assert signals.wait(30) == {signal.SIGIO}
    finally:
        watching.close()
        signals.close()


def test_a_directory_that_cannot_be_watched_is_no_trouble(spool, tmp_path):
    watching = incoming(spool)
    watching.watch(tmp_path / "nothing")
    watching.close()


class Choosy(Capture):
    """A capture for which one title is too much."""

    def __init__(self, spool, error):
        super().__init__(spool, Identity("web-1"))
        self.error = error

    def keep_posted(self, captured, *arguments, **options):
        if any(b'"bad"' in bytes(event.body) for event in captured):
            raise self.error
        super().keep_posted(captured, *arguments, **options)


@pytest.mark.parametrize("error", [RecursionError("too deep"), SpoolFull("too large"), ValueError("odd")])
def test_one_that_cannot_be_kept_keeps_no_other_from_it(spool, error):
    for name, title in (("1", "a"), ("2", "bad"), ("3", "c")):
        leave(spool, name, title)
    assert IncomingFiles(spool, Choosy(spool, error), parse).take() == 2
    assert titles(spool) == ["a", "c"]
    left = "incoming" if isinstance(error, SpoolFull) else "incoming-refused"
    assert [path.name for path in (spool.directory / left).iterdir()] == ["2"]


def test_a_file_takes_its_share_of_the_memory_for_bodies_while_it_is_read(spool):
    budget, free = Budget(), []

    def look(body, identity):
        free.append(budget.work(len(body), 0) is not None)
        return parse(body, identity)

    leave_in_incoming(spool.directory, "1", b'{"events":{}}'.ljust(1024 * 1024))
    IncomingFiles(spool, Capture(spool, Identity("web-1")), look, budget=budget).take()
    assert free == [False]
    assert budget.work(1024 * 1024, 0) is not None
