"""Deflate segments that are compressed once and spliced into request bodies as they lie on disk.

A segment is raw deflate (RFC 1951) from fresh state, ended by Z_FULL_FLUSH, or one stored block: it ends on a byte, refers
to nothing before it, and is no final block. So any run of segments and stored blocks, between a zlib
header and an empty final block, is one ordinary zlib stream (RFC 1950) over all their bytes. Pure: it
knows no file, no row and no event.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence

from spool.deflate import best_for
from spool.record import Segment

_WINDOW_BITS = -15
STORED_BYTES = 1024
"""So little is stored as it is by `pack`: to deflate one event costs a sixth of all that a post takes, and saves it 250 bytes."""
_HEADER = b"\x78\x01"
_FINAL_BLOCK = b"\x03\x00"  # an empty block of fixed codes, marked final
_STORED_AT_MOST = 0xFFFF
_stored_header = struct.Struct("<BHH").pack
_ADLER_BASE = 65521


class SegmentError(ValueError):
    """A segment that is not what `compress` made."""


def compress(data: bytes) -> Segment:
    """Return `data` as a segment of its own."""
    deflated, adler = best_for(len(data)).segment(data)
    return Segment(deflated, len(data), adler)


def pack(data: bytes) -> Segment:
    """Return `data` as a segment of its own, compressed where that is worth it."""
    if len(data) > STORED_BYTES:
        return compress(data)
    return Segment(_stored_block(data), len(data), zlib.adler32(data))


def inflate(segment: Segment) -> bytes:
    """Return the bytes that were compressed; raises `SegmentError` when they do not come back."""
    try:
        data = zlib.decompressobj(_WINDOW_BITS).decompress(segment.deflated, segment.length + 1)
    except zlib.error as error:
        raise SegmentError(f"the segment does not inflate: {error}") from None
    if len(data) != segment.length or zlib.adler32(data) != segment.adler:
        raise SegmentError("the segment inflates to other bytes than were compressed")
    return data


def join(segments: Sequence[Segment], between: bytes) -> Segment:
    """Return segments, with the same few bytes between each two of them, as one, without looking into any."""
    between_length, between_adler = len(between), zlib.adler32(between)
    between_low, between_high = (between_adler & 0xFFFF) - 1, between_adler >> 16
    (_, size_bytes, adler), *others = segments
    low, high = (adler & 0xFFFF) - 1, adler >> 16
    # As `combine_adler` of what is between and of each segment, modulo once for all.
    for _, length, adler in others:
        high += between_high + between_length * low + (adler >> 16) + length * (low + between_low)
        low += between_low + (adler & 0xFFFF) - 1
        size_bytes += between_length + length
    deflated = _stored_block(between).join([segment[0] for segment in segments])
    return Segment(deflated, size_bytes, high % _ADLER_BASE << 16 | (low + 1) % _ADLER_BASE)


def splice(pieces: Iterable[bytes | Segment]) -> bytes:
    """Return one zlib stream over all pieces in order, without looking into a segment.

    Plain bytes become stored blocks. One bad segment spoils the whole stream: check them first.
    """
    parts = [_HEADER]
    adler = 1
    for piece in pieces:
        if isinstance(piece, Segment):
            parts.append(piece.deflated)
            adler = combine_adler(adler, piece.adler, piece.length)
        else:
            parts += [_stored_block(piece)] if len(piece) <= _STORED_AT_MOST else _stored_blocks(piece)
            adler = zlib.adler32(piece, adler)
    parts.append(_FINAL_BLOCK)
    parts.append(adler.to_bytes(4))
    return b"".join(parts)


def combine_adler(first: int, second: int, second_length: int) -> int:
    """Return the Adler-32 of two byte strings joined, from theirs and the length of the second."""
    low = ((first & 0xFFFF) + (second & 0xFFFF) - 1) % _ADLER_BASE
    carried = (second_length % _ADLER_BASE) * ((first & 0xFFFF) - 1)
    high = ((first >> 16) + (second >> 16) + carried) % _ADLER_BASE
    return high << 16 | low


def _stored_blocks(data: bytes) -> Iterable[bytes]:
    for start in range(0, len(data), _STORED_AT_MOST):
        yield _stored_block(data[start : start + _STORED_AT_MOST])


def _stored_block(data: bytes) -> bytes:
    size = len(data)
    return _stored_header(0, size, size ^ _STORED_AT_MOST) + data
