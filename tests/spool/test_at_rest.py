"""At rest the database holds no pages in memory; what is asked for then is read again, and is the same."""

import threading
from pathlib import Path

from spool_examples import record_of

from spool import Options, writer
from spool.at_rest import give_back
from spool.schema import SCHEMA, open_writer

ROWS = 400


def read_bytes(connection):
    """Return how much this thread reads to look at all rows again, and the rows."""
    before = asked_for()
    rows = connection.execute("SELECT key, value FROM memory").fetchall()
    return asked_for() - before, rows


def asked_for():
    io = Path("/proc/thread-self/io").read_text()
    return int(dict(line.split(": ") for line in io.splitlines())["rchar"])


def test_pages_are_let_go_of_and_read_again(tmp_path):
    connection = open_writer(tmp_path / "spool.db", SCHEMA)
    connection.executemany(
        "INSERT INTO memory (owner, key, crc, value) VALUES ('files', ?, 0, ?)",
        [(b"%06d" % number, bytes(1000)) for number in range(ROWS)],
    )
    known, rows = read_bytes(connection)
    give_back(connection)
    again, found = read_bytes(connection)
    connection.close()
    assert found == rows
    assert len(rows) == ROWS
    assert again > known + ROWS * 1000


def test_it_is_done_once_nothing_has_come_for_a_while(open_spool, monkeypatch):
    given_back = threading.Event()
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(writer, "give_back", lambda _: given_back.set())
    open_spool().records.append([record_of("a")])
    assert given_back.wait(30)


def test_it_is_done_after_a_large_memory_too_of_which_no_record_tells(open_spool, monkeypatch):
    given_back = threading.Event()
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(writer, "give_back", lambda _: given_back.set())
    spool = open_spool(Options(max_size_bytes=8 * 1024 * 1024))
    spool.records.append([record_of("a")])
    assert given_back.wait(30)
    given_back.clear()
    for number in range(8):
        spool.records.append([], owner="files", remember={str(number): bytes(100_000)})
    assert given_back.wait(30)
