"""What taking events in and delivering them costs at the very least: a bare loop of the same libraries, beside `bench/delivery.py`.

    python bench/delivery_floor.py [--events 200000]

One thread reads a request with httptools, decodes and checks its events with msgspec, compresses the body as it came, commits it to SQLite in one
synced transaction, and answers. Another posts what was kept, body for body, through one connection, and deletes it when it is answered.
No limits, no memory, no clock, nothing filled, no order between destinations, no answer but 200 understood; damage to a page takes all of a request.
"""

import argparse
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import delivery
import httptools
import msgspec

_HEAD = "POST /stsAgent/intake HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Encoding: deflate\r\nContent-Length: "
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nOK\n"
_AGAIN_SECONDS = 1.0
_AT_ONCE = 5
"""Bodies that are deleted together: as many events as the agent sends in a request."""


class Context(msgspec.Struct):
    """What is checked of an event's context."""

    category: str
    source: str
    source_identifier: str
    element_identifiers: list[str]
    source_links: list[msgspec.Raw]
    data: dict[str, msgspec.Raw]


class Event(msgspec.Struct):
    """What is checked of an event."""

    event_type: str
    msg_title: str
    msg_text: str
    source_type_name: str
    host: str
    tags: list[str]
    timestamp: int
    context: Context


class Body(msgspec.Struct):
    """What is checked of a request."""

    events: dict[str, list[Event]]


class Request:
    """What httptools calls."""

    body, done = b"", False

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """Take note that it is whole."""
        self.done = True


class Kept:
    """The bodies on the disk, for two threads."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE records (number INTEGER PRIMARY KEY, body BLOB)")
        self._changed = threading.Condition()

    def add(self, body: bytes) -> None:
        """Commit one body, synced."""
        with self._changed:
            self._database.execute("INSERT INTO records (body) VALUES (?)", (body,))
            self._changed.notify()

    def next(self) -> list[tuple[int, bytes]]:
        """Return the oldest bodies with their numbers, once there are any."""
        with self._changed:
            while not (found := self._some()):
                self._changed.wait()
            return found

    def remove(self, number: int) -> None:
        """Delete all up to a number; that is on the disk with the next sync."""
        with self._changed:
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("DELETE FROM records WHERE number <= ?", (number,))
            self._database.execute("PRAGMA synchronous = FULL")

    def _some(self) -> list[tuple[int, bytes]]:
        return self._database.execute(
            f"SELECT number, body FROM records ORDER BY number LIMIT {_AT_ONCE}"
        ).fetchall()


def take_in(listener: socket.socket, kept: Kept) -> None:
    """Keep what is posted, one connection after the other."""
    from isal import isal_zlib

    decode = msgspec.json.Decoder(Body).decode
    while True:
        connection, _ = listener.accept()
        request = Request()
        parser = httptools.HttpRequestParser(request)
        while data := connection.recv(256 * 1024):
            parser.feed_data(data)
            if request.done:
                decode(request.body)
                kept.add(isal_zlib.compress(request.body, 1))
                connection.sendall(_OK)
                request.body, request.done = b"", False


def deliver(kept: Kept, port: int) -> None:
    """Post what is kept, and come again where nobody takes it."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while True:
                    found = kept.next()
                    for _, body in found:
                        _post(connection, body)
                    kept.remove(found[-1][0])
        except OSError:
            time.sleep(_AGAIN_SECONDS)


def _post(connection: socket.socket, body: bytes) -> None:
    connection.sendall(f"{_HEAD}{len(body)}\r\n\r\n".encode() + body)
    answer = connection.recv(65536)
    while not answer.endswith(b"\r\n\r\nok"):
        more = connection.recv(65536)
        if not more:
            raise ConnectionResetError
        answer += more


def main_of_program(directory: Path, port: int) -> None:
    """Run until a signal ends it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(directory / "intake.sock"))
    listener.listen()
    kept = Kept(directory / "floor.db")
    threading.Thread(target=deliver, args=(kept, port), daemon=True).start()
    take_in(listener, kept)


class Floor:
    """The bare loop as `delivery.run` wants it."""

    name = "floor"

    def configure(self, directory: Path, port: int) -> None:
        """Note where the sink is."""
        (directory / "port").write_text(str(port))

    def start(self, directory: Path) -> subprocess.Popen[bytes]:
        """Run until it listens."""
        port = (directory / "port").read_text()
        process = subprocess.Popen([sys.executable, __file__, "--run", str(directory), port])
        delivery.wait_until(lambda: delivery.connects(directory / "intake.sock"), "the floor's socket")
        return process

    def feed(self, directory: Path, batches: Iterator[list[bytes]]) -> None:
        """Post each batch as the agent is posted it."""
        delivery.ThisAgent().feed(directory, batches)


def main() -> None:
    """Print events per CPU second, with the sink there and after an outage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--run", nargs=2, metavar=("DIRECTORY", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        main_of_program(Path(options.run[0]), int(options.run[1]))
    for outage, when in ((False, "sink there"), (True, "after an outage")):
        found = delivery.run(Floor(), options.events, 200, outage=outage)
        print(f"{when:16} {options.events / found.cpu:12,.0f} events per CPU second")


if __name__ == "__main__":
    main()
