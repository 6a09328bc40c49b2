"""Durations and sizes are written with their unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.configuration.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("5m", 300), ("12h", 43200), ("7d", 604800), ("1.5 s", 1.5), ("0", 0)],
)
def test_a_duration_is_a_number_and_its_unit(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(("text", "size"), [("900KiB", 921600), ("1GiB", 1024**3), ("12B", 12), ("0", 0)])
def test_a_size_is_a_number_and_its_unit(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "5", "-1s", "1e3s", "s", "1week", "1 M", "٣s", "5m30s", "999999999999d", "0x1s"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="must"):
        parse_duration(text)
    with pytest.raises(ValueError, match="must"):
        parse_size(text)


@given(st.integers(0, 10**9))
def test_what_is_printed_reads_back(number):
    assert parse_size(format_size(number)) == number
    assert round(parse_duration(format_duration(number / 1000)) * 1000) == number
