"""What is kept of a right agent.yaml: all of it but the secrets, so that it can be read again."""

import stat

import msgspec
import pytest

from agent.configuration import last_right
from agent.configuration.load import load_whole
from agent.configuration.location import Location

KEY = "5ecret-of-the-receiver"


@pytest.fixture
def kept(tmp_path):
    """Return a function that keeps a text as agent.yaml and reads it back: the configuration before and after."""
    file = tmp_path / "agent.yaml"

    def kept(text, environ=None):
        file.write_text(text)
        before = load_whole(file, environ=environ or {}, strict=False)
        place = Location(file, True, tmp_path / "state", tmp_path / "socket")
        last_right.keep(place, before.root, before.type)
        found = last_right.read(place)
        assert found is not None
        after = load_whole(file, environ={}, strict=False, instead=found.root)
        return before.configuration.settings, after.configuration.settings, found.left_out

    kept.file = tmp_path / "state/last-right.yaml"
    return kept


def test_what_holds_no_secret_comes_back_as_it_was(kept):
    before, after, left_out = kept(
        "hostname: 'off'\ntags: ['a:012', \"b:é\\n\"]\nlog_level: debug\nspool: {max_size: 0x800000B, max_age: 012d}\n"
        "destinations: {main: {url: 'https://h/stsAgent', api_key_file: key, batch: {max_events: 0o17}}}\n".replace(
            "0x800000B", "9MiB"
        )
    )
    assert after == before
    assert left_out == frozenset()


def test_no_secret_is_in_it_and_their_places_are_known(kept):
    before, after, left_out = kept(
        f"# {KEY}\ndestinations:\n  a: {{url: 'https://h/?api_key={KEY}', proxy: 'http://u:{KEY}@p:1/'}}\n"
        f"  b: {{url: 'https://u:{KEY}@h/', api_key: {KEY}}}\n"
    )
    assert KEY not in kept.file.read_text()
    assert left_out == {
        ("destinations", "a", "api_key"),
        ("destinations", "a", "proxy"),
        ("destinations", "b", "api_key"),
        ("destinations", "b", "url"),
    }
    assert after.destinations["b"].url == "https://h/"
    assert after.destinations.keys() == before.destinations.keys()
    assert KEY not in repr(msgspec.structs.asdict(after))


def test_secrets_by_names_of_the_operators_own_are_left_out_too(kept):
    _, after, left_out = kept(
        f"destinations:\n  logs: {{type: otlp, url: 'http://h', headers: {{X-Key: {KEY}, X-Org: edge}}}}\n"
    )
    assert KEY not in kept.file.read_text()
    assert left_out == {("destinations", "logs", "headers", name) for name in ("X-Key", "X-Org")}
    assert after.destinations["logs"].headers.keys() == {"X-Key", "X-Org"}


def test_the_word_of_the_environment_is_kept_without_its_key(kept):
    _, after, left_out = kept("host: false\n", {"STS_URL": "https://h/stsAgent", "STS_API_KEY": KEY})
    assert after.destinations["stackstate"].url == "https://h/stsAgent"
    assert left_out == {("destinations", "stackstate", "api_key")}


def test_it_is_written_for_its_user_alone_and_replaced_whole(kept):
    kept("hostname: a\n")
    kept.file.chmod(0o644)
    kept("hostname: b\n")
    assert stat.S_IMODE(kept.file.stat().st_mode) == 0o600
    assert [path.name for path in kept.file.parent.iterdir()] == ["last-right.yaml"]


@pytest.mark.parametrize("text", ["", "{", "- a\n", "last_right: {file: /another}\n", "\x00", "[" * 9000])
def test_what_is_no_kept_configuration_of_this_file_is_none(tmp_path, text):
    (tmp_path / "last-right.yaml").write_text(text)
    found = last_right.read(Location(tmp_path / "agent.yaml", True, tmp_path, tmp_path / "socket"))
    assert found is None or not found.root.value


def test_lists_that_name_each_other_by_aliases_are_not_written_out(kept):
    names = "".join(f"  d{i}: {{url: 'https://h/', api_key_file: k, no_proxy: *list}}\n" for i in range(200))
    many = ", ".join(f"h{i}" for i in range(200))
    kept(
        f"tags: &tags ['a:b']\ndestinations:\n  x: {{url: 'https://h/', api_key_file: k, no_proxy: &list [{many}]}}\n{names}"
    )
    assert kept.file.stat().st_size < 50_000
