"""Whatever stands in the files, the outcome is a configuration or problems with file and line."""

import re
import tempfile
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.configuration.load import load
from agent.configuration.problem import ConfigurationError
from collectors.collector import Registration
from collectors.registry import COLLECTORS

KEYS = st.sampled_from(
    [
        "hostname",
        "tags",
        "host",
        "files",
        "services",
        "paths",
        "units",
        "destinations",
        "stackstate",
        "url",
        "api_key",
        "api_key_file",
        "tls",
        "verify",
        "batch",
        "max_events",
        "max_bytes",
        "spool",
        "max_size",
        "directory",
        "exclude",
        "settle",
        "type",
        "proxy",
        "timeout",
        "only",
        "element_identifiers",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["a:b", "/etc/**", "/**", "1s", "9MiB", "https://x/", "http://[", "0o7", "1_0", "~", "9" * 5000]
    ),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(KEYS, TEXTS), inner, max_size=4)
    ),
    max_leaves=12,
)
PIECES = st.lists(
    st.sampled_from(
        [
            "hostname: ",
            "tags: ",
            "- ",
            "[",
            "]",
            "{",
            "}",
            "&a ",
            "*a",
            "!!int ",
            "!!python/name:os.system ",
            "? ",
            ": ",
            "\n",
            "\n  ",
            "'",
            '"',
            "|\n",
            "#",
            "---\n",
            "...",
            "<<: ",
            "off",
            "12",
            "%YAML 9.9\n",
            "\t",
            "\\ud800",
            "\x00",
            "\ufeff",
            "é",
        ]
    ),
    max_size=25,
).map("".join)
TEXTS_OF_FILES = st.one_of(
    VALUES.map(lambda value: yaml.safe_dump(value, allow_unicode=True)), PIECES, st.text(max_size=60)
)


@settings(max_examples=400, deadline=None)
@given(TEXTS_OF_FILES, TEXTS_OF_FILES, st.booleans())
def test_any_text_gives_a_configuration_or_problems_with_file_and_line(agent, application, for_run):
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "conf.d").mkdir()
        (directory / "agent.yaml").write_bytes(agent.encode("utf-8", "surrogatepass"))
        (directory / "conf.d" / "a.yaml").write_bytes(application.encode("utf-8", "surrogatepass"))
        try:
            told = load(directory / "agent.yaml", environ={}, for_run=for_run).set_aside.values()
            lines = [line for lines in told for line in lines]
        except ConfigurationError as error:
            lines = [str(problem) for problem in error.problems]
            assert lines
        for line in lines:
            assert re.match(rf"{re.escape(name)}/(agent|conf\.d/a)\.yaml:[1-9][0-9]*: ", line)
            assert line.isprintable()


def test_every_collector_of_the_registry_is_known_to_the_files():
    assert all(isinstance(known, Registration) for known in COLLECTORS.values())
