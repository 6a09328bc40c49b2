"""A local HTTP server that takes everything and counts events: the other end of the delivery bench.

Counts the bench's own events in what it is posted, decoded as the Content-Encoding says. GET answers with the count.
"""

import sys
import threading
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
        body = self.rfile.read(int(self.headers["Content-Length"]))
        encoding = self.headers.get("Content-Encoding", "")
        if encoding in WINDOW_BITS:
            body = zlib.decompress(body, WINDOW_BITS[encoding])
        with self.guard:
            type(self).events += body.count(MARK)
            type(self).requests += 1
        self._answer(b"ok")

    def do_GET(self) -> None:
        self._answer(b"%d %d" % (self.events, self.requests))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Stay silent."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Counting).serve_forever(poll_interval=60)
