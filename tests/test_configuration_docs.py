"""What is written about the configuration is what counts."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from agent.configuration.environment import overlay
from agent.configuration.load import load
from agent.configuration.show import plain
from agent.configuration.types import Configuration, Settings
from agent.systems.registry import DEFAULT_TYPE, SYSTEMS, system
from agent.systems.sources import SOURCES, WithSources
from collectors.registry import COLLECTORS

ROOT = Path(__file__).parent.parent
DOCS = (ROOT / "docs" / "configuration.md").read_text()
ROWS = {
    key: [cell.strip() for cell in rest.split("|")]
    for key, rest in re.findall(r"^\| `([a-zA-Z_.\[\]]+)` \|(.*)\|$", DOCS, re.MULTILINE)
}
SAMPLE = ROOT / "packaging" / "agent.yaml"


def keys(kind, prefix=""):
    for field in msgspec.structs.fields(kind):
        key = prefix + field.encode_name
        inner = [
            t
            for t in (field.type, *get_args(field.type))
            if isinstance(t, type) and issubclass(t, msgspec.Struct)
        ]
        if key == "destinations":
            yield from keys_of_destinations()
        elif inner:
            yield from keys(inner[0], key + ".")
        else:
            yield key, field.default


def keys_of_destinations():
    """Yield what a destination of the default type takes, then what only others take."""
    found = {}
    for name in (DEFAULT_TYPE, *SYSTEMS):
        for key, default in keys(system(name).settings, "destinations.NAME."):
            found.setdefault(key, default)
    yield from found.items()


@pytest.mark.parametrize(("key", "default"), [pytest.param(*pair, id=pair[0]) for pair in keys(Settings)])
def test_every_key_is_explained_with_the_default_that_counts(key, default):
    said = ROWS[key][0]
    if default is msgspec.NODEFAULT:
        assert said == "required"
    elif default not in (None, ()):
        shown = plain(default)
        assert said == f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"


def entry_keys():
    for name, known in WithSources(COLLECTORS, sorted(SOURCES)).items():
        for field in msgspec.structs.fields(known.entry):
            yield f"{name}{'[]' if known.many else ''}.{field.encode_name}", field.default


@pytest.mark.parametrize(("key", "default"), [pytest.param(*pair, id=pair[0]) for pair in entry_keys()])
def test_every_key_of_an_entry_is_explained_with_the_default_that_counts(key, default):
    said = ROWS[key][0]
    if default is msgspec.NODEFAULT:
        assert said == "required"
    elif default not in (None, ()):
        shown = plain(default)
        assert said == f"`{' '.join(shown) if isinstance(shown, list) else str(shown).lower()}`"


def test_nothing_is_explained_that_does_not_exist():
    switches = {name for name, known in COLLECTORS.items() if known.default is not None}
    known = {key for key, _ in (*keys(Settings), *entry_keys())} | switches
    explained = {key for key in ROWS if not key.isupper()}
    assert explained <= known


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
        (tmp_path / name).write_text("x")
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
    for key, _ in keys(Settings):
        assert re.search(rf"\b{key.rpartition('.')[2]}:", text), key


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
