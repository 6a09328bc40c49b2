"""The API answers as the documentation of Sensu Core shows it, to the paths, codes, headers and pages."""

import json
import re

import pytest

ACCESS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Headers": "Origin, X-Requested-With, Content-Type, Accept, Authorization",
}

WEBSITE = {
    "output": "CheckHttp WARNING: 301\n",
    "command": "check-http.rb -u :::website|http://sensuapp.org:::",
    "subscribers": ["production"],
    "interval": 60,
    "handler": "mail",
    "name": "sensu_website",
    "duration": 0.032,
    "source": "client-01",
}
SAMPLES = [
    ([0, *[3] * 6, *[0] * 13, 1], 14, 1, 1460303502),
    ([3, 3, 3, *[0] * 13, *[1] * 5], 9, 5, 1460303742),
    ([*[0] * 10, *[1] * 11], 5, 11, 1460304102),
]
"""The three samples of the documentation: a history, its change, its occurrences, and when its last result was."""


def website(sensu, history, executed):
    results = [{**WEBSITE, "status": status, "issued": executed, "executed": executed} for status in history]
    assert sensu.say(json.dumps(results).encode()) == b"ok"


@pytest.mark.parametrize(("history", "change", "occurrences", "executed"), SAMPLES)
def test_the_samples_of_the_documentation_are_served_as_they_are_there(
    sensu, history, change, occurrences, executed
):
    website(sensu, history, executed)
    event = sensu.get("/events/client-01/sensu_website")
    assert event["check"] == {
        "source": "client-01",
        "total_state_change": change,
        "history": [str(status) for status in history],
        "status": 1,
        "output": "CheckHttp WARNING: 301\n",
        "command": "check-http.rb -u :::website|http://sensuapp.org:::",
        "subscribers": ["production"],
        "interval": 60,
        "handler": "mail",
        "name": "sensu_website",
        "issued": executed,
        "executed": executed,
        "duration": 0.032,
    }
    assert event["client"]["name"] == "client-01"
    assert (event["action"], event["occurrences"]) == ("create", occurrences)
    assert event.keys() == {"timestamp", "action", "occurrences", "check", "client", "id"}
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", event["id"])
    assert sensu.get("/events/client-01") == [event]
    assert sensu.get("/events") == [event]


def test_of_a_client_that_nobody_knows_there_are_no_events_and_a_check_is_missing(sensu):
    assert sensu.get("/events/nobody") == []
    for method in ("GET", "DELETE"):
        status, _, body = sensu.ask(method, "/events/nobody/nothing")
        assert (status, body) == (404, b"")


def test_a_well_check_is_a_result_and_no_event(sensu):
    sensu.results(0)
    assert sensu.get("/events") == []
    assert sensu.ask("GET", "/events/web-1/disk")[0] == 404
    result = sensu.get("/results/web-1/disk")
    assert (result["client"], result["check"]["history"], result["check"]["status"]) == ("web-1", [0], 0)
    assert sensu.get("/results") == sensu.get("/results/web-1") == [result]


@pytest.mark.parametrize("path", ["/resolve", "/event/resolve"])
def test_an_event_is_resolved_by_a_result_of_status_0_that_others_hear_of(sensu, path):
    sensu.results(0, 2)
    status, _, body = sensu.ask("POST", path, {"client": "web-1", "check": "disk"})
    assert status == 202
    assert json.loads(body).keys() == {"issued"}
    assert sensu.get("/events") == []
    assert sensu.get("/results/web-1/disk")["check"]["history"] == [0, 2, 0]
    assert sensu.records()[-1]["msg_title"] == "disk is resolved"
    assert [result["status"] for result in sensu.records("sensu/result")] == [0, 2, 0]
    assert sensu.ask("POST", path, {"client": "web-1", "check": "disk"})[::2] == (404, b"")


def test_an_event_is_deleted_by_a_result_of_status_0_also_one_that_does_not_resolve_itself(sensu):
    sensu.results(2, 0, auto_resolve=False)
    assert len(sensu.get("/events")) == 1
    status, _, body = sensu.ask("DELETE", "/events/web-1/disk")
    assert (status, json.loads(body).keys()) == (202, {"issued"})
    assert sensu.get("/events") == []
    assert sensu.ask("DELETE", "/events/web-1/disk")[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"[]",
        b"5",
        b"{}",
        b'{"client": "a"}',
        b'{"client": 1, "check": "c"}',
        b'{"client": null, "check": "c"}',
        b'{"client": "a", "check": []}',
    ],
)
def test_what_makes_no_sense_to_resolve_is_400_without_a_body(sensu, body):
    assert sensu.ask("POST", "/resolve", body)[::2] == (400, b"")


