"""When destinations begin: everything is kept for them from the first moment, and sent once the start is over."""

import threading
import time
from types import SimpleNamespace

import pytest

from agent.configuration.load import load
from agent.runtime.deliveries import Deliveries
from agent.systems.registry import stand_in
from agent.systems.system import Surroundings
from spool import Record, Spool, compress

CLOCKS = SimpleNamespace(boot_id="this-boot", wall=time.time, boottime=time.monotonic)
EVENT = b'{"event_type":"X","msg_title":"y","msg_text":"","host":"h","tags":[],"timestamp":1,"context":{"category":"Others"}}'


@pytest.fixture
def receiver():
    with stand_in("stackstate", credential="k") as receiver:
        yield receiver


@pytest.fixture
def settings(tmp_path, receiver):
    file = tmp_path / "agent.yaml"
    file.write_text(f"destinations: {{main: {{url: '{receiver.url}', api_key: k}}}}\n")
    return load(file, environ={}).settings.destinations


def record() -> Record:
    return Record("custom", 1, 1, 1, ("X",), (), "h", "this-boot", 1.0, time.time(), True, compress(EVENT))


def test_before_it_begins_all_is_kept_for_a_destination_and_nothing_is_sent(tmp_path, settings, receiver):
    with Spool.open(tmp_path / "spool") as spool:
        deliveries = Deliveries(spool, Surroundings(hostname=lambda: "h"), CLOCKS)
        deliveries.reconfigure(settings)
        spool.records.append([record()])
        (waiting,) = spool.status().destinations
        assert waiting.waiting_events == 1
        assert "delivery-main" not in {thread.name for thread in threading.enumerate()}
        deliveries.begin()
        assert [one.title for one in receiver.wait_for(1)] == ["y"]
        deliveries.stop(0)
