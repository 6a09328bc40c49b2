"""Depth is found out by a scan that no text can make slow or deep, before any parser is asked."""

import json
import time
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from collectors._nesting import MAX_LEVELS, TooDeep, YamlLevels, check_json, check_toml


def is_too_deep(check, text):
    try:
        check(text)
    except TooDeep:
        return True
    return False


def check_yaml(text):
    levels = YamlLevels()
    for event in yaml.parse(text, Loader=yaml.CBaseLoader):
        levels.see(event)


@pytest.mark.parametrize(
    ("check", "opening", "closing"),
    [
        (check_json, "[", "]"),
        (check_json, '{"a":', "}"),
        (check_yaml, "[", "]"),
        (check_yaml, "- ", ""),
        (check_yaml, "? ", ""),
        (check_toml, "[", "]"),
    ],
)
def test_sixty_four_levels_pass_and_one_more_does_not(check, opening, closing):
    head = "a = " if check is check_toml else ""
    inside = {'{"a":': "1", "? ": "x", "- ": "x"}.get(opening, "1")
    assert not is_too_deep(check, head + opening * MAX_LEVELS + inside + closing * MAX_LEVELS)
    assert is_too_deep(check, head + opening * (MAX_LEVELS + 1) + inside + closing * (MAX_LEVELS + 1))


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * MAX_LEVELS + " = 1",
        'a."b"' + " . 'c'" * MAX_LEVELS + " = 1",
        "[" + "a." * MAX_LEVELS + "a]",
        "x = {" + "a." * MAX_LEVELS + "a = 1}",
    ],
)
def test_a_dotted_key_of_toml_counts_as_its_levels(text):
    tomllib.loads(text)
    assert is_too_deep(check_toml, text)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (check_json, json.dumps({"a": "[" * 999 + '\\"{', "b": ["]"] * 999})),
        (check_toml, "a = '" + "[" * 999 + '\'\nb = "\\"' + "[" * 999 + '"\n# ' + "[" * 999),
        (check_toml, 'a = """' + "[\n" * 999 + "\"\"\"\nb = '''" + "[." * 999 + "'''"),
        (check_toml, "a = [" + "1.5, " * 999 + "]\n" + "".join(f"a{n}.b.c = 1.5\n" for n in range(999))),
        (check_yaml, "a: '" + "[" * 999 + "'\n" + "b:\n- [x]\n"),
    ],
)
def test_brackets_and_dots_inside_text_are_no_levels(check, text):
    assert not is_too_deep(check, text)


@given(
    st.recursive(st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_what_people_write_as_json_passes(value):
    check_json(json.dumps(value))
    check_json(json.dumps(value, ensure_ascii=False))


SIZE = 256 * 1024


@pytest.mark.parametrize(
    "piece",
    ['"', "'", '"\\', '\\"', '"""', "'''", '""""', "a", "a.", ".", "[", "]", "#", " ", "\\", '"a"', "=\n"],
)
@pytest.mark.parametrize("check", [check_json, check_toml])
def test_no_text_takes_more_than_a_few_steps_for_each_of_its_characters(check, piece):
    """Quadratic work on so much text would take minutes; what a scan takes is a small part of a second."""
    text = piece * (SIZE // len(piece))
    began = time.thread_time()
    is_too_deep(check, text)
    assert time.thread_time() - began < 5
