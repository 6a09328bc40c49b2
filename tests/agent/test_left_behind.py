"""Files in `incoming/` are taken in once, and a bad one keeps no other from it."""

import json
import signal

import pytest

from agent.capture import Capture
from agent.chunk import entries
from agent.events.identity import Identity
from agent.left_behind import ARRIVED, LeftBehind
from agent.signals import Signals
from spool import Spool, SpoolFull, SpoolReader
from spool.incoming import leave_in_incoming


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


def left_behind(spool) -> LeftBehind:
    return LeftBehind(spool, Capture(spool, Identity("web-1")))


def test_what_lies_there_is_taken_in_once(spool):
    leave(spool, "1", "a", "b")
    leave(spool, "2", "c")
    assert left_behind(spool).take() == 3
    assert left_behind(spool).take() == 0
    assert titles(spool) == ["a", "b", "c"]
    assert [*(spool.directory / "incoming").iterdir()] == []


def test_one_that_cannot_be_understood_is_put_aside(spool, caplog):
    leave_in_incoming(spool.directory, "1", b"nonsense")
    leave(spool, "2", "fine")
    assert left_behind(spool).take() == 1
    assert titles(spool) == ["fine"]
    assert "incoming/1 is refused" in caplog.text
    assert [path.name for path in (spool.directory / "incoming").iterdir()] == []


def test_what_finds_no_room_stays_where_it_is(spool):
    class Full(Capture):
        def keep_posted(self, *_):
            raise SpoolFull("full")

    leave(spool, "1", "a")
    assert LeftBehind(spool, Full(spool, Identity("web-1"))).take() == 0
    assert left_behind(spool).take() == 1


def test_a_file_that_arrives_raises_a_signal(spool):
    signals = Signals((ARRIVED,))
    watching = left_behind(spool)
    try:
        watching.watch(spool.directory / "incoming")
        leave(spool, "1", "a")
        assert signals.wait(30) == {signal.SIGIO}
    finally:
        watching.close()
        signals.close()


def test_a_directory_that_cannot_be_watched_is_no_trouble(spool, tmp_path):
    watching = left_behind(spool)
    watching.watch(tmp_path / "nothing")
    watching.close()
