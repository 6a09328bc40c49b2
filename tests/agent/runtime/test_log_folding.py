"""The same trouble said again and again is told twice in a minute, and nothing else is held back."""

import io
import logging

import pytest

from agent.runtime.log_folding import ASKED, FoldingStream


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def folded():
    """Return a logger of its own, what it wrote, its clock, and its handler."""
    written, clock = io.StringIO(), Clock()
    log = logging.Logger("folded")  # noqa: LOG001 - none that others know
    stream = FoldingStream(written, clock)
    log.addHandler(stream)
    return log, lambda: written.getvalue().splitlines(), clock, stream


def test_what_is_repeated_is_counted_and_told_with_the_next_line_after_a_minute(folded):
    log, lines, clock, _ = folded
    for number in range(43):
        log.warning("%s: no route", "main")
        clock.now += 1
        if not number % 10:
            log.warning("other: no route %d", number)
    assert [line for line in lines() if line.startswith("main")] == ["main: no route"]
    clock.now += 60
    log.info("anything")
    assert "main: no route … repeated 42 times" in lines()
    assert lines()[-1] == "anything"


def test_ordinary_messages_and_answers_to_a_person_are_never_folded(folded):
    log, lines, _, _ = folded
    for _ in range(3):
        log.info("reloaded")
        log.error("wrong", extra=ASKED)
    assert lines() == ["reloaded", "wrong"] * 3


def test_another_level_or_another_cause_is_another_message(folded):
    log, lines, _, _ = folded
    log.warning("x")
    log.error("x")
    for cause in ("a", "b", "b"):
        log.error("it failed", exc_info=ValueError(cause))
    assert [line for line in lines() if line in {"x", "it failed"}] == ["x", "x", "it failed", "it failed"]


def test_what_was_repeated_is_told_at_the_end(folded):
    log, lines, _, stream = folded
    log.error("a\nb")
    log.error("a\nb")
    log.error("c")
    stream.close()
    assert lines() == ["a", "b", "c", "a", "b … repeated once more"]


def test_it_remembers_few_messages_whatever_comes(folded):
    log, lines, _, stream = folded
    log.warning("first")
    log.warning("first")
    for number in range(1000):
        log.warning("%d", number)
    assert len(stream._recent) == 64
    assert "first … repeated once more" in lines()


def test_after_a_minute_it_is_said_again(folded):
    log, lines, clock, _ = folded
    log.warning("x")
    clock.now += 61
    log.warning("x")
    assert lines() == ["x", "x"]
