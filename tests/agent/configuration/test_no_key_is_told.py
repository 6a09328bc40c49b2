"""No mistake in a configuration makes a key part of what is printed, logged or sent of it."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.configuration.load import load
from agent.configuration.problem import ConfigurationError
from agent.configuration.show import as_yaml, effective

KEYS = ["5ecret-Of-The-receiver", "hunterhunter", "abc/def+0123456789==", "0123456789abcdef0123456789abcdef"]

MISTAKES = [
    "{url: 'https://h/stsAgent', api_key:K}",
    "{url: 'https://h/stsAgent', api_key, K}",
    "{url: 'https://h/stsAgent', api_key K}",
    "{url: 'https://h/stsAgent', K}",
    "{url: 'https://h/stsAgent', K: api_key}",
    "{url: 'https://h/stsAgent', api_keyK}",
    "{url: 'https://h/stsAgent', api_key: [K]}",
    "{url: 'https://h/stsAgent', api_key: {K}}",
    "{url: 'https://h/stsAgent', api_key: {K: K}}",
    "{url: 'https://h/stsAgent', api_key: *K}",
    "{url: 'https://h/stsAgent', api_key: &K }",
    "{url: 'https://h/stsAgent', api_key: !K!x y}",
    "{url: 'https://h/stsAgent', api_key: !!K x}",
    "{url: 'https://h/stsAgent', api_key: 'K}",
    "{url: 'https://h/stsAgent', api_key: \"\\K\"}",
    "{url: 'https://h/stsAgent', api_key: K, api_key: K}",
    "{url: 'https://h/stsAgent', api_key: K, K: 1, K: 2}",
    "{url: 'https://h/stsAgent', api_key_file: K}",
    "{url: 'https://h/stsAgent', api_key_file: /etc/K}",
    "{url: 'https://h/stsAgent', api_key: K, api_key_file: K}",
    "{url: 'https://h/stsAgent', api_key: K, tls: {ca_file: K}}",
    "{url: 'https://h/stsAgent', api_key: K, tls: {client_cert_file: K, client_key_file: K}}",
    "{url: 'https://h/stsAgent', key_in: K}",
    "{url: 'https://h/stsAgent', compression: K}",
    "{url: 'https://h/stsAgent', type: K}",
    "{url: 'https://h/stsAgent', timeout: K, batch: {max_bytes: K, max_events: K}}",
    "{url: K, api_key: x}",
    "{url: 'https://user:K', api_key: x}",
    "{url: 'https://user:K@h:port/', api_key: x}",
    "{url: 'ftp://user:K@h/', api_key: x}",
    "{url: 'https://[K/', api_key: x}",
    "{url: 'https://h/?api_key=K&b c', proxy: 'http://u:K@p:x'}",
    "{url: 'https://h/stsAgent', api_key: x, proxy: K, tls: K, start: K}",
    "api_key:K",
    "K",
    "[K]",
]
ELSEWHERE = [
    "api_key: K\n",
    "api_key:K\n",
    "K\n",
    "- K\n",
    "K: 1\nK: 2\n",
    "hostname: x\n K\n",
    "hostname: K K\n",
    "log_level: K\n",
    "tags: [K]\n",
    "host: K\n",
    "destinations: {api_key:K}\n",
    "destinations: {K: K}\n",
    "destinations: {main: K}\n",
    "destinations: {main: {url: 'https://h', api_key: *K\n",
    "destinations: &K {main: &K {url: 'https://h'}}\n",
    "%TAG !K! K\n%TAG !K! K\n---\nhost: true\n",
    "? K\n",
    "intake: {http: {listen: K, token_file: K}}\n",
    "spool: {max_size: K, when_full: K}\n",
]


def told(file, environ=None):
    """Return everything that is said of a configuration, wrong or right."""
    said = []
    for strict in (True, False):
        try:
            configuration = load(file, environ=environ or {}, strict=strict)
        except ConfigurationError as error:
            said += [
                str(error),
                *map(repr, error.problems),
                json.dumps([p._asdict() for p in error.problems]),
            ]
        else:
            said += [
                as_yaml(effective(configuration, "h")),
                *configuration.warnings,
                repr(configuration.set_aside),
            ]
    return "\n".join(said)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("mistake", [*(f"destinations: {{main: {one}}}\n" for one in MISTAKES), *ELSEWHERE])
def test_no_mistake_of_the_usual_kinds_tells_the_key(tmp_path, mistake, key):
    if key.isalpha() and mistake.startswith(("K: 1", "K\n", "hostname: x")):
        return  # where no secret belongs, a plain word is an unknown key, and told as one
    file = tmp_path / "agent.yaml"
    file.write_text(mistake.replace("K", key))
    said = told(file)
    assert said
    assert key not in said


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "line", ["- K", "K", "app: {api_key:K}", "tags: [K]", "files: [{paths: [/x], diff: K}]"]
)
def test_nor_does_one_in_a_file_of_conf_d(tmp_path, line, key):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "agent.yaml").touch()
    (tmp_path / "conf.d/app.yaml").write_text(line.replace("K", key))
    assert key not in told(tmp_path / "agent.yaml")


@pytest.mark.parametrize("variable", ["STS_API_KEY", "STS_STS_URL", "STS_LOG_LEVEL", "STS_PROXY_HTTPS"])
def test_nor_does_one_in_the_environment(tmp_path, variable):
    (tmp_path / "agent.yaml").write_text("destinations: {stackstate: {url: 'https://h/stsAgent'}}\n")
    assert KEYS[0] not in told(tmp_path / "agent.yaml", {variable: f"{KEYS[0]} \x01"})


@given(st.integers(0, 200), st.sampled_from(string.punctuation + " \n\t"), st.booleans())
def test_a_right_file_with_one_character_too_many_or_another_tells_no_key(
    tmp_path_factory, place, character, replace
):
    right = f"destinations:\n  main:\n    url: https://h/stsAgent\n    api_key: {KEYS[0]}\n    proxy: http://u:{KEYS[1]}@p\n"
    place = place % len(right)
    file = tmp_path_factory.mktemp("any") / "agent.yaml"
    file.write_text(right[:place] + character + right[place + replace :])
    said = told(file)
    # One character of the key itself may be what is in the way: the rest of it is none.
    assert KEYS[0] not in said
    assert f":{KEYS[1]}@" not in said
