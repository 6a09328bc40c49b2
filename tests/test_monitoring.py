"""What is written about metrics is what a scrape has; the alerts and the dashboard ask for series, labels and states that exist."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from agent.delivery.totals import DeliveryTotals
from agent.runtime.metric_families import Readings
from agent.runtime.metrics import answer
from agent.runtime.status import Collector, Destination, Document, Listener, SpoolSize

ROOT = Path(__file__).parent.parent
MONITORING = ROOT / "packaging" / "monitoring"
OF_A_TARGET = {"job", "instance"}
"""What a Prometheus adds to every series."""


def scrape():
    """Return what an agent tells that has one of everything: name of a series -> label -> its values."""
    document = Document(
        running=True,
        listens={"socket": Listener(address="/run/x")},
        collectors={"files": Collector(state="running")},
        destinations={"main": Destination(state="idle")},
        spool=SpoolSize(
            directory="/", size_bytes=1, max_size_bytes=2, records=0, events=0, oldest=None, rejected=0
        ),
    )
    body = answer(Readings(document, {}, {"main": DeliveryTotals()}, 0.0)).body.decode()
    told = {}
    for family in text_string_to_metric_families(body):
        for one in family.samples:
            labels = told.setdefault(one.name, {})
            for label, value in one.labels.items():
                labels.setdefault(label, set()).add(value)
    return told


TOLD = scrape()


def rules():
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels():
    return json.loads((MONITORING / "grafana-dashboard.json").read_text())["panels"]


QUERIES = [
    *((rule["alert"], rule["expr"]) for rule in rules()),
    *((panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]),
]


@pytest.mark.parametrize(
    ("what", "query"), [pytest.param(*one, id=f"{one[0]}-{n}") for n, one in enumerate(QUERIES)]
)
def test_every_query_asks_for_series_labels_and_states_that_exist(what, query):
    series = re.findall(r"\b((?:sts_agent|process)_\w+|up\b)(?:\{([^}]*)\})?", query)
    assert series, what
    known = set(OF_A_TARGET)
    for name, matchers in series:
        if name == "up":
            continue  # the server's own
        assert name in TOLD, f"{what}: {name}"
        known |= TOLD[name].keys()
        for label, how, value in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', matchers):
            assert label in TOLD[name].keys() | OF_A_TARGET, f"{what}: {name} has no {label}"
            if label not in OF_A_TARGET:
                wanted = value.split("|") if "~" in how else [value]
                assert set(wanted) <= TOLD[name][label], f"{what}: {label} is never {value}"
    for labels in re.findall(r"\b(?:by|on|without|ignoring) \(([^)]*)\)", query):
        assert set(re.split(r",\s*", labels)) <= known, f"{what}: {labels}"


def test_every_metric_is_explained_with_its_labels_and_nothing_else_is():
    text = (ROOT / "docs" / "monitoring.md").read_text()
    rows = dict(re.findall(r"^\| `(sts_agent_\w+)` \| (.*) \|$", text, re.MULTILINE))
    of_parts = re.compile(r"(.*latency_seconds)_(?:bucket|sum|count)")
    told = {of_parts.sub(r"\1", name) for name in TOLD if name.startswith("sts_agent_")}
    assert rows.keys() == told
    for name, labels in TOLD.items():
        assert all(
            f"`{label}`" in rows[of_parts.sub(r"\1", name)]
            for label in labels.keys() - {"le"}
            if name.startswith("sts_")
        )


def test_every_alert_says_what_it_is_and_names_labels_that_it_has():
    for rule in rules():
        assert rule["annotations"].keys() == {"summary", "description"}
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        names = re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values()))
        of_its_series = {label for name in re.findall(r"sts_agent_\w+", rule["expr"]) for label in TOLD[name]}
        kept = re.match(r"sum by \(([^)]*)\)", rule["expr"])
        has = set(kept[1].split(", ")) if kept else of_its_series | OF_A_TARGET
        assert set(names) <= has, rule["alert"]


def test_every_metric_of_trouble_has_an_alert():
    asked = " ".join(rule["expr"] for rule in rules())
    for name in (
        "dropped",
        "rejected",
        "oldest_waiting",
        "action_needed",
        "configuration_problems",
        "volatile",
    ):
        assert f"{name}" in asked


def test_the_legends_name_labels_that_their_query_keeps():
    for panel in panels():
        for target in panel["targets"]:
            grouped = re.findall(r"\bby \(([^)]*)\)", target["expr"])
            kept = set(re.split(r",\s*", grouped[-1])) if grouped else {"instance"}
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept, panel["title"]
