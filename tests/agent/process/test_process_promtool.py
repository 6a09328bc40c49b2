"""What a daemon tells a Prometheus, and the sample of alert rules, judged by Prometheus' own promtool."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from agent.cli.daemon_client import ask

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
UNPACKED = CACHE / "sts-agent/prometheus/usr/bin/promtool"
RULES = Path(__file__).parents[3] / "packaging/monitoring/alerts.yaml"
FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'

pytestmark = pytest.mark.long


def promtool(*words, text=None):
    program = shutil.which("promtool") or UNPACKED
    assert Path(program).exists(), "promtool is missing; `make test-deps-all` brings it"
    ran = subprocess.run([program, *words], input=text, capture_output=True, text=True, check=False)
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    return said


def scrape(agent):
    reply = ask(agent.socket, "GET", "/metrics")
    assert reply.is_ok
    return reply.body.decode()


def series(text):
    """Yield what a server keeps of a scrape that never changes, as promtool takes it."""
    labels = {"job": "sts-agent", "instance": "edge-01"}
    yield {"series": "up" + _braced(labels), "values": "1x1000"}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            yield {"series": one.name + _braced({**one.labels, **labels}), "values": f"{one.value:g}x1000"}


def _braced(labels):
    pairs = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    return "{" + pairs + "}"


def firing(tmp_path, text, alerts):
    """Have promtool hold that these alerts, and no others, fire an hour after such scrapes began."""
    samples = [{"labels": _braced({"alertname": name}), "value": 1} for name in alerts]
    expected = {"expr": FIRING, "eval_time": "1h", "exp_samples": samples}
    test = {"interval": "1m", "input_series": [*series(text)], "promql_expr_test": [expected]}
    tests = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}
    path = tmp_path / "tests.yaml"
    path.write_text(yaml.safe_dump(tests))
    promtool("test", "rules", str(path))


def test_it_takes_the_sample_of_alert_rules():
    assert "SUCCESS" in promtool("check", "rules", str(RULES))


def test_it_takes_what_a_daemon_tells_and_finds_nothing_to_improve(agent, receiver):
    agent.watch_files()
    agent.start()
    agent.post("one")
    receiver.wait_for(2, 60)
    assert promtool("check", "metrics", text=scrape(agent)) == ""


def test_no_alert_fires_for_a_daemon_that_is_well(agent, receiver, wait_until, tmp_path):
    agent.start()
    receiver.wait_for(1, 60)
    wait_until(lambda: agent.status()["destinations"]["receiver"]["waiting_events"] == 0)
    firing(tmp_path, scrape(agent), [])


def test_alerts_fire_for_a_daemon_whose_key_is_refused_and_whose_configuration_is_wrong(
    agent, wait_until, tmp_path
):
    agent.key_file.write_text("wrong\n")
    agent.configure_application("wrong", nonsense=1)
    agent.start()
    wait_until(lambda: agent.status()["destinations"]["receiver"]["state"] == "paused", agent.log)
    alerts = ["StsAgentNeedsAction", "StsAgentDestinationPaused", "StsAgentConfigurationNotInUse"]
    firing(tmp_path, scrape(agent), alerts)
