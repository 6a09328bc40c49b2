"""A body without its Content-Encoding, and what is no such body."""

import gzip
import zlib

import pytest

from agent.http.decoding import DecodingError, decoded, most_decoded


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("x-gzip", gzip.compress(b"hello", mtime=0)),
        ("GZIP", gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", raw_deflate(b"hello")),
        ("identity", b"hello"),
        ("", b"hello"),
    ],
)
def test_a_body_is_decoded(encoding, body):
    assert decoded(body, encoding, 1000) == b"hello"


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("br", b"x", 415),
        ("gzip, gzip", gzip.compress(b"hello", mtime=0), 415),
        ("gzip", b"x", 400),
        ("gzip", b"", 400),
        ("deflate", b"", 400),
        ("gzip", gzip.compress(b"hello", mtime=0)[:-4], 400),
        ("gzip", gzip.compress(b"hello", mtime=0) + b"more", 400),
        ("deflate", zlib.compress(b"hello") + b"more", 400),
        ("deflate", zlib.compress(b"hello")[:-1], 400),
        ("deflate", zlib.compress(b"x" * 10_000_000), 413),
        ("gzip", gzip.compress(b"x" * 600, mtime=0) * 2, 413),
    ],
)
def test_what_is_cut_damaged_unknown_or_grows_without_end_is_refused(encoding, body, status):
    with pytest.raises(DecodingError) as caught:
        decoded(body, encoding, 1000)
    assert caught.value.refusal.status == status


def test_what_a_body_may_become_is_known_before():
    bomb = raw_deflate(bytes(1_000_000))
    assert most_decoded(len(bomb), "deflate", 10**9) >= 1_000_000
    assert most_decoded(10, "gzip", 1000) == 1000
    assert most_decoded(10, "", 1000) == 10
