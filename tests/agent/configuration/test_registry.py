"""The collectors' own rules are told with file and line, like everybody's."""

import pytest

from collectors.registry import COLLECTORS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "files:\n  - paths:\n      - /etc/hosts\n      - /**\n",
            ":4: files[0].paths[1]: '/**' means the whole file system",
        ),
        ("files:\n  - paths: [etc/hosts]\n", ":2: files[0].paths[0]: 'etc/hosts' is not an absolute path"),
        ("files:\n  - paths: []\n", ":2: files[0].paths: is an empty list"),
        ("files: []\n", ":1: files: is an empty list"),
        ("files: {paths: [/a]}\n", ":1: files: is a mapping, must be a list"),
        (
            "files: /a\n",
            ':1: files: is text, must be a list: begin each entry with "- " and a key, as "- paths: "',
        ),
        (
            "files:\n  - paths: [/a]\n    diff: sometimes\n",
            ":3: files[0].diff: must be one of never",
        ),
        ("files:\n  - paths: [/a]\n    settle: 2h\n", ":2: files[0]: settle must be at most 1h"),
        ("services:\n  - units: nginx.service\n", ":2: services[0].units: is text, must be a list"),
        ("services:\n  - unit: [nginx.service]\n", ":2: services[0].unit: unknown key; did you mean units?"),
        ("packages:\n  - names: ['']\n", ":2: packages[0].names[0]: must be a name"),
        ("host: {colour: red}\n", ":1: host.colour: unknown key"),
    ],
)
def test_a_wrong_entry_is_told_where_it_stands(written, text, told):
    problems = written.application("a.yaml", text).problems(registry=COLLECTORS)
    assert len(problems) == 1
    assert problems[0].startswith("conf.d/a.yaml" + told)


def test_every_default_collector_is_configured_without_any_file(written):
    defaults = {name for name, known in COLLECTORS.items() if known.default is not None}
    assert written.load(registry=COLLECTORS).collectors.keys() == defaults


@pytest.mark.parametrize(
    ("most", "asked", "given"),
    [
        (None, "always", "auto"),
        (None, "strict", "strict"),
        ("always", "always", "always"),
        ("strict", "auto", "strict"),
        ("strict", "never", "never"),
        ("never", "always", "never"),
    ],
)
def test_no_entry_gets_more_of_a_diff_than_diff_at_most(written, most, asked, given):
    written.agent("" if most is None else f"diff_at_most: {most}\n")
    written.application("a.yaml", f"files:\n  - {{paths: [/etc/x], diff: {asked}}}\n")
    configuration = written.load(registry=COLLECTORS)
    assert [one.config.diff for one in configuration.collectors["files"]] == [given]
    warned = [warning for warning in configuration.warnings if "diff_at_most" in warning]
    assert bool(warned) == (asked != given)
