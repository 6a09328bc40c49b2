"""The remote side of a test host: takes what the agent posts, and can be away for a while."""

import gzip
import json
import threading
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]

API_KEY = "a-key-of-the-tests"


class Receiver:
    """Listens on a loopback port that stays its own while it is away."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: list[Json] = []
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._port = 0
        self.come_back()

    @property
    def url(self) -> str:
        """What to write into agent.yaml."""
        return f"http://127.0.0.1:{self._port}/stsAgent"

    @property
    def events(self) -> list[Json]:
        """Every event taken so far, in the order of arrival."""
        with self._changed:
            return list(self._events)

    def of_type(self, event_type: str, **data: Any) -> list[Json]:
        """Return the events of one type whose data has these values."""
        return [event for event in self.events if _is(event, event_type, data)]

    def wait_for(self, wanted: Callable[[list[Json]], Any], timeout_seconds: float = 30) -> Any:
        """Wait until `wanted(events)` is true of what has arrived, and return what it said."""
        with self._changed:
            found = self._changed.wait_for(lambda: wanted(self._events), timeout_seconds)
            if not found:
                arrived = "\n".join(f"  {e['event_type']}: {e['msg_title']}" for e in self._events)
                raise AssertionError(
                    f"not within {timeout_seconds} s; what arrived:\n{arrived or '  nothing'}"
                )
            return found

    def wait_for_event(self, event_type: str, timeout_seconds: float = 30, **data: Any) -> Json:
        """Wait for an event of one type whose data has these values, and return the first."""
        return self.wait_for(
            lambda events: next((e for e in events if _is(e, event_type, data)), None), timeout_seconds
        )

    def go_away(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def come_back(self) -> None:
        """Take connections again, on the same port."""
        if self._server is not None:
            return
        taken, changed = self._events, self._changed

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                events = _events(_plain(body, self.headers.get("Content-Encoding", "")))
                self.send_response(200)
                self.end_headers()
                with changed:
                    taken.extend(events)
                    changed.notify_all()

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Answer)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()


def _is(event: Json, event_type: str, data: Json) -> bool:
    has = event["context"]["data"]
    return event["event_type"] == event_type and all(has.get(key) == value for key, value in data.items())


def _plain(body: bytes, encoding: str) -> bytes:
    if encoding == "deflate":
        return zlib.decompress(body)
    return gzip.decompress(body) if encoding == "gzip" else body


def _events(body: bytes) -> list[Json]:
    return [event for events in json.loads(body)["events"].values() for event in events]
