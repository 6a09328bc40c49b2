"""What is written about events is what is sent; tests/host/conftest.py holds to it what arrives from hosts."""

import re
from pathlib import Path

import pytest
from harness import catalogue

ROOT = Path(__file__).parent.parent
ENTRIES, KEYS = catalogue.entries(), catalogue.keys()
SOURCES = [
    path
    for package in ("agent", "collectors")
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.parent.name != "demo"  # it plays an operator who makes events
]
SOURCE = "".join(path.read_text() for path in SOURCES)


def test_every_type_that_the_code_makes_is_in_the_catalogue_and_the_other_way_round():
    classes = set(re.findall(r"^class (\w+Event)\b", SOURCE, re.MULTILINE))  # named in an `__all__`
    made = set(re.findall(r'"([A-Z]\w+Event)"', SOURCE)) - classes
    assert {event_type for _, event_type in ENTRIES} == made
    assert len(made) >= 20


def test_every_event_of_the_catalogue_has_its_keys_explained_and_no_other_has():
    assert ENTRIES.keys() == KEYS.keys()
    assert all(KEYS.values())


@pytest.mark.parametrize(
    ("name", "entry"), [pytest.param(*item, id="-".join(item[0])) for item in ENTRIES.items()]
)
def test_each_test_that_it_names_exists(name, entry):
    assert entry.tests, f"nothing shows {name}"
    for test in entry.tests:
        file, _, function = test.partition("::")
        assert f"def {function}(" in (ROOT / file).read_text()


@pytest.mark.parametrize("name", KEYS, ids="-".join)
def test_every_key_that_it_explains_is_one_that_the_code_knows(name):
    for key in KEYS[name]:
        prefix, _, rest = key.partition("_")
        in_parts = rest and f'"{rest}"' in SOURCE and re.search(rf'f?"{prefix}(_\{{|")', SOURCE)
        assert f'"{key}"' in SOURCE or in_parts, f"{name}: {key}"


def event(data, *, name="agent", event_type="AgentStoppedEvent", category="Activities"):
    context = {"category": category, "source": "sts-agent", "data": data}
    return {"source_type_name": name, "event_type": event_type, "context": context}


def test_an_event_that_departs_from_the_catalogue_is_found():
    assert catalogue.departures([event({"version": "1"}), event({}, name="custom")]) == []
    assert catalogue.departures([event({"new": 1}, category="Alerts")]) == [
        f"AgentStoppedEvent: {problem} (docs/events.md)"
        for problem in ("data.new is not explained", "data.version is missing", "its category is Alerts")
    ]
    assert catalogue.departures([event({}, event_type="NewEvent")]) == [
        "NewEvent: is not in the catalogue (docs/events.md)"
    ]