@pytest.mark.parametrize(
    "path", ["/events", "/events/nobody", "/events/a/b", "/resolve", "/nothing", "/clients", "/health"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "OPTIONS", "HEAD"])
def test_the_headers_are_on_every_answer(sensu, path, method):
    headers = sensu.ask(method, path)[1]
    assert {name: headers.get(name) for name in ACCESS} == ACCESS
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["X-Request-ID"])


def test_a_request_that_has_a_name_keeps_it(sensu):
    assert sensu.ask("GET", "/events", **{"X-Request-ID": "mine-1"})[1]["X-Request-ID"] == "mine-1"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/events", "GET, HEAD"),
        ("PUT", "/events/a", "GET, HEAD"),
        ("POST", "/events/a/b", "GET, HEAD, DELETE"),
        ("GET", "/resolve", "POST"),
        ("DELETE", "/results", "GET, HEAD, POST"),
    ],
)
def test_the_wrong_verb_is_405_and_says_which_are_right(sensu, method, path, allowed):
    status, headers, body = sensu.ask(method, path)
    assert (status, headers["Allow"], body) == (405, allowed, b"")


def test_a_head_has_the_length_and_no_body(sensu):
    status, headers, body = sensu.ask("HEAD", "/events")
    assert (status, headers["Content-Length"], body) == (200, "2", b"")


@pytest.mark.parametrize(
    "path", ["/", "/event", "/events/a b/c", "/events/ä", "/events/a/b/c", "/events//", "/EVENTS"]
)
def test_what_is_no_path_is_404_without_a_body(sensu, path):
    from urllib.parse import quote

    status, headers, body = sensu.ask("GET", quote(path))
    assert (status, headers["Content-Length"], body) == (404, "0", b"")


def test_a_last_slash_does_not_matter(sensu):
    assert sensu.get("/events/") == []


def test_a_page_is_a_part_of_the_list_and_says_of_how_many(sensu):
    for number in range(5):
        sensu.results(2, name=f"c{number}")
    status, headers, body = sensu.ask("GET", "/events?limit=2&offset=1")
    assert status == 200
    assert [event["check"]["name"] for event in json.loads(body)] == ["c1", "c2"]
    assert json.loads(headers["X-Pagination"]) == {"limit": 2, "offset": 1, "total": 5}
    pages = [sensu.get(f"/events/web-1?limit=2&offset={offset}") for offset in (0, 2, 4, 6)]
    assert [event["check"]["name"] for page in pages for event in page] == [f"c{n}" for n in range(5)]


@pytest.mark.parametrize(
    "query", ["", "?offset=2", "?limit=", "?limit=x", "?limit=-1", "?limit=1.5", "?limit=%C2%B2", "?limit=1x"]
)
def test_without_a_limit_of_digits_all_is_shown_and_nothing_said_of_pages(sensu, query):
    for number in range(3):
        sensu.results(2, name=f"c{number}")
    _, headers, body = sensu.ask("GET", "/events" + query)
    assert len(json.loads(body)) == 3
    assert "X-Pagination" not in headers


def test_an_offset_that_is_no_digits_is_none(sensu):
    assert json.loads(sensu.ask("GET", "/events?limit=1&offset=x")[1]["X-Pagination"])["offset"] == 0


@pytest.mark.parametrize(
    "path", ["/events", "/clients", "/checks", "/results", "/stashes", "/silenced", "/aggregates", "/info"]
)
def test_where_dashboards_look_there_is_an_answer_of_known_length(sensu, path):
    status, headers, body = sensu.ask("GET", path)
    assert status == 200
    assert int(headers["Content-Length"]) == len(body)
    assert isinstance(json.loads(body), dict if path == "/info" else list)


def test_info_says_that_everything_is_connected(sensu):
    info = sensu.get("/info")
    assert info["transport"]["connected"] is info["redis"]["connected"] is True
    assert info["sensu"]["version"].startswith("1.")


def test_health_is_204_and_412_when_more_is_asked_than_there_is(sensu):
    assert sensu.ask("GET", "/health")[::2] == (204, b"")
    assert sensu.ask("GET", "/health?consumers=1&messages=100")[0] == 204
    assert sensu.ask("GET", "/health?consumers=2&messages=100")[0] == 412


def test_this_host_is_a_client_and_so_is_every_source(sensu):
    sensu.results(0, source="db-7", executed=1_700_000_000)
    assert [client["name"] for client in sensu.get("/clients")] == ["web-1", "db-7"]
    assert sensu.get("/clients/web-1")["name"] == "web-1"
    assert sensu.get("/clients/db-7")["timestamp"] == 1_700_000_000
    assert sensu.ask("GET", "/clients/nobody")[::2] == (404, b"")


