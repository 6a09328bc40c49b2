"""What `make bench-intake` posts is what the dialects take, and its table in docs/benchmarks.md has a row for each."""

import intake
import pytest
from intake_events import DIALECTS

from agent.events.identity import Identity
from agent.http.message import Request
from agent.systems.registry import dialects
from agent.systems.sensu.result import checked

PATHS = {"StackState": "/stsAgent/intake", "Dynatrace": "/api/v1/events", "Sematext": "/t/event"}
HTTP = {one.name: one for one in dialects()}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
def test_an_event_of_a_dialect_is_one_that_the_dialect_takes(dialect):
    import msgspec

    event = dialect.event(7)
    path = PATHS.get(dialect.name)
    if path is None:
        assert checked(event) == event
        return
    posted = {"events": {"event.test": [event]}} if dialect.name == "StackState" else event
    request = Request("POST", path, path, "", (), msgspec.json.encode(posted))
    assert len(HTTP[dialect.name.lower()].load().parse(request, Identity("h")).events) == 1


def test_the_document_has_a_row_for_each_dialect_and_size_and_the_memory():
    text = intake.DOCUMENT.read_text()
    for dialect in DIALECTS:
        sizes = (1, intake.BATCH) if dialect.takes_several else (1,)
        assert all(f"| {dialect.name} | {size} | " in text for size in sizes)
    assert "with every port open" in text


def test_a_new_table_takes_the_place_of_the_old_one_and_of_nothing_else():
    text = intake.DOCUMENT.read_text()
    once = intake.with_lines(text, ["| new |"])
    assert intake.with_lines(once, ["| new |"]) == once
    assert once.count("| new |") == 1
    assert "| Dynatrace | 1 |" not in once
    assert once.partition("| new |")[0] == text.partition("| Dialect |")[0]
