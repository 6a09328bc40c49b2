"""A burst is read as its events are one by one, or not at all: then the longer way says what they are, or what is wrong."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.events.chunk import (
    MAX_CHUNK_BYTES,
    MAX_CHUNK_EVENTS,
    SPLICED_BYTES,
    Captured,
    Stamp,
    chunk,
    entries,
)
from agent.events.completion import complete
from agent.events.identity import Identity
from agent.events.portable import check_portable
from agent.http.message import Request
from agent.intake.dialect import Problem
from agent.systems.stackstate.burst import LEAST_BYTES, read_burst
from agent.systems.stackstate.dialect import BY_HAND, StackStateDialect

IDENTITY = Identity("web-1", ("env:prod",), ("urn:rack:/7",))
STAMP = Stamp("web-1", "boot", 12.5, 1_700_000_000.25, clock_trusted=True)
COMPACT, SPACED = (",", ":"), (", ", ": ")
AROUND = {"internalHostname": "other-1", "collection_timestamp": 1_700_000_000, "metrics": [], "health": []}
FOUR_MEGABYTES = 4 * 1024 * 1024


def event(number: int = 0, *lacking: str, text: str = "", last: str = "", tags=("env:bench",)) -> dict:
    context = {
        "category": "Changes",
        "source": "bench",
        "source_identifier": f"an-identifier-{number}",
        "element_identifiers": ["urn:host:/elsewhere"],
        "source_links": [{"title": "a link", "url": "http://x/"}],
        "data": {"number": number, "ratio": 0.5},
    }
    whole = {
        "context": {key: value for key, value in context.items() if key not in lacking},
        "event_type": f"Type{number % 3}Event",
        "msg_title": f"number {number}",
        "msg_text": text,
        "source_type_name": "bench",
        "host": "elsewhere",
        "tags": [*tags, f"shard:{number % 2}"],
        "timestamp": 1_700_000_000 + number,
    }
    kept = {key: value for key, value in whole.items() if key not in lacking}
    return {key: kept[key] for key in sorted(kept, key=lambda key: key == last)}


def posted(events, separators=COMPACT, name: str = "custom", before=None, after=None) -> bytes:
    body = {**(before or {}), "events": {name: events}, **(after or {})}
    return json.dumps(body, separators=separators).encode()


def kept(burst) -> list[dict]:
    return [json.loads(body) for record in chunk(burst, STAMP, "intake") for body in entries(record)]


def one_by_one(body: bytes) -> list[Captured]:
    """Return the events of a body by the longer way alone."""
    check_portable(body)
    read = json.loads(body)
    host = read.get("internalHostname") or IDENTITY.hostname
    identity = Identity(host, IDENTITY.tags, IDENTITY.element_identifiers)
    ((name, events),) = read["events"].items()
    return [complete(name, json.dumps(one).encode(), identity) for one in events]


def expected(body: bytes) -> list[dict]:
    return [json.loads(bytes(one.body)) for one in one_by_one(body)]


lacks = st.sampled_from([(), ("host",), ("host", "source_links")])
texts = (
    st.text(st.sampled_from('ab{}[]",:\\ \n€'), max_size=40) | st.just('"},{"context":{"') | st.just("}]}")
)
firsts = st.sampled_from(["context", "msg_title", ""])
separators = st.sampled_from([COMPACT, SPACED])


@given(st.lists(texts, min_size=1, max_size=150), lacks, firsts, separators, st.booleans())
def test_a_burst_holds_the_events_as_they_are_one_by_one(text, lacking, last, style, is_first):
    events = [event(number, *lacking, text=one, last=last) for number, one in enumerate(text)]
    around = {"before": {}, "after": AROUND} if is_first else {"before": AROUND, "after": {}}
    body = posted(events, style, **around)
    burst = read_burst(body, IDENTITY)
    if burst is None:  # a brace in a text, or another first key, does not say where a context stands
        assert lacking
        assert any("{" in one for one in text) or last == "context"
        return
    assert kept(burst) == expected(body)
    one_each = one_by_one(body)
    assert min(one.timestamp for one in one_each) == min(many.first_time for many in burst)
    assert max(one.timestamp for one in one_each) == max(many.last_time for many in burst)


@pytest.mark.parametrize("lacking", [(), ("host",), ("host", "source_links")])
@pytest.mark.parametrize("style", [COMPACT, SPACED])
@pytest.mark.parametrize("size", [0, 400, 4000])
def test_a_burst_as_programs_send_them_is_read_at_once_in_chunks_within_their_bounds(lacking, style, size):
    body = posted([event(number, *lacking, text="x" * size) for number in range(200)], style)
    burst = read_burst(body, IDENTITY)
    assert burst is not None
    assert kept(burst) == expected(body)
    assert sum(many.count for many in burst) == 200
    for many in burst:
        assert many.count <= MAX_CHUNK_EVENTS
        assert len(many.json) <= MAX_CHUNK_BYTES


@given(st.integers(20, 1000), st.integers(0, 800), st.integers(0, 5), st.randoms(use_true_random=False))
def test_parts_are_few_and_none_is_small_where_all_can_be_large(count, size, more, random):
    events = [event(number, text="x" * (size + random.randint(0, more))) for number in range(count)]
    burst = read_burst(posted(events), IDENTITY)
    assert burst is not None
    assert sum(many.count for many in burst) == count
    sizes = [len(json.dumps(one, separators=COMPACT)) + 1 for one in events]
    most = min(MAX_CHUNK_BYTES, MAX_CHUNK_EVENTS * min(sizes)) - max(sizes)
    assert len(burst) <= -(-sum(sizes) // most)
    if sum(sizes) >= len(burst) * (SPLICED_BYTES + 2 * max(sizes)):
        assert min(len(many.json) for many in burst) >= SPLICED_BYTES


@pytest.mark.parametrize("seed", range(5))
def test_events_of_many_sizes_fill_their_chunks(seed):
    random = Random(seed)
    events = [event(number, text="x" * random.randint(0, 900)) for number in range(600)]
    body = posted(events)
    burst = read_burst(body, IDENTITY)
    assert burst is not None
    assert kept(burst) == expected(body)
    assert max(many.count for many in burst) <= MAX_CHUNK_EVENTS
    assert max(len(many.json) for many in burst) <= MAX_CHUNK_BYTES
    assert len(burst) <= len(body) / MAX_CHUNK_BYTES * 1.2 + 1


@pytest.mark.parametrize("size", [0, 2000])
def test_events_shorter_than_the_first_make_no_chunk_of_too_many(size):
    body = posted([event(0, text="x" * size), *map(event, range(1, 300))])
    burst = read_burst(body, IDENTITY)
    assert burst is not None
    assert kept(burst) == expected(body)
    assert max(many.count for many in burst) <= MAX_CHUNK_EVENTS


def test_what_is_known_of_a_burst_is_that_of_its_events():
    burst = read_burst(posted([event(3), event(1), event(2)]), IDENTITY)
    assert burst is not None
    (record,) = chunk(burst, STAMP, "intake")
    (same,) = chunk(one_by_one(posted([event(3), event(1), event(2)])), STAMP, "intake")
    assert record._replace(segment=same.segment) == same


def test_a_burst_stays_in_its_order_between_single_events():
    (burst,) = read_burst(posted([event(1), event(2)]), IDENTITY)
    first, last = one_by_one(posted([event(0)])) + one_by_one(posted([event(3)]))
    assert [one["context"]["data"]["number"] for one in kept([first, burst, last])] == [0, 1, 2, 3]
    assert [record.count for record in chunk([first, burst, last], STAMP, "intake")] == [1, 2, 1]


BROKEN = (b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b" ", b"}]}", b"},{", b"[]", b"0", b"null")
MISLEADING = (b'"events":', b'"events":{"custom":[', b'"metrics":[],', b'"context":{', b'"host":"x",')
marks = st.sampled_from(BROKEN + MISLEADING)
changes = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), marks), min_size=1, max_size=3)


@given(st.integers(1, 3), lacks, separators, changes)
def test_whatever_is_wrong_with_a_burst_it_is_read_rightly_or_not_at_all(count, lacking, style, done):
    body = posted([event(number, *lacking) for number in range(count)], style, before=AROUND)
    for place, removed, added in done:
        at = int(place * len(body))
        body = body[:at] + added + body[at + removed :]
    burst = read_burst(body, IDENTITY)
    if burst is not None:
        assert kept(burst) == expected(body)


WHOLE = posted([event(0), event(1)])


@pytest.mark.parametrize(
    "body",
    [
        posted([event(0), {**event(1), "unknown": 1}]),
        posted([event(0, "msg_title"), event(1)]),
        posted([event(0), event(1, "host")]),
        posted([event(0, "host"), event(1, "host", "source_links")]),
        posted([event(0, tags=("",))]),
        posted([event(0)], name="hostname"),
        posted([event(0)], before={"origin": BY_HAND}),
        posted([event(0)], after={"metrics": [["cpu", 1, 2, {}]]}),
        posted([event(0)], after={"collection_timestamp": 1e300}),
        posted([event(0, text="x" * FOUR_MEGABYTES)]),
        posted([]),
        WHOLE.replace(b"]}}", b",]}}"),
        WHOLE.replace(b"]}}", b'],"custom":[]}}'),
        WHOLE.replace(b'{"events"', b'{"events":{"custom":[]},"events"'),
        WHOLE.replace(b"]}}", b']},"events":{}}'),
        WHOLE.replace(b"]}}", b']},"\\u0065vents":{}}'),
        WHOLE.replace(b'{"events"', b'{"metrics":[],"health":"","events"'),
        WHOLE.replace(b"}]}}", b"}]}}{}"),
        WHOLE.replace(b'"number 1"', b'"number \xff"'),
        posted([event(0, "host", "source_links")]).replace(b"}}", b'},"context":{"a":1}}', 1),
    ],
)
def test_what_is_not_plain_goes_the_longer_way(body):
    assert read_burst(body, IDENTITY) is None


def answered(body: bytes):
    request = Request("POST", "/stsAgent/intake", "/stsAgent/intake", "", (), body)
    return StackStateDialect().parse(request, IDENTITY)


def test_a_burst_counts_as_many_as_it_holds():
    body = posted([event(number) for number in range(100)])
    assert len(body) > LEAST_BYTES
    parsed = answered(body)
    assert parsed.count == 100
    assert len(parsed.events) < 100


def test_a_burst_with_one_bad_event_is_refused_with_its_place():
    events = [event(number) for number in range(100)]
    events[70]["tags"] = [""]
    with pytest.raises(Problem, match=r"events\.custom\[70\]"):
        answered(posted(events))