def test_a_clients_history_shows_each_of_its_checks(sensu):
    sensu.results(0, 2, executed=1_700_000_000)
    (check,) = sensu.get("/clients/web-1/history")
    assert check["check"] == "disk"
    assert (check["history"], check["last_status"], check["last_execution"]) == ([0, 2], 2, 1_700_000_000)
    assert sensu.get("/clients/nobody/history") == []


def test_a_client_and_a_result_can_be_removed(sensu):
    sensu.results(2, source="db-7")
    sensu.results(2, name="a", source="db-7")
    assert sensu.ask("DELETE", "/results/db-7/a")[::2] == (204, b"")
    assert [result["check"]["name"] for result in sensu.get("/results/db-7")] == ["disk"]
    assert sensu.ask("DELETE", "/clients/db-7")[0] == 202
    assert sensu.get("/results") == sensu.get("/events") == []
    assert sensu.ask("DELETE", "/clients/db-7")[0] == sensu.ask("DELETE", "/results/db-7/a")[0] == 404


def test_checks_are_what_results_tell_of_them(sensu):
    sensu.results(0, interval=60, command="x")
    assert sensu.get("/checks") == [{"name": "disk", "interval": 60, "command": "x"}]
    assert sensu.get("/checks/disk")["command"] == "x"
    assert sensu.ask("GET", "/checks/other")[0] == 404


def test_a_result_may_be_posted_to_the_api(sensu):
    status, _, body = sensu.ask("POST", "/results", {"name": "disk", "output": "full", "status": 2})
    assert (status, json.loads(body).keys()) == (202, {"issued"})
    assert sensu.get("/events/web-1/disk")["check"]["output"] == "full"


@pytest.mark.parametrize(
    "body", [b"", b"no", b"5", b'{"name": "a b", "output": ""}', b'{"name": "a", "output": 1e999}']
)
def test_a_wrong_result_is_400_without_a_body(sensu, body):
    assert sensu.ask("POST", "/results", body)[::2] == (400, b"")
    assert sensu.records("sensu/result") == []


def test_the_wrong_one_of_a_list_is_named(sensu):
    right = {"name": "disk", "output": "full", "status": 2}
    status, _, body = sensu.ask("POST", "/results", [right, right, {"name": "x"}])
    assert status == 400
    assert b"[2]" in body
    assert sensu.records("sensu/result") == []


def test_a_stash_is_kept_shown_and_deleted_also_after_a_restart(sensu):
    status, _, body = sensu.ask("POST", "/stashes/silence/web-1", {"reason": "work"})
    assert (status, json.loads(body)) == (201, {"path": "silence/web-1"})
    sensu.restart()
    assert sensu.get("/stashes") == [{"path": "silence/web-1", "content": {"reason": "work"}, "expire": -1}]
    assert sensu.get("/stashes/silence/web-1") == {"reason": "work"}
    assert sensu.ask("DELETE", "/stashes/silence/web-1")[::2] == (204, b"")
    assert sensu.ask("DELETE", "/stashes/silence/web-1")[0] == 404
    assert sensu.get("/stashes") == []


def test_a_stash_may_expire(sensu):
    sensu.ask("POST", "/stashes", {"path": "a", "content": {"x": 1}, "expire": 100})
    assert 90 < sensu.get("/stashes")[0]["expire"] <= 100
    sensu.ask("POST", "/stashes", {"path": "b", "content": {}, "expire": 0})
    assert [stash["path"] for stash in sensu.get("/stashes")] == ["a"]
    assert sensu.ask("GET", "/stashes/b")[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"path": "a"}',
        b'{"path": 1, "content": {}}',
        b'{"path": "a", "content": {}, "expire": "x"}',
    ],
)
def test_a_wrong_stash_is_400(sensu, body):
    assert sensu.ask("POST", "/stashes", body)[::2] == (400, b"")


def test_a_stash_is_bounded(sensu):
    assert sensu.ask("POST", "/stashes/a", {"x": "y" * 20_000})[0] == 413


@pytest.mark.parametrize("port", ["api", "http"])
def test_a_page_in_a_browser_gets_nothing_and_posts_nothing(sensu, port):
    result = {"name": "disk", "output": "", "status": 2}
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        for method, path in (("GET", "/events"), ("POST", "/results"), ("OPTIONS", "/events")):
            answer = sensu.ask(
                method, path, result, port=port, **headers, **{"Content-Type": "application/json"}
            )
            assert answer[0] == 403
    assert sensu.records("sensu/result") == []
