"""The table of outcomes, row by row."""

import pytest

from agent.destinations.answer import Failure, NoAnswer, NotSent, Response
from agent.destinations.outcome import Delivered, Paused, Rejected, RetryLater, Split, outcome


def of(answer, events=2, *, accepted_another=False):
    return outcome(answer, events=events, accepted_another=accepted_another)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_delivered(status):
    assert of(Response(status)) == Delivered()


@pytest.mark.parametrize("status", [200, 202])
def test_a_web_page_is_no_success(status):
    assert isinstance(of(Response(status, "<html>", is_html=True)), Paused)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507, 599])
def test_trouble_of_the_other_side_is_tried_again_when_it_asks(status):
    result = of(Response(status, retry_after_seconds=7.0))
    assert isinstance(result, RetryLater)
    assert result.after_seconds == 7.0
    assert not result.shrink


@pytest.mark.parametrize(
    ("failure", "shrink"),
    [(Failure.UNREACHABLE, False), (Failure.TLS, False), (Failure.CUT, True), (Failure.DEADLINE, True)],
)
def test_no_answer_is_tried_again_and_smaller_when_the_line_gave_up_while_sending(failure, shrink):
    assert of(NoAnswer(failure, "why")) == RetryLater("why", shrink=shrink)


def test_too_large_is_split_down_to_one_event():
    assert isinstance(of(Response(413), 2), Split)
    assert isinstance(of(Response(413), 1), Rejected)


@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_event_is_rejected_only_when_another_was_accepted(status):
    assert isinstance(of(Response(status), 2), Split)
    assert of(Response(status), 1).suspect == status
    assert of(Response(status, "bad"), 1, accepted_another=True).status == status


@pytest.mark.parametrize("status", [100, 301, 302, 307, 308, 401, 402, 403, 404, 405, 407, 410, 415, 418])
def test_what_a_person_must_mend_pauses(status):
    result = of(Response(status), 1, accepted_another=True)
    assert isinstance(result, Paused)
    assert result.suspect is None


def test_what_was_not_sent_pauses():
    assert of(NotSent("the key file is missing")) == Paused("the key file is missing")


def test_the_reason_is_one_line_and_shows_no_page():
    assert of(Response(502, "<html>\n<body>", is_html=True)).reason == "502 Bad Gateway (HTML)"
    assert of(Response(400, "a\nb" + "c" * 1000)).reason.startswith("400 Bad Request a b")
    assert len(of(Response(400, "x" * 10_000)).reason) < 400
    assert "to https://elsewhere" in of(Response(307, location="https://elsewhere")).reason
