"""The StackState destination against the strict receiver: its address, the place of its key, its bodies."""

from urllib.parse import parse_qsl

import pytest

from agent.configuration import types
from agent.delivery.destination import DestinationError
from agent.delivery.outcome import Delivered, Paused
from agent.delivery.outgoing import Chunk, Outgoing
from agent.stand_in import Reply
from agent.systems.registry import make_destination
from agent.systems.stackstate.address import parse_address
from agent.systems.stackstate.destination import StackState
from agent.systems.stackstate.settings import StackStateSettings
from agent.systems.stackstate.stand_in import Receiver
from agent.systems.system import Surroundings
from collectors.event import Category, Event, encode
from spool import compress

KEY = "s3cr3t+/&?"


def event(title):
    return encode(
        Event(
            name="custom",
            event_type="Tested",
            category=Category.OTHERS,
            title=title,
            text="",
            timestamp=1,
            element_identifiers=("urn:host:/h",),
        )
    )


CHUNK = Chunk("custom", compress(event("one") + b"," + event("two")))
REQUEST = Outgoing("h", 2, lambda: [CHUNK], list)


@pytest.fixture
def receiver():
    with Receiver(api_key=KEY) as one:
        yield one


@pytest.fixture
def destination():
    made = []

    def make(url, **settings):
        if "api_key_file" not in settings:
            settings.setdefault("api_key", types.Secret(KEY))
        made.append(StackState("sts", StackStateSettings(type="stackstate", url=url, **settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("compression", ["deflate", "gzip", "none"])
@pytest.mark.parametrize("key_in", ["auto", "header", "query", "both"])
def test_the_strict_receiver_takes_it_and_no_rule_is_broken(receiver, destination, compression, key_in):
    outcome = destination(receiver.url, compression=compression, key_in=key_in).deliver(REQUEST, 10)
    assert outcome == Delivered()
    assert [one.event["msg_title"] for one in receiver.received] == ["one", "two"]
    assert receiver.report.broken == {}


@pytest.mark.parametrize(
    "pasted", ["", "/", "/intake", "/intake/", "/intake?api_key=other", "//", "/?api_key=other", "#top"]
)
def test_the_address_is_taken_as_people_paste_it(receiver, destination, pasted):
    assert destination(receiver.url + pasted).deliver(REQUEST, 10) == Delivered()


def test_a_key_pasted_with_the_address_is_used_when_there_is_no_other(receiver, destination):
    url = f"{receiver.url}?api_key=s3cr3t%2B/%26?"
    one = destination(url, api_key=None)
    assert one.deliver(REQUEST, 10) == Delivered()
    assert "s3cr3t" not in repr(one) + one.identity


@pytest.mark.parametrize(
    "url", ["", "stsAgent", "ftp://host/stsAgent", "http://", "http://[::1", "http://h:99999/"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(DestinationError):
        parse_address(url)


def test_the_identity_is_the_address_not_the_name_or_the_way_it_is_written(destination):
    one = destination("https://host/receiver/stsAgent")
    assert one.identity == destination("https://HOST:443/receiver/stsAgent/intake/").identity
    assert one.identity != destination("https://host/other/stsAgent").identity


def _query_only(request):
    return Reply(403, b"no key") if request.header("sts-api-key") else None


def test_a_receiver_that_knows_only_the_query_gets_it_there_and_from_then_on_only_there(
    receiver, destination
):
    receiver.intercept = _query_only
    one = destination(receiver.url)
    assert one.deliver(REQUEST, 10) == Delivered()
    assert one.deliver(REQUEST, 10) == Delivered()
    assert receiver.report.requests == 3


def test_after_a_success_with_the_header_the_key_is_never_put_into_the_query(receiver, destination):
    queries = []
    receiver.intercept = lambda request: queries.append(dict(parse_qsl(request.query)))
    one = destination(receiver.url)
    assert one.deliver(REQUEST, 10) == Delivered()
    receiver.intercept = lambda request: queries.append(dict(parse_qsl(request.query))) or Reply(403)
    assert one.deliver(REQUEST, 10).reason.startswith("403 ")
    assert queries == [{}, {}]


def test_a_key_that_is_wrong_in_both_places_gives_one_answer(receiver, destination):
    one = destination(receiver.url, api_key=types.Secret("wrong"))
    assert one.deliver(REQUEST, 10).reason.startswith("403 ")
    assert receiver.report.requests == 2


def test_other_refusals_are_not_tried_in_the_other_place(receiver, destination):
    receiver.intercept = lambda _request: Reply(404)
    assert destination(receiver.url).deliver(REQUEST, 10).reason.startswith("404 ")
    assert receiver.report.requests == 1


def test_a_key_file_is_read_again_when_it_changes(receiver, destination, tmp_path):
    file = tmp_path / "api_key"
    one = destination(receiver.url, api_key_file=file)
    outcome = one.deliver(REQUEST, 10)
    assert isinstance(outcome, Paused)
    assert "the file that api_key_file names cannot be read: No such file or directory" in outcome.reason
    assert not one.credential_changed()
    file.write_text("wrong\n")
    assert one.credential_changed()
    assert one.deliver(REQUEST, 10).reason.startswith("403 ")
    assert not one.credential_changed()
    file.write_text(f"{KEY}\n")
    assert one.credential_changed()
    assert one.deliver(REQUEST, 10) == Delivered()


@pytest.mark.parametrize("content", ["", "\n", "two\nlines", "two words", "schlüssel"])
def test_a_file_without_a_key_in_it_sends_nothing(receiver, destination, tmp_path, content):
    file = tmp_path / "api_key"
    file.write_text(content)
    assert isinstance(destination(receiver.url, api_key_file=file).deliver(REQUEST, 10), Paused)
    assert receiver.report.requests == 0


def test_without_any_key_nothing_is_sent(receiver, destination):
    assert isinstance(destination(receiver.url, api_key=None).deliver(REQUEST, 10), Paused)


def test_the_key_can_be_validated(receiver, destination):
    assert destination(receiver.url).ask(10).status == 200
    assert destination(receiver.url, api_key=types.Secret("wrong")).ask(10).status == 403


def test_an_address_with_a_login_uses_it_and_never_shows_it(wire, destination):
    side = wire(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    one = destination(side.url.replace("http://", "http://user:passw0rd@"))
    assert one.deliver(REQUEST, 10).reason.startswith("404 ")
    assert "Authorization: Basic" in side.requests[0][0]
    assert "passw0rd" not in repr(one)
    assert one.identity == destination(side.url).identity


def test_the_registry_makes_it():
    settings = StackStateSettings(url="http://h/stsAgent")
    one = make_destination("sts", settings, Surroundings())
    assert (one.name, one.max_events) == ("sts", 1000)
    one.cut_short(1)
    one.close()
