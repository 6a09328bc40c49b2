"""What is said of destinations: each names its credential, and a key that another system has is named, not hidden."""

import os

import msgspec
import pytest

from agent.configuration.types import DestinationSettings, Url
from agent.systems.registry import SYSTEMS, system

ONE_EVENT_A_REQUEST = {
    "dynatrace": "api_token: k\n    attach: {tags: [edge]}",
    "sematext": "token: k",
    "sensu": "tls: {}",
}


def own_keys(kind):
    everybody = {field.encode_name for field in msgspec.structs.fields(DestinationSettings)}
    return {field.encode_name for field in msgspec.structs.fields(kind)} - everybody


def test_the_keys_that_a_message_may_name_are_those_of_every_system():
    assert set().union(*(own_keys(system(name).settings) for name in SYSTEMS)) == set(
        DestinationSettings.known_elsewhere
    )


@pytest.mark.parametrize("key", ["batch: {max_events: 3}", "compression: gzip", "key_in: query"])
@pytest.mark.parametrize("kind", ONE_EVENT_A_REQUEST)
def test_what_takes_one_event_a_request_has_no_batch_no_compression_and_no_place_of_the_key(
    written, kind, key
):
    text = f"destinations:\n  main:\n    type: {kind}\n    url: https://e.example.com\n    {ONE_EVENT_A_REQUEST[kind]}\n"
    (problem,) = written.agent(f"{text}    {key}\n").problems()
    told = f": destinations.main.{key.partition(':')[0]}: unknown key: it belongs to destinations of another type"
    assert told in problem


@pytest.mark.parametrize("kind", ["[otlp]", "{a: b}", "nosuch", "''"])
def test_a_type_that_is_none_hears_all_that_there_are_and_nothing_of_a_key(written, kind):
    (problem,) = written.agent(f"destinations:\n  main:\n    type: {kind}\n    url: https://h\n").problems()
    assert problem.endswith(f"destinations.main.type: must be one of {', '.join(SYSTEMS)}")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("batch: {linger: 36500d}", "batch: linger must be at most 1h"),
        ("backoff: {max: 36500d}", "backoff: max must be at most 1d"),
        ("timeout: 36500d", "timeout must be longer than 0s and at most 1h"),
    ],
)
def test_no_wait_is_so_long_that_nothing_ever_arrives(written, key, told):
    text = "destinations:\n  main:\n    url: https://e.example.com\n    api_key: k\n"
    (problem,) = written.agent(f"{text}    {key}\n").problems()
    assert told in problem


@pytest.mark.parametrize(
    ("kind", "more", "keys"),
    [
        ("stackstate", "", "api_key or api_key_file, or set STS_API_KEY"),
        ("dynatrace", "attach: {tags: [edge]}", "api_token or api_token_file"),
        ("sematext", "", "token or token_file"),
    ],
)
def test_a_destination_without_its_credential_is_a_problem(written, kind, more, keys):
    text = f"destinations:\n  main:\n    type: {kind}\n    url: https://e.example.com\n    {more}\n"
    (problem,) = written.agent(text).problems()
    assert problem.endswith(f"is missing: give {keys}")


@pytest.mark.parametrize(
    "text",
    [
        "intake: {sensu: {api: '127.0.0.1:4567', http: '127.0.0.1:4567'}}\n",
        "intake: {sensu: {client: '127.0.0.1:7078'}, http: {listen: '127.0.0.1:7078', token_file: FILE}}\n",
    ],
)
def test_two_ports_of_the_intake_are_never_one(written, tmp_path, text):
    (tmp_path / "token").write_text("t")
    (problem,) = written.agent(text.replace("FILE", str(tmp_path / "token"))).problems()
    assert "cannot both have the port 127.0.0.1:" in problem


CERTIFICATE = "a bundle may begin with text\n-----BEGIN CERTIFICATE-----\n"


@pytest.fixture
def naming(written, tmp_path):
    """Return a function that writes a configuration whose `tls` names a file of this text."""

    def names(key, text):
        (tmp_path / "own").write_text(CERTIFICATE)
        (tmp_path / "named").write_text(text)
        own = "" if key == "client_cert_file" else f"client_cert_file: {tmp_path}/own, "
        tls = f"{own}{key}: {tmp_path}/named"
        return written.agent(f"destinations: {{a: {{url: 'https://h', api_key: k, tls: {{{tls}}}}}}}\n")

    return names


