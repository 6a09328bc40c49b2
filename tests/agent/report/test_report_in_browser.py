"""The page in a real browser: quick with fifty thousand events, usable by the keyboard alone, deaf to what events say."""

import json

import pytest
from browser import FRAMES, PROGRAM, SCROLL_AND_FILTER, Browser
from report_examples import ATTACKS, NOON, event, keep, many, outage

from agent.report.history import read_history
from agent.report.page import Asked, page
from agent.runtime.status import Document
from spool import SpoolReader

pytestmark = pytest.mark.long

SIZES = {"wide": {}, "dark": {"dark": True}, "narrow": {"width": 360, "height": 800}}
FRAME = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
NODES = "document.querySelectorAll('*').length"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    def make(events, **asked):
        directory = tmp_path_factory.mktemp("page")
        keep(directory / "spool", events)
        with SpoolReader.open(directory / "spool") as reader:
            history = read_history(reader, None, None)
        file = directory / "host.html"
        file.write_text(page(history, Document(running=True), Asked(**asked)))
        return file

    return make


@pytest.fixture(scope="module")
def small(made):
    return made(outage())


@pytest.fixture(scope="module")
def large(made):
    return made(many())


@pytest.fixture(params=SIZES)
def browser(request, tmp_path):
    assert PROGRAM, "chromium is missing; `make test-deps-all` installs it"
    with Browser(tmp_path / "profile", **SIZES[request.param]) as running:
        yield running


@pytest.fixture
def wide(tmp_path):
    assert PROGRAM, "chromium is missing; `make test-deps-all` installs it"
    with Browser(tmp_path / "profile") as running:
        yield running


def rows(browser):
    browser.run(FRAME)
    return browser.run(
        "[...document.querySelectorAll('.row:not([hidden]) .title')].map(one => one.textContent)"
    )


def settled(browser, words):
    """Wait until the filter has worked through all events; what it says then has all of `words`."""
    return browser.run(
        f"""new Promise((done, fail) => {{
            setTimeout(() => fail(document.getElementById('count').textContent), 30000);
            const look = () => {{
                const said = document.getElementById('count').textContent;
                if ({json.dumps(words)}.every(word => said.includes(word))) done(said); else requestAnimationFrame(look);
            }};
            look();
        }})"""
    )


def test_it_opens_without_a_complaint_asks_for_nothing_and_fits_its_width(browser, small):
    browser.open(small)
    assert rows(browser)
    assert browser.troubles == []
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")


def test_what_changed_before_the_last_alert_is_in_sight_at_once(browser, small):
    browser.open(small)
    assert "before 2026-11-26 14:03:00" in browser.run(
        "document.getElementById('moment').textContent"
    ).replace("\xa0", " ")
    nearest = browser.run("document.querySelector('#before li').innerText")
    assert "/etc/nginx/nginx.conf changed (worker_connections: 1024 -> 10, by alice)" in nearest
    assert "a file of its own" in nearest
    assert browser.run("document.querySelector('#before li').getBoundingClientRect().bottom < innerHeight")


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_events_say_stays_text(wide, made, attack):
    wide.open(
        made(
            [
                event(
                    attack,
                    0,
                    attack,
                    "Alerts",
                    path=attack,
                    diff=attack,
                    text=attack,
                    tags=[attack],
                    **{attack: attack},
                )
            ]
        )
    )
    assert rows(wide)
    assert wide.troubles == []
    assert wide.run("document.title").startswith("edge-01")
    assert wide.run("document.querySelectorAll('script').length") == 2
    assert wide.run("document.querySelectorAll('img, base, iframe, a, svg svg').length") == 0


def test_a_script_that_somebody_adds_to_the_page_does_not_run(wide, small, tmp_path):
    tampered = tmp_path / "tampered.html"
    tampered.write_text(
        small.read_text().replace("</main>", "</main><script>document.title='owned'</script>")
    )
    wide.open(tampered)
    wide.run(FRAME)
    assert wide.run("document.title") != "owned"
    assert any("Content Security Policy" in one for one in wide.troubles)


def test_fifty_thousand_events_scroll_and_filter_in_two_thousand_nodes(browser, large):
    browser.open(large)
    settled(browser, ["50,000 events"])
    measured = browser.run(SCROLL_AND_FILTER)
    assert len(measured["frames"]) == FRAMES
    assert measured["nodes"] < 2000


