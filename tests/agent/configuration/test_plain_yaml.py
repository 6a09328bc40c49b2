"""The parts of PyYAML that are used, beside the whole of it."""

import re
import subprocess
import sys

import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver

from agent.configuration.nodes import compose
from agent.configuration.plain_yaml import (
    FLOAT,
    INT,
    CoreSchema,
    MappingNode,
    ScalarNode,
    SequenceNode,
    Text,
    Unprintable,
    serialize,
)

MARKS = "\n\r:-,[]{}#&*!|>'\"%@` \t\x85\u2028\ufeff\ufffe\x00\x1f\x7fé€😀"
WORDS = "a|b: c\n|- d\n|~|012|.5|\r\n|? |on|true|0x1F|1e3|.inf|null|key: >\n  text\n|---\n|...\n|'it''s'"
PIECES = st.sampled_from([*MARKS, *WORDS.split("|")])
WRITTEN = st.lists(PIECES, max_size=12).map("".join)


class Whole(Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer, CoreSchema):
    """Read by PyYAML's own reader."""

    def __init__(self, text):
        Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)


class Plain(Text, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer, CoreSchema):
    """Read by ours."""

    def __init__(self, text):
        Text.__init__(self, text, "file")
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)


def outcome(reader, text):
    """Return the tree with the place of each node, or what is wrong and where."""
    try:
        return shape(reader(text).get_single_node())
    except yaml.MarkedYAMLError as error:
        return error.problem, error.context, place(error.problem_mark), place(error.context_mark)
    except ReaderError as error:
        return chr(error.character) if isinstance(error.character, int) else error.character, error.position
    except Unprintable as error:
        return error.character, error.position


def shape(node):
    if node is None:
        return None
    value = node.value
    if isinstance(node, MappingNode):
        value = [(shape(key), shape(one)) for key, one in value]
    elif isinstance(node, SequenceNode):
        value = [shape(one) for one in value]
    return node.tag, value, place(node.start_mark), place(node.end_mark)


def place(mark):
    return mark and (mark.index, mark.line, mark.column)


@given(WRITTEN)
def test_a_text_is_read_as_pyyaml_reads_it(text):
    assert outcome(Plain, text) == outcome(Whole, text)


@given(st.text())
def test_of_any_text_the_same_characters_are_refused(text):
    assert outcome(Plain, text) == outcome(Whole, text)


class Resolver(BaseResolver):
    """PyYAML's own way to the tags of numbers."""


for tag, pattern in (
    (INT, r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    (FLOAT, r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
):
    Resolver.add_implicit_resolver(tag, re.compile(f"^(?:{pattern})$"), list("-+.0123456789"))


@given(st.text("-+.0123456789eExXoinfNaA", min_size=1, max_size=8))
def test_numbers_are_what_the_core_schema_says(value):
    assert CoreSchema().resolve(ScalarNode, value, (True, False)) == Resolver().resolve(
        ScalarNode, value, (True, False)
    )


VALUES = st.recursive(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(["off", "012", "~", "1e3", "null", "yes", "2001-01-01", "=", "<<"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_down_is_read_as_the_same_tree(value):
    root = yaml.compose(yaml.safe_dump(value, allow_unicode=True))
    read = compose(serialize(root), "file")
    assert without_places(read) == without_places(root)


def without_places(node):
    if isinstance(node, MappingNode):
        return [(without_places(key), without_places(one)) for key, one in node.value]
    return (
        [without_places(one) for one in node.value]
        if isinstance(node, SequenceNode)
        else (node.tag, node.value)
    )


def test_whoever_imports_yaml_after_its_plain_parts_has_all_of_it():
    script = (
        "import sys; from agent.configuration.plain_yaml import MappingNode; before = {*sys.modules}; import yaml;"
        " print('yaml._yaml' in before, yaml.compose('a: 1', Loader=yaml.CSafeLoader).__class__ is MappingNode,"
        " yaml.safe_load('[1]'), yaml.safe_dump('a').strip())"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines()[0] == "False True [1] a"
