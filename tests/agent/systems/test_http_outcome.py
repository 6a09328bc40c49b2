"""The table of outcomes, row by row."""

import pytest

from agent.delivery.outcome import Delivered, Paused, Refused, RetryLater, TooLarge
from agent.http.result import Answered, Failure, NoAnswer, NotSent
from agent.systems.http_outcome import outcome_of


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_delivered(status):
    assert outcome_of(Answered(status)) == Delivered()


@pytest.mark.parametrize("status", [200, 202])
def test_a_web_page_is_no_success(status):
    assert isinstance(outcome_of(Answered(status, "<html>", is_html=True)), Paused)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507, 599])
def test_trouble_of_the_other_side_is_tried_again_when_it_asks(status):
    result = outcome_of(Answered(status, retry_after_seconds=7.0))
    assert isinstance(result, RetryLater)
    assert result.after_seconds == 7.0
    assert not result.shrink


@pytest.mark.parametrize(
    ("failure", "shrink"),
    [(Failure.UNREACHABLE, False), (Failure.TLS, False), (Failure.CUT, True), (Failure.DEADLINE, True)],
)
def test_no_answer_is_tried_again_and_smaller_when_the_line_gave_up_while_sending(failure, shrink):
    assert outcome_of(NoAnswer(failure, "why")) == RetryLater("why", shrink=shrink)


def test_too_large_is_told_apart_for_it_is_split():
    assert outcome_of(Answered(413)) == TooLarge("413 Request Entity Too Large", 413)


@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_accuses_nobody_yet(status):
    refused = outcome_of(Answered(status, "bad"))
    assert isinstance(refused, Refused)
    assert (refused.status, refused.is_verdict, refused.indices, refused.retry_until) == (
        status,
        False,
        None,
        None,
    )


@pytest.mark.parametrize("status", [100, 301, 302, 307, 308, 401, 402, 403, 404, 405, 407, 410, 415, 418])
def test_what_a_person_must_mend_pauses(status):
    result = outcome_of(Answered(status))
    assert isinstance(result, Paused)


def test_what_was_not_sent_pauses():
    assert outcome_of(NotSent("the key file is missing")) == Paused("the key file is missing")


def test_the_reason_is_one_line_and_shows_no_page():
    assert outcome_of(Answered(502, "<html>\n<body>", is_html=True)).reason == "502 Bad Gateway (HTML)"
    assert outcome_of(Answered(400, "a\nb" + "c" * 1000)).reason.startswith("400 Bad Request a b")
    assert len(outcome_of(Answered(400, "x" * 10_000)).reason) < 400
    assert "to https://elsewhere" in outcome_of(Answered(307, location="https://elsewhere")).reason
