"""A local HTTP server that takes everything: the other end of the benches.

`Counting` counts the bench's own events in what it is posted, decoded as the Content-Encoding says; GET answers with
the count. `Stamping` keeps what came and when.
"""

import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

MARK = b'"source":"bench"'
WINDOW_BITS = {"deflate": zlib.MAX_WBITS, "gzip": zlib.MAX_WBITS | 16}


class Counting(BaseHTTPRequestHandler):
    """Answers 200 to every POST, and the number of events so far to every GET."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    events: ClassVar[int] = 0
    requests: ClassVar[int] = 0
    guard: ClassVar[threading.Lock] = threading.Lock()

    def do_POST(self) -> None:
        self._take(self._body())
        self._answer(b"ok")

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        encoding = self.headers.get("Content-Encoding", "")
        return zlib.decompress(body, WINDOW_BITS[encoding]) if encoding in WINDOW_BITS else body

    def _take(self, body: bytes) -> None:
        with self.guard:
            type(self).events += body.count(MARK)
            type(self).requests += 1

    def do_GET(self) -> None:
        self._answer(b"%d %d" % (self.events, self.requests))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Stay silent."""


class Stamping(Counting):
    """Keeps (monotonic seconds, path asked for, body) of every POST, in the order of arrival."""

    arrivals: ClassVar[list[tuple[float, str, bytes]]] = []
    changed: ClassVar[threading.Condition] = threading.Condition()

    def _take(self, body: bytes) -> None:
        now = time.monotonic()
        with self.changed:
            self.arrivals.append((now, self.path, body))
            self.changed.notify_all()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Counting).serve_forever(poll_interval=60)
