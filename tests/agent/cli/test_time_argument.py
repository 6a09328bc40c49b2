"""Points in time as people write them."""

from datetime import datetime

import pytest

from agent.cli import CommandError
from agent.cli.time_argument import parse_moment, parse_span


def here(day: int, hour: int) -> int:
    """Return a moment of this host's own zone, as whatever names none is."""
    return int(datetime(2026, 11, day, hour).timestamp())  # noqa: DTZ001 - that is what is meant


NOON = here(26, 12)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700000000", 1_700_000_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000),
        ("90s", 999_910),
        ("5m", 999_700),
        ("2h", 992_800),
        ("1d", 913_600),
        ("1w", 395_200),
        ("1h30m", 994_600),
        ("1h 30min ago", 994_600),
        ("2 hours ago", 992_800),
        ("1 hr 30 mins", 994_600),
        ("90 seconds ago", 999_910),
        ("1 Day ago", 913_600),
        ("1700000000.9", 1_700_000_000),
        ("2023-11-14 22:13:20 UTC", 1_700_000_000),
        ("now", 1_000_000),
    ],
)
def test_a_moment_is_read(text, seconds):
    assert parse_moment(text, now=1_000_000) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "-5m",
        "2026-13-01",
        "٣",
        "25:00",
        "20261399",
        "1700000000000",
        "1e400",
        "h",
        "2x",
        "1 month ago",
        "9:0",
    ],
)
def test_anything_else_is_a_mistake(text):
    with pytest.raises(CommandError) as caught:
        parse_moment(text)
    assert caught.value.status == 2


@pytest.mark.parametrize(
    ("text", "day", "hour"),
    [
        ("11:00", 26, 11),
        ("14:00", 25, 14),
        ("today", 26, 0),
        ("today 14:00", 26, 14),
        ("Yesterday", 25, 0),
        ("yesterday 11:00", 25, 11),
        ("9:00", 26, 9),
        ("yesterday 9:00", 25, 9),
        ("2026-11-24 9:00", 24, 9),
        ("2026-11-24 11:00", 24, 11),
        ("2026-11-24", 24, 0),
        ("20261124", 24, 0),
    ],
)
def test_a_moment_without_a_zone_is_of_this_host_and_a_time_of_day_is_the_last_one(text, day, hour):
    assert parse_moment(text, now=NOON) == here(day, hour)


def test_a_time_of_day_that_ends_a_range_is_the_first_one_in_it():
    begin = here(25, 23)
    assert parse_moment("23:30", now=NOON, not_before=begin) == begin + 1800
    assert parse_moment("00:30", now=NOON, not_before=begin) == begin + 5400


def test_eight_digits_are_a_date_or_nothing_and_never_seconds():
    with pytest.raises(CommandError):
        parse_moment("99999999")


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("1h30m", 5400), ("2 d", 172_800), ("90s", 90), ("2 hours", 7200)]
)
def test_a_span_is_read(text, seconds):
    assert parse_span(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "0s", "1h nonsense", "-5m"])
def test_what_is_no_span_is_a_mistake(text):
    with pytest.raises(CommandError) as caught:
        parse_span(text)
    assert caught.value.status == 2
