"""A request's body is the common JSON object, whatever of it was compressed when, and in whatever encoding."""

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.delivery.outgoing import Chunk, Outgoing
from agent.events.chunk import SPLICED_BYTES
from agent.systems.stackstate.body import body_of, encode, merged
from spool import Segment, compress, pack

names = st.sampled_from(["config", "service", 'ünï"cödé'])
texts = st.text(max_size=40) | st.text(min_size=200, max_size=400).map(lambda text: text * 60)
bodies = st.lists(texts.map(lambda text: json.dumps({"msg_text": text}).encode()), min_size=1, max_size=3)


def outgoing(hostname, chunks):
    return Outgoing(hostname, len(chunks), lambda: chunks, list)


@st.composite
def entries(draw):
    name, joined = draw(names), b",".join(draw(bodies))
    return Chunk(name, compress(joined) if draw(st.booleans()) else joined)


def plain(entry):
    joined = (
        entry.json
        if isinstance(entry.json, bytes)
        else zlib.decompress(entry.json.deflated + b"\x03\x00", -15)
    )
    return json.loads(b"[" + joined + b"]")


@given(st.lists(entries(), max_size=6), st.sampled_from(["deflate", "gzip", "none"]))
def test_every_encoding_gives_the_same_object_in_order(parts, compression):
    body, encoding = encode(body_of(outgoing('h"ost', parts), 12), compression)
    decode = {"deflate": zlib.decompress, "gzip": gzip.decompress, "": lambda data: data}
    wanted = {}
    for entry in parts:
        wanted.setdefault(entry.name, []).extend(plain(entry))
    assert json.loads(decode[encoding](body)) == {
        "collection_timestamp": 12,
        "internalHostname": 'h"ost',
        "events": wanted,
        "metrics": [],
        "service_checks": [],
        "topologies": [],
        "health": [],
    }


def test_large_segments_go_as_they_are_and_runs_of_small_ones_together():
    large = compress(b"x" * SPLICED_BYTES)
    small = compress(b"y")
    parts = list(merged([b"[", small, b",", small, large, b",", large, b"]"]))
    assert [part is large for part in parts] == [False, True, False, True, False]
    assert isinstance(parts[0], Segment)
    assert parts[0].length == len(b"[y,y")
    assert parts[2] == b","


def test_one_event_that_lies_uncompressed_on_the_disk_is_compressed_for_the_line():
    event = b'{"msg_title":"a file changed","msg_text":"%b"}' % (b"a line of it, and " * 30)
    stored, encoding = encode(body_of(outgoing("h", [Chunk("config", pack(event))]), 1), "deflate")
    assert (encoding, event in stored) == ("deflate", False)
    assert len(stored) < len(event) / 2


def test_a_thousand_single_events_cost_the_line_what_one_chunk_of_them_would():
    events = [b'{"msg_title":"a file changed","timestamp":%d}' % at for at in range(1000)]
    apart, _ = encode(
        body_of(outgoing("h", [Chunk("config", compress(one)) for one in events]), 1), "deflate"
    )
    whole, _ = encode(body_of(outgoing("h", [Chunk("config", compress(b",".join(events)))]), 1), "deflate")
    assert len(apart) < 1.2 * len(whole)


@pytest.mark.parametrize("compression", ["deflate", "gzip", "none"])
def test_no_event_at_all_is_an_object_still(compression):
    body, _ = encode(body_of(outgoing("h", []), 1), compression)
    assert body
