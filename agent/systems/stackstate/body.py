"""The common JSON object of a StackState receiver around events that stay compressed.

Nothing here looks into an event. With deflate a body costs a few joins a chunk: large segments go as
they lie on disk, and runs of small ones are compressed together, or a body of single events would be
several times its size.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Literal

import msgspec

from agent.delivery.outgoing import Outgoing
from agent.events.chunk import SPLICED_BYTES
from spool import EVENT, Segment, compress, inflate, join, splice

SECTIONS = ("metrics", "service_checks", "topologies", "health")
"""The lists of the common JSON object besides its events."""

KINDS = frozenset({EVENT, *(f"stackstate/{section}" for section in SECTIONS)})
"""The kinds of records that only a StackState receiver takes: a body's other lists, spooled as they came."""

_NOTHING_ELSE = b"}" + b"".join(b',"%b":[]' % section.encode() for section in SECTIONS) + b"}"
"""How a body of events ends."""

Part = bytes | Segment


def body_of(outgoing: Outgoing, now: int) -> list[Part]:
    """Return a request's JSON object in parts.

    Events are named, in the order of each name's first event, and collected `now`. A list of another kind goes
    back to where it was in the body it came in, with that body's own time.
    """
    collected = now if outgoing.kind == EVENT else outgoing.first_time
    hostname = msgspec.json.encode(outgoing.hostname)
    head = b'{"collection_timestamp":%d,"internalHostname":%b,"events":{' % (collected, hostname)
    if outgoing.kind == EVENT:
        return [head, *_named(outgoing), _NOTHING_ELSE]
    section = outgoing.kind.partition("/")[2]
    parts: list[Part] = [head, b"}"]
    for name in SECTIONS:
        parts.append(b',"%b":[' % name.encode())
        if name == section:
            parts += _joined([chunk.json for chunk in outgoing.chunks()])
        parts.append(b"]")
    parts.append(b"}")
    return parts


def _named(outgoing: Outgoing) -> Iterator[Part]:
    by_name: dict[str, list[Part]] = {}
    for chunk in outgoing.chunks():
        by_name.setdefault(chunk.name, []).append(chunk.json)
    for at, (name, parts) in enumerate(by_name.items()):
        yield b"%b%b:[" % (b"," if at else b"", msgspec.json.encode(name))
        yield from _joined(parts)
        yield b"]"


def _joined(parts: Sequence[Part]) -> Sequence[Part]:
    """Return parts of one list with commas between; large ones that follow one another are one, as they lie on disk."""
    found: list[Part] = []
    for is_large, run in groupby(parts, _is_large):
        if is_large:
            found.append(join([part for part in run if isinstance(part, Segment)], b","))
        else:
            found += run
    joined: list[Part] = [b","] * (2 * len(found) - 1)
    joined[::2] = found
    return joined


def _is_large(part: Part) -> bool:
    return isinstance(part, Segment) and part.length >= SPLICED_BYTES


def encode(parts: list[Part], compression: Literal["deflate", "gzip", "none"]) -> tuple[bytes, str]:
    """Return the body and its Content-Encoding, empty for none."""
    match compression:
        case "deflate":
            return splice(merged(parts)), "deflate"
        case "gzip":
            gzip = zlib.compressobj(wbits=31)
            return gzip.compress(_plain(parts)) + gzip.flush(), "gzip"
        case "none":
            return _plain(parts), ""


def merged(parts: Iterable[Part]) -> list[Part]:
    """Return large segments as they are, and what lies between them compressed together."""
    found: list[Part] = []
    run: list[Part] = []
    for part in parts:
        if _is_large(part):
            if run:
                found += _one(run)
                run = []
            found.append(part)
        else:
            run.append(part)
    return found + _one(run)


def _one(run: list[Part]) -> list[Part]:
    segments = [part for part in run if isinstance(part, Segment)]
    if len(segments) == 1 and _size(run) < SPLICED_BYTES and len(segments[0].deflated) < segments[0].length:
        return run  # the end of a burst: nothing is there to compress it with
    plain = _plain(run)
    return [compress(plain) if segments or len(plain) >= SPLICED_BYTES else plain] if run else []


def _size(parts: Iterable[Part]) -> int:
    return sum(part.length if isinstance(part, Segment) else len(part) for part in parts)


def _plain(parts: Iterable[Part]) -> bytes:
    return b"".join([inflate(part) if isinstance(part, Segment) else part for part in parts])
