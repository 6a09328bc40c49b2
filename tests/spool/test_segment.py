"""Segments and stored blocks, however mixed, are one ordinary zlib stream, whichever library compresses them."""

import contextlib
import platform
import random
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spool import Segment, SegmentError, compress, deflate, inflate, join, pack, splice
from spool.segment import STORED_BYTES, combine_adler

ROOT = Path(__file__).resolve().parents[2]
PLAIN = st.binary(max_size=300) | st.binary(min_size=1, max_size=40).map(lambda data: data * 5000)
SIZES = (0, 1, 1025, 4096, 4097, 8192, 32_767, 32_768, 32_769, 65_534, 65_535, 65_536, 65_537, 200_000)
"""Around the windows, the buffers and the largest stored block of either library."""


@pytest.fixture(params=["isal", "zlib"], scope="module", autouse=True)
def library(request):
    """Compress by either library: without isal, as on a processor that it is not made for."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "isal" and platform.machine() not in {"x86_64", "aarch64"}:
            pytest.skip("made for other processors")
        if request.param == "zlib":
            for name in ("isal", "isal.isal_zlib"):
                patched.setitem(sys.modules, name, None)
        deflate._quickest.cache_clear()
        deflate.best_for(deflate.SMALL_BYTES + 1)
        yield request.param
    deflate._quickest.cache_clear()


def test_the_library_that_is_to_be_had_is_loaded_for_what_is_large_and_compresses_all_from_then_on(library):
    deflate._quickest.cache_clear()
    sizes = (deflate.SMALL_BYTES, deflate.SMALL_BYTES + 1, 1)
    assert [deflate.best_for(size_bytes).name for size_bytes in sizes] == ["zlib", library, library]


def test_where_no_descriptor_is_left_to_read_the_library_by_zlib_compresses():
    """In a process of its own: what is loaded once needs none."""
    script = (
        "import resource, sys; from spool import compress, deflate;"
        " resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); made = compress(b'a' * 5000);"
        " print(deflate.best_for(1).name, 'isal' in sys.modules, made.length)"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT)
    assert ran.stdout.split() == ["zlib", "False", "5000"]


def varied(size_bytes, repeats_after):
    """Return bytes that nothing can compress, said again and again."""
    made = random.Random(repeats_after).randbytes(min(repeats_after, size_bytes) or 1)
    return (made * (size_bytes // len(made) + 1))[:size_bytes]


@pytest.mark.parametrize("repeats_after", [1, 100, 257, 4095, 4097, 9000, 32_768, 32_769, 1_000_000])
def test_segments_of_every_size_are_one_stream_however_far_back_they_repeat(repeats_after):
    pieces = [varied(size_bytes, repeats_after) for size_bytes in SIZES]
    segments = [compress(piece) for piece in pieces]
    assert [inflate(segment) for segment in segments] == pieces
    assert [segment.adler for segment in segments] == [*map(zlib.adler32, pieces)]
    assert zlib.decompress(splice(segments)) == b"".join(pieces)


def test_a_segment_of_what_cannot_be_compressed_is_hardly_larger():
    data = varied(32_768, 32_768)
    assert len(compress(data).deflated) < len(data) + 100


@given(st.lists(st.tuples(PLAIN, st.booleans()), max_size=12))
def test_any_mixture_decompresses_to_the_bytes_in_order(pieces):
    stream = splice(compress(data) if is_segment else data for data, is_segment in pieces)
    assert zlib.decompress(stream) == b"".join(data for data, _ in pieces)


@given(st.lists(PLAIN, max_size=12))
def test_what_is_packed_small_or_large_decompresses_in_order(pieces):
    assert zlib.decompress(splice(map(pack, pieces))) == b"".join(pieces)


@pytest.mark.parametrize("size_bytes", [0, 1, STORED_BYTES, STORED_BYTES + 1])
def test_a_packed_segment_gives_back_its_bytes_and_only_a_small_one_is_stored_as_it_is(size_bytes):
    data = b"a" * size_bytes
    segment = pack(data)
    assert inflate(segment) == data
    assert segment.deflated.endswith(data) is (size_bytes <= STORED_BYTES)


@given(PLAIN)
def test_a_segment_gives_back_what_was_compressed(data):
    assert inflate(compress(data)) == data


@given(PLAIN, PLAIN)
def test_checksums_combine_as_if_computed_over_both(first, second):
    combined = combine_adler(zlib.adler32(first), zlib.adler32(second), len(second))
    assert combined == zlib.adler32(first + second)


def test_checksums_combine_beyond_the_modulus():
    data = b"\xff" * 70_000
    assert combine_adler(zlib.adler32(data), zlib.adler32(data), len(data)) == zlib.adler32(data + data)


@given(st.lists(PLAIN, min_size=1, max_size=6), st.binary(max_size=3))
def test_segments_that_are_joined_are_one_over_all_their_bytes_and_what_is_between(data, between):
    joined = join([compress(one) for one in data], between)
    assert inflate(joined) == between.join(data)
    assert zlib.decompress(splice([b"[", joined, b"]"])) == b"[" + between.join(data) + b"]"


@pytest.mark.parametrize("size_bytes", [0, 1, 65_535, 65_536, 200_000])
def test_plain_bytes_of_any_length_fit_into_stored_blocks(size_bytes):
    data = bytes(range(256)) * (size_bytes // 256 + 1)
    assert zlib.decompress(splice([data[:size_bytes]])) == data[:size_bytes]


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_flipped_bit_never_inflates_to_other_bytes(data, draw):
    segment = draw.draw(st.sampled_from([pack, compress]))(data)
    at = draw.draw(st.integers(0, len(segment.deflated) * 8 - 1))
    damaged = bytearray(segment.deflated)
    damaged[at // 8] ^= 1 << at % 8
    with contextlib.suppress(SegmentError):
        assert inflate(Segment(bytes(damaged), segment.length, segment.adler)) == data


def test_a_segment_that_inflates_to_more_than_it_says_is_refused():
    segment = compress(b"a" * 1000)
    with pytest.raises(SegmentError):
        inflate(Segment(segment.deflated, 999, segment.adler))
