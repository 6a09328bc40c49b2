"""A month without a receiver: reboots, a lowered cap and an upgrade in between, then everything arrives.

The time is injected, the spool, the delivery and the receiver are real.
"""

import itertools
import random
import tempfile
from pathlib import Path

import pytest

from agent.configuration import types
from agent.delivery.loop import DeliveryLoop
from agent.events.capture import Capture, Clocks
from agent.events.identity import Identity
from agent.systems.stackstate.destination import StackState
from agent.systems.stackstate.settings import StackStateSettings
from agent.systems.stackstate.stand_in import Receiver
from collectors.event import Category, Event
from spool import Options, Spool
from spool.schema import SCHEMA

DAY = 86_400
MIB = 1024 * 1024
START = 1_750_000_000
EVENT_EVERY = 240  # seconds; an ordinary host
TRANSACTION_EVERY = 5 * DAY  # seconds; an upgrade of packages
PACKAGES = 120
WAITS = types.Backoff(initial=types.Duration(0.01), max=types.Duration(0.05))


class Host:
    """A host whose clock the test moves; every boot opens the spool anew."""

    def __init__(self, directory, options):
        self.directory = directory
        self.options = options
        self.now = float(START)
        self.numbers = itertools.count()
        self.random = random.Random(7)
        self.settings = StackStateSettings(
            type="stackstate", url="http://127.0.0.1:1/stsAgent", api_key=types.Secret("k"), backoff=WAITS
        )
        self.boots = 0
        self.schema = SCHEMA
        self.boot()

    def boot(self):
        self.boots += 1
        boot_id, began = f"boot-{self.boots}", self.now
        self.spool = Spool.open(self.directory, self.options, wall=lambda: self.now, schema=self.schema)
        self.spool.positions.attach("sts", "the receiver", "oldest")
        self.clocks = Clocks(lambda: self.now, lambda: self.now - began, lambda: True, boot_id)
        self.capture = Capture(self.spool, Identity("h"), self.clocks)

    def reboot(self, options=None):
        self.spool.close()
        self.options = options or self.options
        self.now += 60
        self.boot()

    def happen(self, count=1):
        noise = self.random.randbytes(300).hex()
        events = [
            Event(
                name="custom",
                event_type="Tested",
                category=Category.OTHERS,
                title=str(next(self.numbers)),
                text=noise,
                timestamp=int(self.now),
            )
            for _ in range(count)
        ]
        self.capture.keep(events, "test", {"last": events[-1].title.encode()})

    def live(self, days):
        until = self.now + days * DAY
        while self.now < until:
            self.now += EVENT_EVERY
            self.happen()
            if self.now % TRANSACTION_EVERY < EVENT_EVERY:
                self.happen(PACKAGES)
            if self.now % (6 * 3600) < EVENT_EVERY:
                self.spool.housekeeping(trusted_time=True)

    def dropped(self):
        (one,) = self.spool.status().destinations
        return sum(one.dropped.values())

    def deliver_to(self, receiver):
        settings = StackStateSettings(
            type="stackstate", url=receiver.url, api_key=types.Secret("k"), backoff=WAITS
        )
        destination = StackState("sts", settings)
        loop = DeliveryLoop(destination, settings, self.spool, hostname=lambda: "h", clocks=self.clocks)
        loop.start()
        assert loop.flush(120)
        assert loop.stop(1)


@pytest.fixture
def directory(tmp_path):
    """Return a directory in memory where there is one: a month of syncs would only wear the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as found:
        yield Path(found) / "spool"


@pytest.fixture
def receiver():
    with Receiver(api_key="k") as one:
        yield one


def test_after_a_month_offline_all_that_the_policy_kept_arrives_in_order(directory, receiver):
    host = Host(directory, Options(max_size_bytes=64 * MIB, max_age_seconds=40 * DAY))
    host.live(days=10)
    host.reboot()
    host.live(days=10)
    assert host.dropped() == 0
    host.reboot(Options(max_size_bytes=6 * MIB, max_age_seconds=40 * DAY))
    host.live(days=5)
    after_lowering = host.dropped()
    assert after_lowering > 0
    added = "CREATE TABLE added (id INTEGER PRIMARY KEY);"
    host.schema = SCHEMA._replace(version=SCHEMA.version + 1, migrations={SCHEMA.version: added})
    host.reboot()
    host.live(days=5)

    happened, dropped = next(host.numbers), host.dropped()
    host.deliver_to(receiver)
    titles = [int(one.event["msg_title"]) for one in receiver.received]
    assert titles == list(range(dropped, happened))
    assert sum(file.stat().st_size for file in directory.rglob("*") if file.is_file()) <= 6 * MIB
    host.spool.close()


def test_what_is_older_than_its_age_is_dropped_and_counted_even_while_offline(directory, receiver):
    host = Host(directory, Options(max_age_seconds=5 * DAY))
    host.live(days=10)
    host.spool.housekeeping(trusted_time=True)
    happened, dropped = next(host.numbers), host.dropped()
    host.deliver_to(receiver)
    titles = [int(one.event["msg_title"]) for one in receiver.received]
    assert titles == list(range(dropped, happened))
    ages = [host.now - one.event["timestamp"] for one in receiver.received]
    assert max(ages) <= 5 * DAY + 6 * 3600
    host.spool.close()
