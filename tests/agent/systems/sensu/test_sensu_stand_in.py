"""The strict Sensu takes what a client's socket and the API take, and says which rule a message broke."""

import base64
import json
import time

import pytest

from agent.http.message import Request
from agent.systems.sensu.stand_in import ServerRules

RIGHT = {"name": "disk", "source": "web-1", "output": "full", "status": 2, "executed": 1_700_000_000}


@pytest.fixture
def rules():
    return ServerRules()


def ask(rules, method="POST", target="/results", body=RIGHT, **headers):
    path, _, query = target.partition("?")
    named = {"content-type": "application/json", **headers}
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return rules.judge(Request(method, target, path, query, tuple(named.items()), body), is_too_large=False)


def get(rules, target):
    verdict = ask(rules, "GET", target)
    return json.loads(verdict.reply.body) if verdict.reply.status == 200 else verdict.reply.status


def broken(verdict):
    return [f"{one.where}: {one.rule}" for found in verdict.events for one in found.problems]


def test_a_right_result_is_taken_and_breaks_no_rule(rules):
    verdict = ask(rules)
    assert (verdict.reply.status, verdict.reply.body, broken(verdict)) == (202, b'{"response":"ok"}', [])
    [found] = verdict.events
    assert (found.event_type, found.title, found.hostname) == ("disk", "full", "web-1")


NAME = "is no text of letters, digits, `.`, `_` and `-`"
REFUSED = {
    f"name: {NAME}": {"name": "a b"},
    f"source: {NAME}": {"source": 7},
    "output: is no text": {"output": ["x"]},
    "status: is no whole number": {"status": "2"},
    "executed: is no whole number of seconds": {"executed": 1.5},
    "handlers: is no list of texts": {"handlers": "mail"},
    "ttl: is no number": {"ttl": "60"},
}


@pytest.mark.parametrize(("rule", "changes"), REFUSED.items(), ids=REFUSED)
def test_what_sensu_takes_from_nobody_is_refused_with_its_rule(rules, rule, changes):
    verdict = ask(rules, body=RIGHT | changes)
    assert verdict.reply.status == 400
    assert json.loads(verdict.reply.body) == {"response": rule}
    assert broken(verdict) == [rule]
    assert rules.events.all() == []


ODD = {
    "source: is missing: the result counts as the server's own": {"source": ...},
    "executed: is missing: the result counts as of now": {"executed": ...},
    "executed: is in milliseconds, must be in seconds": {"executed": 1_700_000_000_000},
    "executed: lies in the future": {"executed": int(time.time()) + 1_000_000},
    "output: is empty: an event of it would say nothing": {"output": " "},
    "status: is no exit status: 0 to 255": {"status": -1},
    "handler: is null, which is the same as absent": {"handler": None},
}


@pytest.mark.parametrize(("rule", "changes"), ODD.items(), ids=ODD)
def test_what_sensu_takes_and_makes_less_of_is_taken_and_told(rules, rule, changes):
    body = {key: value for key, value in (RIGHT | changes).items() if value is not ...}
    verdict = ask(rules, body=body)
    assert verdict.reply.status == 202
    assert broken(verdict) == [rule]


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (404, {"target": "/result"}),
        (404, {"target": "/results/web-1"}),
        (405, {"method": "PUT"}),
        (405, {"target": "/events"}),
        (415, {"content-type": "text/plain"}),
        (400, {"body": b"{"}),
        (400, {"body": [RIGHT]}),
    ],
    ids=str,
)
def test_a_wrong_request_is_refused_as_sensu_does(rules, status, asked):
    verdict = ask(rules, **asked)
    assert verdict.reply.status == status
    assert not verdict.events


def test_with_a_password_nobody_else_is_let_in():
    rules = ServerRules("right")

    def shown(text):
        return ask(rules, authorization=text).reply.status

    def basic(text):
        return "Basic " + base64.b64encode(text.encode()).decode()

    assert [shown(basic("u:right")), shown(basic("right:wrong")), shown("Basic ?"), shown("")] == [
        202,
        401,
        401,
        401,
    ]


def test_events_are_listed_page_by_page_as_the_api_does(rules):
    for at in range(5):
        ask(rules, body=RIGHT | {"name": f"c{at}", "source": f"web-{at % 2}"})
    assert [one["check"]["name"] for one in get(rules, "/events")] == ["c0", "c1", "c2", "c3", "c4"]
    page = ask(rules, "GET", "/events?limit=2&offset=3")
    assert [one["check"]["name"] for one in json.loads(page.reply.body)] == ["c3", "c4"]
    assert json.loads(page.reply.headers["X-Pagination"]) == {"limit": 2, "offset": 3, "total": 5}
    assert [one["check"]["name"] for one in get(rules, "/events/web-1")] == ["c1", "c3"]
    assert get(rules, "/events/web-1/c1")["client"]["name"] == "web-1"
    assert get(rules, "/events/web-1/c0") == 404
    ask(rules, body=RIGHT | {"name": "c1", "source": "web-1", "status": 0})
    assert get(rules, "/events/web-1/c1") == 404
