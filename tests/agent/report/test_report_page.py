"""A page holds the history as text alone, whatever the events say, and allows no script but its own."""

import base64
import hashlib
import itertools
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import ATTACKS, NOON, event, keep, outage

from agent.events.stored_event import read
from agent.report.history import Shown, read_history, shown
from agent.report.page import Asked, page
from agent.runtime.status import Destination, Document
from spool import SpoolReader

ALL = Asked()


class Reader(HTMLParser):
    """What a browser finds in a page: its elements with their attributes, and the content of its scripts and styles."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.raw, self._inside = [], {"script": [], "style": []}, None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._inside = tag if tag in self.raw else None
        if self._inside:
            self.raw[tag].append("")

    def handle_endtag(self, _tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside:
            self.raw[self._inside][-1] += data

    @property
    def policy(self):
        return next(a["content"] for tag, a in self.elements if tag == "meta" and "http-equiv" in a)

    @property
    def data(self):
        return json.loads(self.raw["script"][0])


@pytest.fixture
def made(tmp_path):
    numbers = itertools.count()

    def make(events, status=None, asked=ALL, **bounds):
        directory = tmp_path / str(next(numbers))
        keep(directory, events)
        with SpoolReader.open(directory) as reader:
            history = read_history(reader, asked.since, asked.until, **bounds)
        return page(history, status or Document(running=True), asked)

    return make


def structure(html):
    return [(tag, sorted(attributes)) for tag, attributes in Reader(html).elements]


def test_the_policy_allows_the_pages_own_script_and_style_and_nothing_else(made):
    reader = Reader(made(outage()))
    sources = {kind: f"'sha256-{digest(reader.raw[kind][-1])}'" for kind in ("script", "style")}
    assert reader.policy == (
        f"default-src 'none'; script-src {sources['script']}; style-src {sources['style']};"
        " base-uri 'none'; form-action 'none'"
    )


def digest(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_a_page_of_one_event_says_so_in_the_singular(made):
    assert "<p>1 event, " in made([event("x")])
    assert "<p>2 events, " in made([event("x"), event("y")])


def test_a_page_loads_nothing_and_links_nowhere(made):
    html = made(outage())
    assert not [tag for tag, a in Reader(html).elements if {"src", "href", "action", "style"} & a.keys()]
    assert "http://" not in html
    assert "https://" not in html


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_of_an_event_is_markup(made, attack):
    calm = made([event("calm", path="calm", diff="calm", text="calm", tags=["calm"], key="calm")])
    hostile = made(
        [
            event(
                attack,
                kind=attack,
                category=attack,
                path=attack,
                diff=attack,
                text=attack,
                tags=[attack],
                **{attack: attack},
            )
        ]
    )
    assert structure(hostile) == structure(calm)
    assert "<" not in Reader(hostile).raw["script"][0]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_of_a_destinations_answer_is_markup(made, attack):
    def status(text):
        return Document(
            running=True,
            hostname=text,
            action_needed=[text],
            destinations={text: Destination(state=text, last_failure_reason=text)},
        )

    assert structure(made([event("x")], status(attack))) == structure(made([event("x")], status("calm")))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_event_that_can_be_read_is_shown_as_printable_text(value):
    body = json.dumps(
        {
            "msg_title": str(value),
            "timestamp": 5,
            "context": {
                "data": {"path": value, "diff": value, "changes": value, "preceded_by": value, "x": [value]}
            },
        }
    )
    found = read(body.encode())
    if found is not None:
        texts = list(_texts(shown(found)))
        assert all(line.isprintable() for text in texts for line in re.split("[\n\t]", text))


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, Shown):
        yield from _texts([getattr(value, name) for name in value.__struct_fields__])


def test_the_events_stand_in_the_order_of_when_they_happened_and_keep_what_they_say(made):
    told = [
        event("second", 20),
        event("first", 10, unit="a.service", signal="SIGKILL", changes=[{"key": "k", "old": 1, "new": None}]),
    ]
    first, second = Reader(made(told)).data["events"]
    assert (first["title"], second["title"]) == ("first", "second")
    assert first["about"] == "a.service"
    assert first["why"] == "by SIGKILL"
    assert "why" not in second
    assert first["changes"] == [["k", "1", ""]]
    assert first["time"] == NOON + 10


def test_what_is_older_or_larger_than_a_page_takes_is_left_out_and_that_is_said(made):
    events = [event(f"number {at}", at, text="x" * 1000) for at in range(100)]
    for bounds in ({"most_events": 10}, {"most_bytes": 12_000}):
        html = made(events, **bounds)
        titles = [one["title"] for one in Reader(html).data["events"]]
        assert titles[-1] == "number 99"
        assert len(titles) <= 11
        assert "Older events did not find room" in html


def test_only_the_time_that_is_asked_for_is_in_it(made):
    reader = Reader(made(outage(), asked=Asked(NOON + 5000, NOON + 7380, NOON + 7380)))
    assert [one["title"] for one in reader.data["events"]] == [
        "/etc/hosts changed", "/etc/nginx/nginx.conf changed", "nginx.service stopped",
    ]  # fmt: skip
    assert reader.data["around"] == NOON + 7380


def test_without_a_destination_and_without_a_daemon_it_says_so(made):
    html = made([], Document(running=False))
    assert "The agent is not running." in html
    assert "No destination: events stay on this host." in html
