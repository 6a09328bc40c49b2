"""Regular expressions that every Python of our hosts reads alike.

Python before 3.11.5, as a Debian 12 has it that lacks later updates, goes on behind what the last turn of a possessive
group had taken when that turn failed: `(?:ab?c)*+` takes all of `aca` there. So such a group is only written where a turn fails at its very
beginning, at single characters; anything else is an atomic group around a greedy one, `(?>(?:ab?c)*)`.
"""

import json
import re._constants as op
import re._parser as parser
import subprocess
import sys
from pathlib import Path

import pytest

SINGLE = {op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY, op.AT}
REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}


def parts_of(value):
    """Yield what an expression's part is made of."""
    if isinstance(value, parser.SubPattern):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from parts_of(one)


def may_fail(code, value):
    if code in REPEATS:
        return value[0] > 0
    if code is op.SUBPATTERN:
        return any(may_fail(*one) for one in value[-1])
    return True


def fails_at_its_beginning(turn):
    """Return whether a turn of a group that fails has only looked at single characters by then."""
    is_behind = False
    for at, (code, value) in enumerate(turn):
        if code in SINGLE:
            if is_behind:
                return False
        elif may_fail(code, value):
            if at or not fails_at_once(code, value):
                return False
            is_behind = True
        else:
            is_behind = True
    return True


def fails_at_once(code, value):
    if code is op.BRANCH:
        return all(fails_at_its_beginning(one) for one in value[1])
    if code is op.SUBPATTERN:
        return fails_at_its_beginning(value[-1])
    return code in REPEATS and len(value[-1]) == 1 and value[-1][0][0] in SINGLE


def is_read_alike(expression):
    for code, value in expression:
        if code is op.POSSESSIVE_REPEAT and not fails_at_its_beginning(value[-1]):
            return False
        if not all(is_read_alike(part) for part in parts_of(value)):
            return False
    return True


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (r"(?:ab?c)*+", False),
        (r"(?:ab++c)*+", False),
        (r"(?:[.,][0-9]++)*+", False),
        (r"(?:(?!b).)*+", False),
        (r"(?:a(?:bc|de)){1,3}+", False),
        (r"x(?:\s*+[:=])?+", False),
        (r"(?:(?:-\s++)++)?", False),
        (r"(?:[.,][0-9][0-9]*+)*+", True),
        (r'"(?:[^"\\]|\\.)*+"', True),
        (r"(?>(?:ab?c)*)", True),
        (r"[^ ]++ (?:ab)++", True),
    ],
)
def test_a_group_is_known_by_where_its_last_turn_fails(expression, expected):
    assert is_read_alike(parser.parse(expression)) is expected


def test_every_possessive_group_fails_at_the_beginning_of_its_last_turn():
    script = Path(__file__).with_name("every_expression.py")
    done = subprocess.run([sys.executable, script], check=True, capture_output=True, text=True)
    expressions = json.loads(done.stdout)
    assert len(expressions) > 300
    assert [text for text, flags in expressions if not is_read_alike(parser.parse(text, flags))] == []
