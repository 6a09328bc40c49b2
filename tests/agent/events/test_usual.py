"""Events of the usual shape are filled without reading them again, to the same as by the longer way."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.events.completion import complete
from agent.events.identity import Identity
from agent.events.portable import check_portable
from agent.events.usual import fill
from agent.events.usual_event import CompleteEvent, HostlessEvent, UsualEvent
from collectors.event import MAX_EVENT_BYTES

IDENTITY = Identity("web-1", ("env:prod",), ("urn:rack:/7",))
CONTEXT = {
    "category": "Changes",
    "data": {"data_key1": "data_value1", "count": 3, "ratio": 0.5, "on": True, "none": None},
    "element_identifiers": ["element_identifier1"],
    "source": "source_system",
    "source_identifier": "source_identifier_value",
    "source_links": [{"title": "link_title", "url": "link_url"}],
}
EVENT = {
    "context": CONTEXT,
    "event_type": "event_typeEvent",
    "msg_title": "event_title",
    "msg_text": 'event_text {"context":{"a":1}}',
    "source_type_name": "source_event_type",
    "host": "other.example",
    "tags": ["tag_key1:tag_value1"],
    "timestamp": 1_607_432_944,
}
COMPACT, SPACED = (",", ":"), (", ", ": ")


def now():
    return 1_700_000_000.9


def read(bodies, kind=UsualEvent):
    joined = b"[" + b",".join(bodies) + b"]"
    return msgspec.json.decode(joined, type=list[kind])


def filled(*bodies, kind=UsualEvent):
    raw, posted_bytes = [msgspec.Raw(body) for body in bodies], sum(map(len, bodies))
    return fill("event.test", raw, read(bodies, kind), IDENTITY, now, posted_bytes=posted_bytes)


def plain(captured):
    event = json.loads(bytes(captured.body))
    return event, captured.name, captured.timestamp, captured.event_type, captured.tags


def without(keys, separators=COMPACT):
    event = {key: value for key, value in EVENT.items() if key not in keys}
    if "context" in event:
        event["context"] = {key: value for key, value in CONTEXT.items() if key not in keys}
    return json.dumps(event, separators=separators).encode()


missing = st.sets(st.sampled_from([key for key in (*EVENT, *CONTEXT) if key != "msg_title"]))


@given(st.lists(missing, min_size=1, max_size=4), st.sampled_from([COMPACT, SPACED]))
def test_whatever_lacks_the_events_are_those_of_the_longer_way(lacking, separators):
    bodies = [without(keys, separators) for keys in lacking]
    longer = [complete("event.test", body, IDENTITY, now=now) for body in bodies]
    shorter = filled(*bodies)
    if shorter is None:  # a context without anything
        assert any(set(CONTEXT) <= keys and "context" not in keys for keys in lacking)
        return
    for keys, one, other in zip(lacking, shorter, longer, strict=True):
        event, *known = plain(one)
        expected, *expected_known = plain(other)
        if "source_identifier" in keys or "context" in keys:
            identifiers = [each["context"].pop("source_identifier") for each in (event, expected)]
            assert all(identifiers)
        assert (event, known) == (expected, expected_known)


@pytest.mark.parametrize("kind", [UsualEvent, CompleteEvent])
def test_what_lacks_nothing_keeps_every_byte(kind):
    body = without((), SPACED)
    (captured,) = filled(body, kind=kind)
    assert bytes(captured.body) == body
    assert plain(captured) == plain(complete("event.test", body, IDENTITY, now=now))


@given(missing)
def test_an_event_is_complete_when_it_lacks_nothing(keys):
    try:
        read([without(keys)], CompleteEvent)
    except msgspec.ValidationError:
        assert keys
    else:
        assert not keys


@given(missing)
def test_an_event_is_hostless_when_it_lacks_its_host_and_at_most_its_links(keys):
    try:
        read([without(keys)], HostlessEvent)
    except msgspec.ValidationError:
        assert "host" not in keys or keys - {"host", "source_links"}
    else:
        assert keys - {"source_links"} == {"host"}


@given(st.lists(st.booleans(), min_size=1, max_size=4), st.sampled_from([COMPACT, SPACED]))
def test_events_without_their_host_are_filled_alike_whether_that_is_known_of_all_or_seen_of_each(
    linked, separators
):
    bodies = [without({"host"} if one else {"host", "source_links"}, separators) for one in linked]
    assert filled(*bodies, kind=HostlessEvent) == filled(*bodies)


def test_a_hostless_event_whose_context_cannot_be_filled_is_left_to_the_longer_way():
    escaped = without({"host", "source_links"}).replace(
        b'"context":{"', b'"context":{"data":{"x":"\\u0041"},"', 1
    )
    assert filled(without({"host"}), escaped, kind=HostlessEvent) is None


def test_a_context_whose_key_is_written_with_an_escape_is_left_to_the_longer_way():
    body = b'{"msg_title":"t","context":{"source":"a"},"\\u0063ontext":{"source":"b"}}'
    assert filled(body) is None


@pytest.mark.parametrize("separators", [COMPACT, SPACED])
@pytest.mark.parametrize("text", ["plain", "one { more", 'quotes "context":{'])
def test_links_are_put_into_the_one_context_whatever_the_texts_say(text, separators):
    event = json.loads(without({"host", "source_links"}))
    last = {key: event[key] for key in reversed(event)}
    bodies = [json.dumps({**one, "msg_text": text}, separators=separators).encode() for one in (event, last)]
    for body in bodies:
        shorter, longer = filled(body, kind=HostlessEvent), complete("event.test", body, IDENTITY, now=now)
        assert shorter is not None
        assert plain(shorter[0]) == plain(longer)


@pytest.mark.parametrize("key", ["context", "\\u0063ontext", "cont\\u0065xt"])
def test_an_event_whose_context_stands_twice_goes_the_longer_way(key):
    event = {**json.loads(without({"host", "source_links"})), "msg_text": "plain"}
    body, context = (json.dumps(each, separators=COMPACT).encode() for each in (event, event["context"]))
    twice = b'%b,"%b":%b}' % (body[:-1], key.encode(), context)
    assert json.loads(twice) == event
    assert filled(twice, kind=HostlessEvent) is None


@pytest.mark.parametrize("keys", [{"host"}, {"host", "source_links"}, {"source_identifier"}])
def test_what_is_there_keeps_its_bytes_beside_what_is_filled(keys):
    body = without(keys).replace(b"0.5", b"5.0e-1")
    (captured,) = filled(body)
    assert b'"ratio":5.0e-1' in bytes(captured.body)
    assert json.loads(bytes(captured.body))["msg_text"] == EVENT["msg_text"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"msg_title":"t","context":{"data":{"a":1}},"context":{"category":"Changes"}}',
        b'{"msg_title":"t","context":{},"host":"h"}',
        b'{"msg_title":"t","context":{ "source":"s" }}',
        b'{"msg_title":"t","context" :{"source":"s"}}',
        b'{"msg_title":"t","tags":["none"]}',
        b'{"msg_title":"t","msg_text":"%b"}' % (b"x" * 205_000),
    ],
)
def test_what_cannot_be_filled_like_that_is_left_to_the_longer_way(body):
    assert filled(body) is None


NUMBERS = (b"1", b"-1.5e3", b"1e999", b"18446744073709551616", b"9223372036854775807", b"0" * 3)
TEXTS = (b"a", b"\\u0041", b"\\ud800", b"\xff", b"\\n", "é".encode(), b'\\"context\\":{')
VALUES = (*NUMBERS, b"null", b"[" * 70 + b"]" * 70, b'{"a":{}}', *(b'"%b"' % text for text in TEXTS))


@given(
    st.sampled_from(VALUES),
    st.sampled_from(TEXTS),
    st.sampled_from(["data", "msg_text", "timestamp", "tags", "unknown"]),
)
def test_what_is_of_the_usual_shape_is_for_every_reader(value, key, place):
    body = without({"host", "context", place})[:-1]
    inside = b'{"%b":%b}' % (key, value)
    body += b',"context":{"data":%b}}' % inside if place == "data" else b',"%b":%b}' % (place.encode(), value)
    try:
        read([body])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    check_portable(body)
    json.loads(body)


def test_a_complete_event_that_is_too_large_goes_the_longer_way_and_many_small_ones_do_not():
    half, large = (
        json.dumps({**EVENT, "msg_text": "x" * size}).encode()
        for size in (MAX_EVENT_BYTES // 2, MAX_EVENT_BYTES)
    )
    assert [bytes(event.body) for event in filled(half, half, half, kind=CompleteEvent)] == [half] * 3
    assert filled(half, large, kind=CompleteEvent) is None
