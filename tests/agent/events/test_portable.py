"""JSON that some reader refuses is found, with its place, and nothing else is taken for it."""

import json
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.events.portable import MAX_LEVELS, NotPortable, check_portable


def wrong(body: bytes) -> tuple[str, str]:
    with pytest.raises(NotPortable) as caught:
        check_portable(body)
    return caught.value.place, caught.value.message


def nested(levels: int, inside: bytes = b"") -> bytes:
    return b"[" * levels + inside + b"]" * levels


@pytest.mark.parametrize(
    "number", [b"1e999", b"-1E+309", b"1.5e400", b"9" * 400 + b".0", b"123456789012345678e999", b"1e0999"]
)
def test_a_number_beyond_a_double_is_refused(number):
    assert wrong(b'{"a": [0, {"b": %b}]}' % number) == ("a[1].b", "the number is beyond a double")


@pytest.mark.parametrize(
    "number", [b"18446744073709551616", b"-9223372036854775809", b"1" * 30, b"-" + b"9" * 5000]
)
def test_an_integer_over_64_bits_is_refused(number):
    assert wrong(b'{"a":%b}' % number) == ("a", "the integer is larger than 64 bits")


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 18446744073709551615, "b": -9223372036854775808}',
        b'{"a": 1e308, "b": 1e-999, "c": 1700000000000000000, "d": 0.1234567890123456789012345}',
        b'{"a": "1e999", "b": "99999999999999999999999", "1e999": "[ 1e999,", "c": "\\" : 1e999"}',
        b'{"sha": "1e4930e1234e567e8999e1234567890123456789012345678901234567890"}',
        rb'{"a": "\ud83d\ude00", "b": "\\ud800", "c": "\\\\", "d": "\u00e4"}',
        b'{"a": "[[[[{{{", "b": "\\"]]]", "c": "}}\\\\"}',
        '{"a": "ä\U0001f600\ue000"}'.encode(),
        nested(MAX_LEVELS, b"1e308"),
        b"{" + b'"a":[{},[]],' * 1000 + b'"b":1}',
    ],
)
def test_what_every_reader_takes_is_let_through(body):
    check_portable(body)


def test_more_than_64_levels_are_refused_with_the_place():
    place, message = wrong(b'{"events": ' + nested(MAX_LEVELS) + b"}")
    assert place == "events" + "[0]" * (MAX_LEVELS - 1)
    assert message == "more than 64 levels"


@pytest.mark.parametrize("body", [b"[" * 1_000_000, b'{"a":' * 100_000, nested(500_000), b'["' + b"[" * 9999])
def test_any_number_of_levels_is_no_danger_to_the_check_itself(body):
    try:
        check_portable(body)
    except NotPortable as error:
        assert len(str(error)) < 300  # noqa: PT017 - the last body is no JSON, and let through to who says so


def test_brackets_in_texts_hide_no_level():
    hidden = b'["]",' * 70 + b"1" + b',"["]' * 70
    assert wrong(b'{"a": %b}' % hidden)[1] == "more than 64 levels"


@pytest.mark.parametrize(
    "text", [rb"\ud800", rb"x\uDBFFy", rb"\udc00", rb"\ude00\ud83d", rb"\\\ud800", rb"\ud800\n"]
)
@pytest.mark.parametrize("as_key", [False, True])
def test_half_a_surrogate_pair_is_refused(text, as_key):
    body = b'{"a": {"%b": 1}}' % text if as_key else b'{"a": {"b": "%b"}}' % text
    place, message = wrong(body)
    assert place.startswith("a.")
    assert message == "half a surrogate pair"


@pytest.mark.parametrize("raw", [b"\xed\xa0\x80", b"\xff", b"\xc3"])
def test_bytes_that_are_no_utf_8_are_refused(raw):
    place, message = wrong(b'{"a": {"b": "x%b"}}' % raw)
    assert place == "a.b"
    assert "is not UTF-8" in message


def test_a_long_place_is_cut():
    assert len(wrong(b'{"%b": {"%b": 1e999}}' % (b"k" * 5000, b"l" * 5000))[0]) < 300


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(value=_JSON, ascii_only=st.booleans())
def test_the_check_agrees_with_what_can_be_read_back(value, ascii_only):
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        check_portable(body)
    except NotPortable:
        is_refused = True
    else:
        is_refused = False
    assert is_refused == (not _is_readable(value))


def _is_readable(value) -> bool:
    if isinstance(value, dict):
        return all(_is_readable(one) for one in (*value, *value.values()))
    if isinstance(value, list):
        return all(map(_is_readable, value))
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return not isinstance(value, int) or -(2**63) <= value < 2**64


def test_what_is_let_through_is_read_by_both_our_readers():
    pieces = [
        b"1e308",
        b"1e309",
        b'"\\ud800"',
        b'"\\ud83d\\ude00"',
        b"18446744073709551616",
        b"{}",
        b"[[1]]",
        b'"\\\\"',
    ]
    chooser = random.Random(5)
    for _ in range(500):
        body = b"[" + b",".join(chooser.choices(pieces, k=3)) + b"]"
        try:
            check_portable(body)
        except NotPortable:
            continue
        msgspec.json.decode(body)
        msgspec.json.encode(json.loads(body))
