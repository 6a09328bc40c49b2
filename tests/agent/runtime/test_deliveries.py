"""When destinations begin: everything is kept for them from the first moment, and sent once the start is over."""

import contextlib
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


@pytest.fixture
def reconfigured(tmp_path):
    """Return a function that opens the spool and attaches destinations: their names with a port, in their order."""

    @contextlib.contextmanager
    def running():
        with Spool.open(tmp_path / "spool") as spool:
            deliveries = Deliveries(spool, Surroundings(hostname=lambda: "h"), CLOCKS)

            def configure(**ports):
                lines = [
                    f"  {name}: {{url: 'http://127.0.0.1:{at}', api_key: k}}" for name, at in ports.items()
                ]
                (tmp_path / "agent.yaml").write_text("\n".join(["destinations:", *lines, ""]))
                deliveries.reconfigure(load(tmp_path / "agent.yaml", environ={}).settings.destinations)
                return {one.name: one.waiting_events for one in spool.status().destinations}

            yield spool, configure

    return running


@pytest.mark.parametrize("restart", [False, True], ids=["by a reload", "by a restart"])
@pytest.mark.parametrize(
    ("before", "after", "waiting"),
    [
        ({"main": 1, "typo": 2}, {"main": 1, "typo": 3}, {"main": 2, "typo": 1}),
        ({"main": 1, "typo": 2}, {"main": 3, "typo": 4}, {"main": 2, "typo": 1}),
        ({"main": 1, "late": 2}, {"late": 1, "main": 2}, {"main": 1, "late": 2}),
        ({"main": 1, "late": 2}, {"main": 2, "next": 1}, {"main": 1, "next": 2}),
        ({"main": 1, "late": 2}, {"main": 2}, {"main": 1}),
        ({"main": 1, "late": 1}, {"added": 1, "main": 1, "late": 1}, {"added": 0, "main": 2, "late": 1}),
        ({"main": 1, "late": 1}, {"next": 1, "late": 1}, {"next": 2, "late": 1}),
        ({"main": 1, "late": 2}, {"main": 1, "late": 1}, {"main": 2, "late": 1}),
    ],
    ids=[
        "an address that is corrected",
        "two at once",
        "names that change places",
        "a name that goes on to another address",
        "one that takes the name of one that is taken away",
        "a third name for an address",
        "one of two names for an address is another",
        "an address that becomes that of another",
    ],
)
def test_what_waits_under_a_name_or_for_an_address_goes_on_waiting(
    reconfigured, before, after, waiting, restart
):
    with reconfigured() as (spool, configure):
        main, _ = before
        configure(**{main: before[main]})
        spool.records.append([record()])
        configure(**before)
        spool.records.append([record()])
        if not restart:
            assert configure(**after) == waiting
            return
    with reconfigured() as (_, configure):
        assert configure(**after) == waiting
