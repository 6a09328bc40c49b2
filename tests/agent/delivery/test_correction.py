"""What the host did not know at capture is put right at delivery, and nothing else is touched."""

import json

import pytest

from agent.delivery.correction import UNTRUSTED_TAG, Correction
from spool import Record, compress

NOW = 1_700_000_000


def record(**changes):
    values = {
        "name": "custom",
        "count": 1,
        "first_time": 100,
        "last_time": 100,
        "event_types": (),
        "tags": (),
        "hostname": "h",
        "boot_id": "b",
        "boottime": 50.0,
        "captured": 100.0,
        "clock_trusted": False,
        "segment": compress(b""),
    }
    return Record(**{**values, **changes})


def corrected(event, *, trusted=True, boot_id="b", **changes):
    correction = Correction("host.example", boot_id, wall=float(NOW), boottime=3650.0, trusted=trusted)
    return json.loads(correction(record(**changes), json.dumps(event).encode()))


def test_within_the_same_boot_the_time_is_moved_by_what_the_clock_was_off():
    assert corrected({"timestamp": 98})["timestamp"] == NOW - 3600 - 2


def test_a_time_that_another_clock_gave_stays():
    assert corrected({"timestamp": NOW - 5000})["timestamp"] == NOW - 5000


def test_a_clock_that_was_right_all_along_changes_nothing():
    event = {"timestamp": NOW - 3601, "tags": ["a:b"]}
    assert corrected(event, captured=NOW - 3600.0, boottime=50.2) == event


@pytest.mark.parametrize("case", [{"trusted": False}, {"boot_id": "another"}, {"boot_id": ""}])
def test_what_cannot_be_known_is_marked_once(case):
    event = corrected({"timestamp": 98, "tags": ["a:b"]}, **case)
    assert event == {"timestamp": 98, "tags": ["a:b", UNTRUSTED_TAG]}
    assert corrected(event, **case) == event


def test_a_missing_host_is_named_first_among_the_identifiers():
    event = {"host": "", "context": {"element_identifiers": ["urn:host:/", "urn:component:/x"]}}
    assert corrected(event, hostname="", clock_trusted=True) == {
        "host": "host.example",
        "context": {"element_identifiers": ["urn:host:/host.example", "urn:component:/x"]},
    }


def test_a_host_that_the_event_names_itself_stays():
    event = {"host": "other", "context": {"element_identifiers": ["urn:host:/host.example"]}}
    assert corrected(event, hostname="", clock_trusted=True) == event


@pytest.mark.parametrize(
    "odd", [[], "text", {"timestamp": "x", "tags": 1, "context": 2}, {"timestamp": None}]
)
def test_an_odd_event_is_left_as_odd(odd):
    assert corrected(odd, trusted=True) == odd


def test_an_event_that_was_posted_about_another_host_keeps_its_identifiers():
    event = {"host": "edge-7", "context": {"element_identifiers": ["urn:component:/x"]}}
    assert corrected(event, hostname="", clock_trusted=True) == event


def test_a_posted_event_without_a_host_keeps_the_identifiers_it_brought():
    event = {"host": "", "context": {"element_identifiers": ["urn:component:/x"]}}
    assert corrected(event, hostname="", clock_trusted=True) == {**event, "host": "host.example"}


@pytest.mark.parametrize(
    "body",
    [b'{"timestamp":98,"x":1e999}', b'{"timestamp":98,"x":"\\ud800"}', b'{"x":' + b"[" * 5000, b"\xff"],
)
def test_a_row_that_some_reader_cannot_take_ends_nothing(body):
    correction = Correction("host.example", "b", wall=float(NOW), boottime=3650.0, trusted=True)
    assert isinstance(correction(record(), body), bytes)
