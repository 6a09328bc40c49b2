"""A burst of events that lack nothing, or their host alone, is read once and kept as texts of many events.

The list of a body is cut where one event seems to end and the next to begin, and each part is decoded by the types of the usual
shape: what is a list of such events by itself was cut rightly. What is around the list is decoded without it. So no event is
looked for by itself, and none is read twice. What is not plain is no error here: it goes the longer way, which gives the same
events or says what is wrong.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Annotated, NamedTuple

import msgspec
from msgspec import UNSET

from agent.events.chunk import MAX_CHUNK_BYTES, MAX_CHUNK_EVENTS, Together, distinct, share
from agent.events.completion import check_tags
from agent.events.identity import Identity
from agent.events.usual import fields_of
from agent.events.usual_event import CompleteEvent, Filled, HostlessEvent, Whole
from collectors.event import EventError, check_name, check_timestamp

LEAST_BYTES = 4 * 1024
"""Of a body: a smaller one holds few events."""

_AROUND_BYTES = 4 * 1024
_BEGINNING = re.compile(rb'"events": ?\{"([^"\\]{1,256})": ?\[(?=(\{"[a-z_]{1,32}":( ?)))')
"""All up to the first list of events, and behind it how an event begins, and with which blank behind a colon."""
_END = b"}]}"

_SAMPLE_BYTES = 8 * 1024
"""By the events in so much it is known how many fill a chunk."""
_FEWER_EVENTS = MAX_CHUNK_EVENTS - 4
"""Meant to be in a chunk after one had too many."""

_Nothing = Annotated[list[msgspec.Raw], msgspec.Meta(max_length=0)]


class _Around(msgspec.Struct, forbid_unknown_fields=True):
    """The common JSON object without what is in its only list."""

    events: dict[Filled, _Nothing]
    internalHostname: str | None = None  # noqa: N815 - the receiver's spelling
    collection_timestamp: Whole | float | None = None
    metrics: _Nothing | None = None
    service_checks: _Nothing | None = None
    topologies: _Nothing | None = None
    health: _Nothing | None = None


_decode_around = msgspec.json.Decoder(_Around).decode
_decode_complete = msgspec.json.Decoder(list[CompleteEvent]).decode
_decode_hostless = msgspec.json.Decoder(list[HostlessEvent]).decode


class _Unusual(Exception):  # noqa: N818 - nobody hears of it: the longer way is taken
    """The events need the longer way."""


class _Listed(NamedTuple):
    """The events of one name, as they came."""

    name: str
    body: bytes
    start: int
    end: int
    """Where they are in it, one after the other with commas between."""
    first: bytes
    """How the first begins, up to its first value."""
    mark: bytes
    """How one ends and the next begins where all begin alike."""


def read_burst(body: bytes, identity: Identity) -> list[Together] | None:
    """Return the events of a body of nothing but events of one name; None where they need the longer way."""
    begun = _BEGINNING.search(body, 0, _AROUND_BYTES)
    end = body.rfind(_END) + 1
    if begun is None or end <= begun.end():
        return None
    try:
        around = _read_around(body[: begun.end()] + body[end:])
        name, first = begun[1].decode(), begun[2]
        check_name(name)
        listed = _Listed(name, body, begun.end(), end, first, b"}," + begun[3] + first)
        host = around.internalHostname or identity.hostname
        return _complete(listed) or _hosted(listed, Identity(host, identity.tags))
    except (_Unusual, EventError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _read_around(around: bytes) -> _Around:
    r"""Return what is around a list whose beginning was found.

    No key is written with escapes and none but this one is "events": so it is the key that the list was found behind.
    """
    if len(around) > _AROUND_BYTES or b"\\" in around or around.count(b'"events"') != 1:
        raise _Unusual
    read = _decode_around(around)
    if read.collection_timestamp is not None:
        check_timestamp(int(read.collection_timestamp))
    return read


def _complete(listed: _Listed) -> list[Together] | None:
    """Return the events, of which none lacks anything; None where the first does."""

    def read(text: bytes) -> Together:
        return _together(listed.name, text, _decode_complete(b"[%b]" % text))

    parts = _parts(listed, MAX_CHUNK_BYTES, read)
    try:
        first = next(parts)
    except msgspec.ValidationError:
        return None
    return [first, *parts]


def _hosted(listed: _Listed, identity: Identity) -> list[Together]:
    """Return the events, of which each lacks its host, or all of a part also their links."""
    fields = fields_of(listed.name, identity)
    host, links = fields["host"], fields["source_links"]

    def read(text: bytes) -> Together:
        events = _decode_hostless(b"[%b]" % text)
        return _together(listed.name, _filled(listed, text, events, host, links), events)

    return list(_parts(listed, MAX_CHUNK_BYTES - MAX_CHUNK_EVENTS * len(host + links), read))


def _parts(listed: _Listed, most_bytes: int, read: Callable[[bytes], Together]) -> Iterator[Together]:
    """Yield the events in parts that each fill a chunk, as far as `share` says; those of one part at a time are held decoded."""
    body, mark, start, end = listed.body, listed.mark, listed.start, listed.end
    size_bytes = _mean_bytes(body, mark, start, min(end, start + _SAMPLE_BYTES))
    most = min(most_bytes, MAX_CHUNK_EVENTS * size_bytes) if size_bytes > 0 else most_bytes
    while start < end:
        left = end - start
        stop = end
        if left > most:
            size = min(most, share(left, -(-left // most), size_bytes))
            stop = _last_end(body, mark, start, start + size)
        together = read(body[start:stop])
        if together.count > MAX_CHUNK_EVENTS:  # the first events were longer than the others
            most = (stop - start) * _FEWER_EVENTS // together.count
            continue
        yield together
        start = stop + 1  # behind the comma


def _mean_bytes(body: bytes, mark: bytes, start: int, before: int) -> int:
    """Return how large the first events seem to be, with a comma each; 0 where not even one seems to end."""
    last = body.rfind(mark, start, before)
    return -(-(last + 2 - start) // (body.count(mark, start, last) + 1)) if last >= 0 else 0


def _last_end(body: bytes, mark: bytes, start: int, before: int) -> int:
    """Return where the last event that ends in between seems to end."""
    at = body.rfind(mark, start, before)
    if at < 0:
        raise _Unusual
    return at + 1


def _together(name: str, text: bytes, events: Sequence[CompleteEvent | HostlessEvent]) -> Together:
    times = sorted([event.timestamp for event in events])  # mostly they are
    tags = tuple(dict.fromkeys(chain.from_iterable(distinct([event.tags for event in events]))))
    check_tags(tags)
    types = tuple(distinct([event.event_type for event in events]))
    return Together(name, text, len(events), times[0], times[-1], types, tags)


def _filled(
    listed: _Listed, part: bytes, events: Sequence[HostlessEvent], host: bytes, links: bytes
) -> bytes:
    """Return a part with what its events lack.

    Within a text no quote follows a brace unescaped, and the only other objects in lists are links, which begin otherwise. So a
    mark is where an event ends and the next begins, and there are none but these where there are as many.
    """
    lacks = [event.context.source_links is UNSET for event in events]
    mark, first = listed.mark, listed.first
    inside = b""
    if any(lacks):
        if (
            not all(lacks)
            or not first.startswith(b'{"context":')
            or part.count(b"{") != _OBJECTS * len(events)
        ):
            raise _Unusual
        mark, first, inside = mark + b"{", first + b"{", links[1:] + b","
    filled = part.replace(mark, b"%b%b%b" % (host, mark, inside))
    blank = part.find(first)
    if blank not in {0, 1} or len(filled) != len(part) + (len(events) - 1) * len(host + inside):
        raise _Unusual
    begin = blank + len(first)
    return b"".join((filled[:begin], inside, filled[begin:-1], host, b"}"))


_OBJECTS = 3
"""Of an event without links: itself, its context, its data. So its context stands there once."""
