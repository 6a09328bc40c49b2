"""The common JSON object of a StackState receiver around entries that stay compressed.

Nothing here looks into an event. With deflate a body costs a few joins a chunk: large segments go as
they lie on disk, and runs of small ones are compressed together, or a body of single events would be
several times its size.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from agent.destinations.destination import Entries, Request
from spool import Segment, compress, inflate, splice

SMALL_BYTES = 8 * 1024
"""Of JSON: below it a segment of its own costs more on the line than compressing it again costs us."""

Part = bytes | Segment


def envelope(request: Request, collection_timestamp: int) -> list[Part]:
    """Return the request's JSON object in parts, names in the order of their first event."""
    by_name: dict[str, list[Part]] = {}
    for entries in request.entries:
        parts = by_name.setdefault(entries.name, [])
        if parts:
            parts.append(b",")
        parts.append(entries.json)
    hostname = msgspec.json.encode(request.hostname)
    head = b'{"collection_timestamp":%d,"internalHostname":%b,"events":{' % (collection_timestamp, hostname)
    whole: list[Part] = [head]
    for name, parts in by_name.items():
        whole += [b"%b%b:[" % (b"" if len(whole) == 1 else b",", msgspec.json.encode(name)), *parts, b"]"]
    whole.append(b'},"metrics":[],"service_checks":[],"topologies":[],"health":[]}')
    return whole


def encode(parts: list[Part], compression: Literal["deflate", "gzip", "none"]) -> tuple[bytes, str]:
    """Return the body and its Content-Encoding, empty for none."""
    match compression:
        case "deflate":
            return splice(merged(parts)), "deflate"
        case "gzip":
            gzip = zlib.compressobj(wbits=31)
            return gzip.compress(b"".join(_plain(parts))) + gzip.flush(), "gzip"
        case "none":
            return b"".join(_plain(parts)), ""


def merged(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield large segments as they are, and what lies between them compressed together."""
    run: list[Part] = []
    for part in parts:
        if isinstance(part, Segment) and part.length >= SMALL_BYTES:
            yield from _one(run)
            run = []
            yield part
        else:
            run.append(part)
    yield from _one(run)


def _one(run: list[Part]) -> Iterator[Part]:
    segments = sum(isinstance(part, Segment) for part in run)
    if segments > 1 or sum(map(_length, run)) >= SMALL_BYTES:
        yield compress(b"".join(_plain(run)))
    elif segments:
        yield from run  # the end of a burst: nothing is there to compress it with
    elif run:
        yield b"".join(_plain(run))


def _length(part: Part) -> int:
    return part.length if isinstance(part, Segment) else len(part)


def _plain(parts: Iterable[Part]) -> Iterator[bytes]:
    for part in parts:
        yield inflate(part) if isinstance(part, Segment) else part


def joined(name: str, bodies: list[bytes]) -> Entries:
    """Return single events of one name as entries."""
    return Entries(name, b",".join(bodies))
