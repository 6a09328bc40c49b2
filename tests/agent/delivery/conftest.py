"""A real spool, a real receiver, and a delivery loop between them with short waits."""

import itertools
import threading
import time
from dataclasses import dataclass
from functools import partial

import pytest

from agent.configuration import types
from agent.delivery.loop import DeliveryLoop
from agent.http.client import HttpClient
from agent.systems.stackstate.destination import StackState
from agent.systems.stackstate.settings import StackStateSettings
from agent.systems.stackstate.stand_in import Receiver
from collectors.event import Category, Event, encode
from spool import Record, Spool, compress

KEY = "s3cr3t-k3y"


@dataclass(frozen=True)
class Clocks:
    """This host's clocks as a test wants them."""

    boot_id: str = "this-boot"
    trusted: bool = True

    def wall(self):
        return time.time()

    def boottime(self):
        return 5000.0

    def is_trusted(self):
        return self.trusted


def event(title, *, name="custom", event_type="Tested", tags=(), hostname="h"):
    return encode(
        Event(
            name=name,
            event_type=event_type,
            category=Category.OTHERS,
            title=title,
            text="",
            timestamp=1_700_000_000,
            tags=tags,
            element_identifiers=(f"urn:host:/{hostname}",),
            source_identifier=title,
            host=hostname,
        )
    )


def record(*titles, name="custom", event_type="Tested", tags=(), hostname="h", **changes):
    bodies = [
        event(title, name=name, event_type=event_type, tags=tags, hostname=hostname) for title in titles
    ]
    values = {
        "name": name,
        "count": len(titles),
        "first_time": 1_700_000_000,
        "last_time": 1_700_000_000,
        "event_types": (event_type,),
        "tags": tuple(tags),
        "hostname": hostname,
        "boot_id": "this-boot",
        "boottime": 1000.0,
        "captured": time.time(),
        "clock_trusted": True,
        "segment": compress(b",".join(bodies)),
    }
    return Record(**{**values, **changes})


def settings(url, **changes):
    values = {
        "type": "stackstate",
        "url": url,
        "api_key": types.Secret(KEY),
        "timeout": types.Duration(5),
        "batch": types.Batch(linger=types.Duration(0.01)),
        "backoff": types.Backoff(initial=types.Duration(0.01), max=types.Duration(0.05)),
    }
    if "api_key_file" in changes:
        del values["api_key"]
    return StackStateSettings(**{**values, **changes})


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as one:
        yield one


@pytest.fixture
def receiver():
    with Receiver(api_key=KEY) as one:
        yield one


@pytest.fixture
def loop_to(spool):
    """Make a started loop to a URL; every one is stopped at the end and leaves no thread behind."""
    made = []
    numbers = itertools.count()

    def make(
        url,
        *,
        hostname=lambda: "h",
        clocks=None,
        start=True,
        name=None,
        resolve=None,
        through=None,
        **changes,
    ):
        given = settings(url, **changes)
        client = partial(HttpClient, resolve=resolve) if resolve else HttpClient
        destination = StackState(name or f"sts{next(numbers) or ''}", given, client=client)
        spool.positions.attach(destination.name, destination.identity, given.start, destination.kinds)
        loop = DeliveryLoop(
            destination,
            given,
            through or spool,
            hostname=hostname,
            clocks=clocks or Clocks(),
            look_seconds=0.02,
        )
        made.append(loop)
        if start:
            loop.start()
        return loop

    yield make
    for loop in made:
        assert loop.stop(0)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("delivery")]


@pytest.fixture
def until():
    """Wait until a condition holds, looking often; fail with what it was after a long time."""

    def wait(condition, seconds=120):
        ends = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < ends, f"it never came to {condition}"
            threading.Event().wait(0.005)
        return value

    return wait


class Host:
    """What this host captured, and what became of it."""

    def __init__(self, spool, directory):
        self.spool = spool
        self.directory = directory

    def keep(self, *titles, **changes):
        """Capture events with these titles together."""
        self.spool.records.append([record(*titles, **changes)])

    def waiting(self):
        """Return how many events wait, by destination."""
        return {one.name: one.waiting_events for one in self.spool.status().destinations}

    def totals(self, name="sts"):
        """Return how many events were delivered, filtered out, rejected."""
        (found,) = [one for one in self.spool.status().destinations if one.name == name]
        return found.delivered_total, found.filtered_total, found.rejected_total


@pytest.fixture
def host(spool, tmp_path):
    return Host(spool, tmp_path)
