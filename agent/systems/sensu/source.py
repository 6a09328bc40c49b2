"""The source `sensu_api`: polls Sensu servers, and tells of each event once that it opened, changed or is resolved.

What was told is remembered in the transaction that keeps it, so a restart tells nothing twice. A server that cannot
be asked says nothing of its events: they are resolved only when a whole pass over its pages has not shown them.
"""

import hashlib
import os
import select
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from threading import Thread

import msgspec

from agent.configuration.types import Tls
from agent.http.client import HttpClient
from agent.http.mask import mask_of, without_credentials
from agent.systems.sensu.settings import SensuApiConfig
from agent.systems.sensu.source_api import PAGE_BYTES, EventsApi, Key, NotAskedError, Page
from agent.systems.sensu.source_events import Known, known, news, resolved
from collectors._troubles import PREFIX as TROUBLE
from collectors._troubles import Subject, Troubles
from collectors.collector import NotKept, Runtime, Scoped, Stop, recall, united
from collectors.event import Event

_ASKED_AT_ONCE = 100
"""So many missing events are asked for one by one in a pass; the others in the next."""
_CUT_SECONDS = 0.1
_EVENTS = Subject(
    "sensu_event",
    "What becomes of the Sensu event {} cannot be told",
    "The Sensu event {} cannot be told: {}. Every other event is told as before.",
    "cannot tell",
)


class SensuApi:
    """Polls every server that an entry names, each at its own interval."""

    def __init__(self, entries: Sequence[Scoped[SensuApiConfig]]) -> None:
        self._entries: dict[str, Scoped[SensuApiConfig]] = {}
        for entry in entries:
            address = without_credentials(entry.config.url.rstrip("/"))
            self._entries[address] = _united(self._entries.get(address, entry), entry)

    def run(self, runtime: Runtime) -> None:
        """Poll until the end."""
        servers = [_Server(address, entry, runtime) for address, entry in self._entries.items()]
        try:
            _forget_others(runtime, servers)
            due = dict.fromkeys(servers, time.monotonic())
            while not runtime.stop.is_set():
                server = min(due, key=due.__getitem__)
                if runtime.stop.wait(max(0.0, due[server] - time.monotonic())):
                    return
                server.poll()
                due[server] = time.monotonic() + server.interval_seconds
                runtime.report("; ".join(one.state for one in servers if one.state))
        finally:
            for server in servers:
                server.close()


def _united(one: Scoped[SensuApiConfig], other: Scoped[SensuApiConfig]) -> Scoped[SensuApiConfig]:
    """Return the entry of a server that two files name: it is polled as often as either wants, for both."""
    return Scoped(
        min(one.config, other.config, key=lambda config: config.interval),
        united((one.tags, other.tags)),
        united((one.element_identifiers, other.element_identifiers)),
    )


class _Server:
    """One server, and what was told of it."""

    def __init__(self, address: str, entry: Scoped[SensuApiConfig], runtime: Runtime) -> None:
        config = entry.config
        self.interval_seconds = float(config.interval)
        self.prefix = f"{hashlib.sha256(address.encode()).hexdigest()[:16]}/"
        self.state = ""
        self._where = config.url.masked()
        self._scope = entry
        self._http = HttpClient(tls=Tls(), mask=mask_of(config.url), body_bytes=PAGE_BYTES)
        self._api = EventsApi(config.url, self._http)
        self._runtime = runtime
        self._known = dict(self._remembered())
        self._troubles = Troubles(runtime.memory, _EVENTS, prefix=f"{self.prefix}{TROUBLE}")
        self._left_out = 0

    def close(self) -> None:
        self._http.close()

    def poll(self) -> None:
        """Look at every page once, and tell what is new; whatever goes wrong is for `status`."""
        try:
            with _cut_short(self._runtime.stop, self._http):
                self._pass()
        except NotAskedError as reason:
            self.state = f"{self._where} cannot be looked at: {reason}"
        except NotKept as reason:
            self._troubles.forgo()
            self.state = f"{self._where}: {reason}"
        else:
            left_out = f", {self._left_out} more are left out for lack of room" if self._left_out else ""
            odd = f", {words}" if (words := self._troubles.in_words()) else ""
            self.state = f"{len(self._known)} events at {self._where}{left_out}{odd}"

    def _pass(self) -> None:
        seen: set[Key] = set()
        pages = self._left_out = 0
        for page in self._api.pages():
            pages += 1
            self._tell(page)
            seen.update(one.key for one in page.sightings)
            if self._runtime.stop.is_set():
                return
        missing = [key for key in self._known if key not in seen]
        if pages > 1:
            missing = [key for key in islice(missing, _ASKED_AT_ONCE) if self._api.is_gone(key)]
        now = time.time()
        over: dict[Key, Event] = {}
        for key in missing:
            with self._troubles.guarded(self._shown(key)):
                over[key] = resolved(key, self._known[key], self._scope, now)
        self._emit(list(over.values()), dict.fromkeys(over))

    def _tell(self, page: Page) -> None:
        now = time.time()
        events: list[Event] = []
        changes: dict[Key, Known | None] = {}
        size = 0
        for one in page.sightings:
            before = changes.get(one.key, self._known.get(one.key))
            size += 2 * (len(self._stored(one.key)) + 100)
            if before is None and not self._runtime.memory.has_room(size):
                self._left_out += 1
                continue
            with self._troubles.guarded(self._shown(one.key)):
                fresh = list(news(before, one, self._scope, now))
                if fresh:
                    changes[one.key] = known(one)
                    events += fresh
        self._emit(events, changes)

    def _emit(self, events: Sequence[Event], changes: Mapping[Key, Known | None]) -> None:
        if not events and not self._troubles.to_remember():
            return
        remember = {
            self._stored(key): None if value is None else msgspec.json.encode(value)
            for key, value in changes.items()
        }
        troubles = self._troubles.news(int(time.time()))
        self._runtime.emit([*events, *troubles], remember | self._troubles.to_remember())
        self._troubles.kept()
        for key, value in changes.items():
            if value is None:
                self._known.pop(key, None)
            else:
                self._known[key] = value

    def _shown(self, key: Key) -> str:
        return f"{'/'.join(key)} at {self._where}"

    def _stored(self, key: Key) -> str:
        return self.prefix + "/".join(key)

    def _remembered(self) -> Iterator[tuple[Key, Known]]:
        for stored, value in self._runtime.memory.items(self.prefix):
            remembered = recall(value, Known)
            client, _, check = stored.removeprefix(self.prefix).partition("/")
            if remembered is not None:
                yield (client, check), remembered


def _forget_others(runtime: Runtime, servers: Sequence[_Server]) -> None:
    """Forget servers that are not configured any more."""
    prefixes = tuple(server.prefix for server in servers)
    gone = [key for key, _ in runtime.memory.items() if not key.startswith(prefixes)]
    if gone:
        runtime.emit([], dict.fromkeys(gone))


@contextmanager
def _cut_short(stop: Stop, http: HttpClient) -> Iterator[None]:
    """Leave whatever request is under way soon after the end is asked for."""
    read, write = os.pipe()

    def watch() -> None:
        poller = select.poll()
        for descriptor in (stop.fileno(), read):
            poller.register(descriptor, select.POLLIN)
        is_over = any(descriptor == read for descriptor, _ in poller.poll())
        poller.unregister(stop.fileno())
        while not is_over:
            http.shorten(_CUT_SECONDS)
            is_over = bool(poller.poll(int(_CUT_SECONDS * 1000)))

    watcher = Thread(target=watch, name="sensu-stop", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        os.close(write)
        watcher.join()
        os.close(read)
