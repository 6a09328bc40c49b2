"""What is written about the configuration is what counts."""

import re
from pathlib import Path

import msgspec
import pytest

from agent.configuration import reference
from agent.configuration.environment import overlay
from agent.configuration.load import load
from agent.configuration.types import Configuration, Settings
from agent.systems.registry import SYSTEMS, system

ROOT = Path(__file__).parent.parent
DOCS = (ROOT / "docs" / "configuration.md").read_text()
SAMPLE = ROOT / "packaging" / "agent.yaml"
KEYS = [*reference.keys()]


def shown(key):
    return f"{key.file}:{key.path}"


@pytest.mark.parametrize("key", KEYS, ids=shown)
def test_every_key_says_below_its_field_what_it_is(key):
    assert key.description.endswith("."), f"write a sentence below the field of {key.path}"
    assert key.type
    assert key.default


@pytest.mark.parametrize("key", KEYS, ids=shown)
def test_every_key_is_explained_with_the_default_that_counts(key):
    assert key.as_row() in DOCS.splitlines(), "run `make reference`"


def test_nothing_is_explained_that_does_not_exist():
    assert reference.with_tables(DOCS) == DOCS, "run `make reference`"


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_destination_of_every_system_is_explained_whole(name):
    explained = {key.path for key in KEYS if not key.systems or name in key.systems}
    for field in msgspec.structs.fields(system(name).settings):
        path = f"destinations.NAME.{field.encode_name}"
        assert any(one == path or one.startswith(f"{path}.") for one in explained)


def test_what_a_key_says_is_text_that_every_reader_can_show():
    for key in KEYS:
        assert "](" not in key.description, f"{key.path}: a link is nothing in a man page"
        assert "\n" not in key.description


def test_the_default_of_a_key_is_as_an_operator_writes_it():
    by_path = {key.path: key for key in KEYS if key.file == "agent.yaml"}
    assert by_path["spool.max_size"].default == "`512MiB`"
    assert by_path["destinations.NAME.tls.verify"].default == "`true`"
    assert by_path["destinations.NAME.url"].default == "required"
    assert by_path["hostname"].default == "the host's own"
    assert by_path["destinations.NAME.type"].type == f"one of {', '.join(SYSTEMS)}"


def test_the_sample_loads_as_it_is(tmp_path):
    file = tmp_path / "agent.yaml"
    file.write_text(SAMPLE.read_text())
    configuration = load(file, environ={})
    assert isinstance(configuration, Configuration)
    assert configuration.settings == Settings()


def uncommented(tmp_path):
    """Return the sample with everything in it that is commented out, and the files it names."""
    lines = [
        line.removeprefix("#")
        if (re.match(r"#[ ]*[a-z_]+:", line) and not line.startswith("# ")) or line.startswith("#  ")
        else line
        for line in SAMPLE.read_text().splitlines()
    ]
    text = (
        "\n".join(lines).replace("/etc/sts-agent/", f"{tmp_path}/").replace("/etc/ssl/certs/", f"{tmp_path}/")
    )
    for name in set(re.findall(rf"{tmp_path}/([\w.-]+)", text)):
        pem = "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"
        (tmp_path / name).write_text(pem if Path(name).suffix in {".pem", ".crt", ".key"} else "key")
    file = tmp_path / "agent.yaml"
    file.write_text(text)
    return file


def test_everything_that_the_sample_shows_loads(tmp_path):
    shown = load(uncommented(tmp_path), environ={}).settings
    assert shown.hostname == "edge-01.example.com"
    destination = shown.destinations["stackstate"]
    for field in ("compression", "key_in", "timeout", "batch", "backoff", "start"):
        default = {f.name: f.default for f in msgspec.structs.fields(system("stackstate").settings)}[field]
        assert getattr(destination, field) == default
    assert shown.spool.max_size == Settings().spool.max_size


def test_the_sample_shows_every_key(tmp_path):
    text = uncommented(tmp_path).read_text()
    for key in KEYS:
        if key.file == "agent.yaml":
            assert re.search(rf"\b{key.path.rpartition('.')[2]}:", text), key.path


def test_every_variable_that_is_read_is_explained():
    own = [ROOT / "agent" / "configuration" / name for name in ("environment.py", "location.py")]
    of_systems = (ROOT / "agent" / "systems").glob("*/environment.py")
    source = "".join(path.read_text() for path in (*own, *of_systems))
    variables = set(re.findall(r'"([A-Z]+_[A-Z_]+[A-Z])"', source))
    assert overlay.__name__ in source
    assert len(variables) > 8
    assert not [name for name in variables if not re.search(rf"\b{name}\b", DOCS)]


@pytest.mark.parametrize(
    "sample", sorted((ROOT / "packaging" / "conf.d").glob("*.yaml")), ids=lambda sample: sample.name
)
def test_the_samples_of_conf_d_load(sample, tmp_path):
    (tmp_path / "agent.yaml").write_text("")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / sample.name).write_text(sample.read_text())
    named = set(re.findall(r"^([a-z_]+):", sample.read_text(), re.MULTILINE)) - {
        "tags",
        "element_identifiers",
    }
    assert named <= load(tmp_path / "agent.yaml", environ={}).collectors.keys()
