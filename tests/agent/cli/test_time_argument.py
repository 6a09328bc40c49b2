"""Points in time as people write them."""

import pytest

from agent.cli import CommandError
from agent.cli.time_argument import parse_moment


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
    ],
)
def test_a_moment_is_read(text, seconds):
    assert parse_moment(text, now=1_000_000) == seconds


@pytest.mark.parametrize("text", ["", "soon", "2h ago", "-5m", "2026-13-01", "٣"])
def test_anything_else_is_a_mistake(text):
    with pytest.raises(CommandError) as caught:
        parse_moment(text)
    assert caught.value.status == 2
