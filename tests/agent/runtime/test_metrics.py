"""The text that a Prometheus reads, by the official parser, of values that no running agent shows at will."""

import subprocess
import sys

from prometheus_client.parser import text_string_to_metric_families

from agent.delivery.totals import DeliveryTotals
from agent.runtime.metric_families import Readings
from agent.runtime.metrics import answer
from agent.runtime.status import Collector, Destination, Document, Listener, SpoolSize

NOW = 1_800_000_000.0


def families(**changes):
    document = Document(
        running=True,
        hostname="web-1",
        version="1.2.3",
        listens={"socket": Listener(address="/run/x")},
        collectors={"files": Collector(state="restarting", restarts=2)},
        **changes,
    )
    deliveries = {name: DeliveryTotals() for name in document.destinations}
    for one in deliveries.values():
        one.delivered({NOW - 0.2: 3, NOW - 200_000: 1, NOW + 5: 2}, NOW)
    response = answer(Readings(document, {"files": 7}, deliveries, NOW))
    assert response.content_type.startswith("text/plain; version=0.0.4")
    return {family.name: family for family in text_string_to_metric_families(response.body.decode())}


def samples(found):
    return {
        (one.name, *one.labels.values()): one.value for family in found.values() for one in family.samples
    }


def test_names_follow_the_conventions_and_each_says_what_it_is():
    found = families(
        destinations={"main": Destination(state="idle")},
        spool=SpoolSize(
            directory="/", size_bytes=1, max_size_bytes=2, records=0, events=0, oldest=None, rejected=0
        ),
    )
    for name, family in found.items():
        assert name.startswith(("sts_agent_", "process_"))
        assert family.documentation
        assert (family.type == "counter") == family.samples[0].name.endswith("_total"), name
    assert found["sts_agent_delivery_latency_seconds"].type == "histogram"


def test_a_drop_has_its_reason_and_every_reason_begins_at_nothing():
    found = samples(families(destinations={"main": Destination(state="idle", dropped={"age": 4})}))
    dropped = {key[2]: value for key, value in found.items() if key[0] == "sts_agent_events_dropped_total"}
    assert dropped["age"] == 4
    assert {"full", "disk_full", "damaged"} <= {reason for reason, count in dropped.items() if not count}


def test_latency_is_counted_up_to_each_bound_and_a_clock_that_was_set_makes_none_negative():
    found = samples(families(destinations={"main": Destination(state="idle")}))
    name = "sts_agent_delivery_latency_seconds"
    assert found[f"{name}_bucket", "main", "0.1"] == 2
    assert found[f"{name}_bucket", "main", "0.25"] == 5
    assert found[f"{name}_bucket", "main", "86400.0"] == 5
    assert found[f"{name}_bucket", "main", "+Inf"] == found[f"{name}_count", "main"] == 6
    assert found[f"{name}_sum", "main"] > 200_000


def test_each_state_is_a_series_and_one_of_them_is_true():
    found = samples(families(destinations={"main": Destination(state="paused", reason="no key")}))
    states = {key[2]: value for key, value in found.items() if key[0] == "sts_agent_destination_state"}
    assert [state for state, is_it in states.items() if is_it] == ["paused"]
    assert len(states) == 6
    assert found["sts_agent_collector_state", "files", "restarting"] == 1
    assert found["sts_agent_collector_restarts_total", "files"] == 2


def test_an_old_event_that_waits_shows_its_age_and_a_name_may_hold_anything():
    odd = 'a"b\\c\nd'
    waiting = Destination(state="idle", waiting_events=2, waiting_bytes=900, oldest_waiting=NOW - 3600)
    found = samples(families(destinations={odd: waiting, "new": Destination(state="idle")}))
    assert found["sts_agent_oldest_waiting_seconds", odd] == 3600
    assert found["sts_agent_waiting_bytes", odd] == 900
    assert found["sts_agent_oldest_waiting_seconds", "new"] == 0


def test_nothing_of_the_library_is_loaded_before_the_first_scrape():
    script = "import sys, agent.runtime.daemon, agent.runtime.metrics_port; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert not [name for name in loaded.stdout.split() if name.startswith("prometheus_client")]


def test_a_scrape_loads_no_server_no_client_and_no_tls():
    script = (
        "import sys, agent.runtime.plain_prometheus; print(*sys.modules);"
        "import prometheus_client, prometheus_client.parser, ssl; assert prometheus_client.Counter('a', 'b');"
        "assert ssl.create_default_context()"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "prometheus_client.exposition" in loaded
    assert not {"html", "http.server", "ssl", "urllib.request", "wsgiref.simple_server"} & loaded