@pytest.mark.parametrize(
    ("key", "text", "missing"),
    [
        ("ca_file", "\x30\x82 of DER", "CERTIFICATE"),
        ("ca_file", "-----BEGIN RSA PRIVATE KEY-----\n", "CERTIFICATE"),
        ("client_cert_file", "a key\n", "CERTIFICATE"),
        ("client_key_file", CERTIFICATE, "PRIVATE KEY"),
    ],
)
def test_a_file_of_certificates_that_holds_none_is_a_problem_where_files_are_looked_at(
    naming, key, text, missing
):
    (problem,) = naming(key, text).problems()
    assert problem.endswith(f": destinations.a.tls.{key}: must name a PEM file, this one holds no {missing}")
    assert naming(key, text).load(strict=False).settings.destinations.keys() == {"a"}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("ca_file", CERTIFICATE),
        ("client_cert_file", f"-----BEGIN PRIVATE KEY-----\n{CERTIFICATE}"),
        ("client_key_file", "-----BEGIN EC PRIVATE KEY-----\n"),
    ],
)
def test_a_certificate_may_have_text_before_it_and_a_key_be_of_any_kind(naming, key, text):
    assert naming(key, text).load().settings.destinations.keys() == {"a"}


NO_KEY = "holds something else than a key or token"


@pytest.mark.parametrize(
    "content", [b"a b", b"one\ntwo\n", b"\xef\xbb\xbfkey", "key".encode("utf-16"), b"k\0", b"k\xfc"]
)
@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("api_key_file", ""),
        ("api_token_file", "type: dynatrace, attach: {tags: [edge]}, "),
        ("token_file", "type: sematext, "),
        ("token_file", "type: otlp, "),
    ],
)
def test_a_key_file_that_the_daemon_would_refuse_is_a_problem_where_files_are_looked_at(
    written, tmp_path, key, more, content
):
    (tmp_path / "key").write_bytes(content)
    text = f"destinations: {{a: {{{more}url: 'https://h', {key}: {tmp_path}/key}}}}\n"
    (problem,) = written.agent(text).problems()
    assert problem.endswith(f": destinations.a.{key}: {NO_KEY}")
    assert written.load(strict=False).settings.destinations.keys() == {"a"}


@pytest.mark.parametrize("value", ["a b", "kéy"])
def test_a_key_in_the_file_itself_is_held_to_the_same(written, value):
    (problem,) = written.agent(f"destinations: {{a: {{url: 'https://h', api_key: '{value}'}}}}\n").problems()
    assert problem.endswith(f": destinations.a.api_key: {NO_KEY}")
    assert value not in problem


@pytest.mark.parametrize("key", ["api_key_file: PATH", "api_key: k, tls: {ca_file: PATH}"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a FIFO", "a directory"])
def test_what_is_no_file_is_a_problem_and_nothing_waits_for_it(written, tmp_path, key, make):
    make(tmp_path / "it")
    text = f"destinations: {{a: {{url: 'https://h', {key.replace('PATH', str(tmp_path / 'it'))}}}}}\n"
    (problem,) = written.agent(text).problems()
    assert "must name a file that can be read, this one cannot" in problem


@pytest.mark.parametrize("path", ["/t0k-en/event", "/t0k-en/event/", "/t0k%2den", "/any/event"])
def test_an_address_with_the_token_in_it_is_a_problem_since_addresses_are_shown(written, path):
    text = f"destinations: {{a: {{type: sematext, url: 'https://h{path}', token: t0k-en}}}}\n"
    (problem,) = written.agent(text).problems()
    assert problem.endswith(
        ": destinations.a: url must be the base alone: the agent appends the token and /event"
    )


@pytest.mark.parametrize("name", ['""', '" "', '"a\\nb"', '"a\\e[31mb"'])
def test_a_name_that_is_empty_or_cannot_be_printed_is_none(written, name):
    (problem,) = written.agent(f"destinations: {{{name}: {{url: 'https://h', api_key: k}}}}\n").problems()
    assert problem.endswith(": destinations: holds a name that is empty or cannot be printed")


def test_what_stands_behind_the_sign_of_a_fragment_is_not_shown():
    assert Url("https://u:p@h/x?a=b&c=d#e=f").masked() == "https://***@h/x?a=***&c=***#***"


def test_an_address_with_port_0_is_a_problem(written):
    (problem,) = written.agent("destinations: {a: {url: 'http://h:0', api_key: k}}\n").problems()
    assert problem.endswith(": destinations.a.url: is no URL: nothing listens at port 0")
