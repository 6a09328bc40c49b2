"""Retry-After comes as seconds or as a date, and as nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.http.result import parse_retry_after

NOON = 1763726400.0  # Fri, 21 Nov 2025 12:00:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Fri, 21 Nov 2025 12:01:00 GMT", 60.0),
        ("Friday, 21-Nov-25 12:01:00 GMT", 60.0),
        ("Fri Nov 21 12:01:00 2025", 60.0),
        ("Fri, 21 Nov 2025 11:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("\u0663", None),
        ("Fri, 99 Nov 99999999999 12:01:00 GMT", None),
    ],
)
def test_both_forms_are_read_and_nonsense_says_nothing(value, seconds):
    assert parse_retry_after(value, NOON) == seconds


@given(st.text())
def test_no_header_makes_it_fail(value):
    seconds = parse_retry_after(value, NOON)
    assert seconds is None or seconds >= 0


def test_absurd_numbers_stay_numbers():
    assert parse_retry_after("9" * 400, NOON) > 1e19
