"""A line that is known for its shape is one that no rule has to look at, whatever digits stand in it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from collectors._redaction import hints, known_lines
from collectors._redaction.known_lines import DIGIT_WORD, KnownLines, shape_of
from collectors._redaction.redact import Redactor

KEY = b"the key of a host"
DIGITS = "0123456789"
PIECES = st.sampled_from(
    [
        *(word for word in hints.WORDS if re.search(r"\d", word)), "md0", "socks6 x", "x: p13 x", "x: p12 x", "x: pkcs8 x", "option_001", "= 8080", "part-3", "1 x", "1 md4 x",
        "a1" * 12, "-p1 x", "-x 1", "user b1 x", "{a1}", "10.0.0.1 x 1", "İ1", "\udcff1", "\u017f", "A1", "-----", "x" * 90, "#", "\t",
    ]
)  # fmt: skip
LINES = st.lists(PIECES, max_size=4).map(" ".join)


def with_other_digits(line, digits):
    return re.sub("[0-9]", lambda _: digits.draw(st.sampled_from(DIGITS)), line)


@given(LINES, st.data())
def test_lines_of_one_shape_are_judged_alike(line, data):
    known = KnownLines()
    other = with_other_digits(line, data)
    assert shape_of(other.lower()) == shape_of(line.lower())
    if hints.hinted([line], [line], line.lower()) == []:
        known.learn(line.lower(), 1)
    if known.have(other.lower(), 1):
        assert True not in hints.hinted([other], [other], other.lower())


def test_each_word_that_its_digits_make_one_is_told_by_its_shape():
    words = [word for word in hints.WORDS if re.search(r"\d", word)]
    assert words
    assert all(DIGIT_WORD.search(shape_of(word)) for word in words)


@given(st.lists(LINES, min_size=1, max_size=6), st.data())
def test_a_text_is_masked_as_by_who_knows_no_lines(lines, data):
    redactor = Redactor(KEY)
    for text in ("\n".join(lines * 20), "\n".join(with_other_digits(line, data) for line in lines * 20)):
        assert redactor.mask(text) == Redactor(KEY).mask(text)


def test_what_a_text_makes_secret_is_masked_among_lines_that_are_known():
    redactor = Redactor(KEY)
    for text in ("[users]\nbob = 1\n", "bob = 12345678\n" * 70, "users: {\nbob: x1\n"):
        redactor.mask(text)
    text = "[users]\n" + "bob = 12345678\n" * 70
    assert redactor.mask(text) == Redactor(KEY).mask(text)
    turns = "bob1\nhunter2Xk\n"
    redactor.mask("bob2\nnothing\n" * 40)
    assert redactor.mask(turns) == Redactor(KEY).mask(turns)


def test_no_more_lines_are_known_than_may_be_and_none_after_a_round():
    known = KnownLines()
    for number in range(2 * known_lines._MOST_LINES):
        known.learn(f"{'x' * (number // 64)}\n{'y' * (number % 64)}z", 2)
        assert 0 < len(known._shapes) <= known_lines._MOST_LINES
    known.forget()
    assert not known.have("", 1)
    known.learn("z" * 16 * 81, 1)
    assert not known._shapes
    known.learn("\n".join("z" * length for length in range(17)), 17)
    assert not known._shapes
    known.learn("z\ny", 2)
    assert known.have("y", 1)
    assert not known.have("y\nx", 2)
