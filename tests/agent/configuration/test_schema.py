"""The JSON Schema takes what `check` takes, and refuses what plainly is wrong; the makers of the standard judge it."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from agent.cli import main
from agent.configuration.applications import load_application
from agent.configuration.load import load
from agent.configuration.problem import ConfigurationError
from agent.configuration.reference import keys
from agent.configuration.schema import schema

PACKAGING = Path(__file__).parents[3] / "packaging"
SAMPLE = PACKAGING / "agent.yaml"


@pytest.fixture(scope="module", params=["agent", "conf.d"])
def which(request):
    return request.param


def refusals(which, text):
    validator = jsonschema.Draft202012Validator(schema(which))
    return [error.message for error in validator.iter_errors(yaml.safe_load(text))]


def is_right(which, text, directory):
    """Return whether `check` takes it, asking nothing of the host."""
    file = directory / ("agent.yaml" if which == "agent" else "a.yaml")
    file.write_text(text)
    try:
        load(file, environ={}, keys=False) if which == "agent" else load_application(file, keys=False)
    except ConfigurationError:
        return False
    return True


def uncommented():
    """Return the sample of agent.yaml with everything in it that is commented out."""
    lines = [
        line.removeprefix("#")
        if (re.match(r"#[ ]*[a-z_]+:", line) and not line.startswith("# ")) or line.startswith("#  ")
        else line
        for line in SAMPLE.read_text().splitlines()
    ]
    return "\n".join(lines)


def test_it_is_a_schema(which):
    jsonschema.Draft202012Validator.check_schema(schema(which))


@pytest.mark.parametrize(
    "sample", sorted((PACKAGING / "conf.d").glob("*.yaml")), ids=lambda sample: sample.name
)
def test_every_sample_of_conf_d_is_taken(sample):
    assert refusals("conf.d", sample.read_text()) == []


def test_the_sample_of_agent_yaml_is_taken_with_all_that_it_shows():
    assert refusals("agent", SAMPLE.read_text()) == []
    shown = uncommented()
    assert yaml.safe_load(shown)["destinations"].keys() >= {"stackstate", "otlp"}
    assert refusals("agent", shown) == []


URL = "https://sts.example.com/stsAgent"


@pytest.mark.parametrize(
    ("which", "text"),
    [
        ("agent", "{}"),
        ("agent", ""),
        ("agent", "destinations: {}"),
        ("agent", f"destinations: {{a: {{url: '{URL}'}}}}"),
        ("agent", f"destinations: {{a: {{url: '{URL}', api_key: 123456}}}}"),
        ("agent", "spool: {max_size: 8MiB, max_age: 1.5 h, keep_delivered: 0}"),
        ("agent", "tags: []"),
        ("agent", "metrics: {listen: '[::1]:9464'}"),
        ("agent", f"destinations: {{a: {{url: '{URL}', no_proxy: ['*', 10.0.0.0/8]}}}}"),
        ("conf.d", "tags: []"),
        ("conf.d", "processes: [{name: w, match: {user: www-data}}]"),
        ("conf.d", "puppet: {}"),
        ("conf.d", "packages: [{names: ['nginx*']}]"),
        ("conf.d", "sensu_api: {url: 'http://sensu:4567', interval: 10s}"),
    ],
)
def test_what_check_takes_is_taken(which, text, tmp_path):
    assert is_right(which, text, tmp_path)
    assert refusals(which, text) == []


@pytest.mark.parametrize(
    ("which", "text"),
    [
        ("agent", "hostnam: x"),
        ("agent", "hostname: a b"),
        ("agent", "log_level: loud"),
        ("agent", "host: 'off'"),
        ("agent", "host:"),
        ("agent", "tags: [env]"),
        ("agent", "tags: env:prod"),
        ("agent", "- a"),
        ("agent", "spool: {max_size: 1 GB}"),
        ("agent", "spool: {max_age: 30}"),
        ("agent", "metrics: {}"),
        ("agent", "metrics: {listen: 9464}"),
        ("agent", "status: {alert_after: soon}"),
        ("agent", "intake: {http: {listen: '127.0.0.1:7078'}}"),
        ("agent", "destinations: {a: {api_key: k}}"),
        ("agent", "destinations: {a: {url: 'ftp://example.com', api_key: k}}"),
        ("agent", f"destinations: {{a: {{type: nonsense, url: '{URL}'}}}}"),
        ("agent", f"destinations: {{a: {{url: '{URL}', api_key: k, api_key_file: /k}}}}"),
        ("agent", "destinations: {a: {type: otlp, url: 'http://h', api_key: k}}"),
        ("agent", f"destinations: {{a: {{url: '{URL}', batch: {{max_events: 0}}}}}}"),
        ("agent", "files: [{paths: [/etc]}]"),
        ("conf.d", "log_level: info"),
        ("conf.d", "files: {paths: [/etc]}"),
        ("conf.d", "files: []"),
        ("conf.d", "files: [{exclude: [b]}]"),
        ("conf.d", "files: [{paths: []}]"),
        ("conf.d", "files: [{paths: [/etc], diff: maybe}]"),
        ("conf.d", "files: [{paths: [/etc], settle: soon}]"),
        ("conf.d", "services: [nginx.service]"),
        ("conf.d", "processes: [{name: w}]"),
        ("conf.d", "puppet: [{unchanged: true}]"),
        ("conf.d", "sensu_api: {interval: 10s}"),
    ],
)
def test_what_is_plainly_wrong_is_refused_as_check_refuses_it(which, text, tmp_path):
    assert not is_right(which, text, tmp_path)
    assert refusals(which, text)


def paths(made, at=""):
    """Yield every key that a schema knows, as the reference writes it."""
    for name, one in made.get("properties", {}).items():
        inner = one.get("items", {}) if one.get("type") == "array" else one
        path = f"{at}{name}{'[]' if inner is not one and 'properties' in inner else ''}"
        kinds = inner.get("anyOf", [inner]) if "properties" not in inner else [inner]
        of_names = (
            one.get("additionalProperties") if isinstance(one.get("additionalProperties"), dict) else {}
        )
        deeper = [kind for kind in kinds if "properties" in kind]
        if name == "destinations":
            for kind in of_names["anyOf"]:
                yield from paths(kind, "destinations.NAME.")
        elif deeper:
            if len(deeper) < len(kinds):
                yield path  # a switch, or a mapping
            for kind in deeper:
                yield from paths(kind, f"{path}.")
        else:
            yield path


def test_it_has_exactly_the_keys_of_the_reference(which):
    file = "agent.yaml" if which == "agent" else "conf.d"
    assert {*paths(schema(which))} == {key.path for key in keys() if key.file == file}


def test_every_key_says_what_it_is(which):
    def described(made):
        for name, one in made.get("properties", {}).items():
            inner = one.get("items", one)
            if "properties" in inner:
                yield from described(inner)
            elif name != "destinations":
                yield name, one.get("description")

    assert all(text for _, text in described(schema(which)))


def test_the_command_prints_it(which, capsys):
    assert main(["check", "--schema", which]) == 0
    assert json.loads(capsys.readouterr().out) == schema(which)


def test_no_default_of_it_is_a_secret_or_of_this_host(which):
    text = json.dumps(schema(which))
    assert str(Path.home()) not in text
    assert "***" not in text