def test_the_keyboard_alone_finds_reads_and_asks_what_came_before(wide, small):
    wide.open(small)
    wide.press("/")
    wide.type("hosts")
    assert settled(wide, ["1 of 10 events"])
    wide.press("Enter", "ArrowDown", "Enter")
    assert wide.run("document.activeElement.id") == "detail"
    assert "/etc/hosts" in wide.run("document.getElementById('detail').innerText")
    wide.press("Escape")
    assert wide.run("document.activeElement.id") == "list"
    wide.press("b")
    assert "libssl3" in wide.run("document.getElementById('before').innerText")
    wide.press("/", "Escape")
    assert settled(wide, ["10 events"])
    wide.press("End")
    assert "sshd.service started" in wide.run("document.getElementById('detail').innerText")


def test_a_diff_stands_side_by_side(wide, small):
    wide.open(small)
    wide.run("document.querySelector('#before button').click()")
    lines = wide.run(
        "[...document.querySelectorAll('.diff tr')].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    assert ["worker_connections 1024;", "worker_connections 10;"] in lines
    assert ["events {}", "events {}"] in lines
    assert ["worker_connections", "1024", "10"] in wide.run(
        "[...document.querySelectorAll('.facts tr')].map(row => [...row.cells].map(cell => cell.textContent))"
    )


def test_an_hour_of_the_plot_and_a_category_narrow_the_list(wide, small):
    wide.open(small)
    wide.run("document.querySelector('#categories input[value=Alerts]').click()")
    assert settled(wide, ["9 of 10"])
    wide.run("document.getElementById('clear').click()")
    assert settled(wide, ["10 events"])
    wide.run(
        "document.getElementById('plot').dispatchEvent(new MouseEvent('click', {clientX: document.getElementById('plot').getBoundingClientRect().left + 3}))"
    )
    assert settled(wide, ["1 of 10"])
    assert rows(wide) == ["Host edge-01 booted"]


def test_it_has_landmarks_and_names_for_those_who_hear_it(wide, small):
    wide.open(small)
    roles = wide.run(
        "['header', 'main', '[role=search]', '[role=listbox]', 'h1', 'html[lang]'].map(one => document.querySelectorAll(one).length)"
    )
    assert roles == [1, 1, 1, 1, 1, 1]
    unnamed = wide.run(
        "[...document.querySelectorAll('input, select, button')].filter(one => !one.labels?.length && !one.textContent.trim()).length"
    )
    assert unnamed == 0
    wide.press("End")
    assert (
        wide.run(
            "document.getElementById(document.getElementById('list').getAttribute('aria-activedescendant')).getAttribute('aria-selected')"
        )
        == "true"
    )


def test_it_prints_what_the_filters_show(wide, small):
    wide.open(small)
    wide.press("/")
    wide.type("nginx.service")
    assert settled(wide, ["2 of 10"])
    wide.run("dispatchEvent(new Event('beforeprint'))")
    printed = wide.run("document.getElementById('printed').textContent")
    assert "nginx.service failed" in printed
    assert "sshd" not in printed
    assert wide.pdf().startswith(b"%PDF")


def test_the_moment_asked_for_is_where_it_begins(wide, made):
    wide.open(made(outage(), around=float(NOON + 5100), since=None, until=None))
    assert "the moment asked for" in wide.run("document.getElementById('moment').textContent")
    assert "/etc/hosts changed" in wide.run("document.querySelector('#before li').innerText")


def test_what_was_ranked_for_the_moment_stands_first_in_that_order_however_far_away(wide, made):
    ranked = [
        ("id-300-" + "openssl upgraded to 1.2"[:20], "openssl", "its package"),
        ("id-5000-/etc/hosts changed", "hosts", "shortly before"),
    ]
    wide.open(made(outage(), around=float(NOON + 9000), since=None, until=None, named=ranked))
    first, second = wide.run(
        "[...document.querySelectorAll('#before li')].slice(0, 2).map(one => one.innerText)"
    )
    assert "openssl upgraded" in first
    assert "tied to it: its package" in first
    assert "/etc/hosts changed" in second
