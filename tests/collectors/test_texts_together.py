"""What is said of several texts at once: it is what is said of each by itself, to the byte, and no text spoils it for the others."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._files.budget import Budget
from collectors._files.selection import Choice
from collectors._files.texts import Texts
from collectors._redaction.redact import Redactor

HERE = Path(__file__).parent
KEY = b"k" * 32
PLAIN = [
    "", "a", "# comment", "listen 80", "name = part-1", "option_001 = 00000001", "server", "\t", "\r", "x " * 256,
    "İ", "Σ", "ß", "\u2028", "\x0c", "bob = a1b2c3", "x y z",
]  # fmt: skip
"""Lines that may be left together."""
DOUBTED = ["user", "dns", "[section]", "100", "a: b", "x" * 600]
"""Lines of which nothing is masked either."""
MASKED = [
    "[users]\nbob = a1b2c3\n", "vpn.example.net Xk39abQ7\n", "alice\nhunter2xyz", "alice\nhunter2xyz\nbob\nhunter3xyz\n", "Xk39abQ7trzZ\n",
    "db_password = hunter2-Xk39\n", "-----BEGIN KEY-----\nabc\n-----END KEY-----\n", "kind: Secret\ndata:\n  a: YWJjZGVmZ2g=\n",
    "x aB3dE5gH7jK9mN1pQ3sT5vW7 y\n", "mysql -u root -pXk39abQ7\n", "10.0.0.1 Xk39abQ7\n", "users:\n  bob: a1b2c3d4\n", "bob:$6$abcdefgh$ijklmnopqrstuv:1:\n",
    "root@example.net = Xk39abQ7\n",
]  # fmt: skip
"""Texts of which something is masked, each known by another sign."""
REAL = [
    form["text"]
    for name in ("corpus", "forms", "products")
    for form in json.loads((HERE / f"redaction_{name}.json").read_text())["forms"]
]
REAL_LINES = sorted({line for text in REAL for line in text.split("\n")})
LEFT = st.lists(st.sampled_from(PLAIN), min_size=1, max_size=80).map("\n".join)
MIXED = st.lists(st.sampled_from(PLAIN + DOUBTED + REAL_LINES), min_size=1, max_size=8).map("\n".join)
TEXTS = st.lists(LEFT, min_size=1, max_size=6) | st.tuples(
    st.lists(LEFT, max_size=4), MIXED | st.sampled_from(MASKED + REAL), st.lists(LEFT, max_size=4)
).map(lambda parts: [*parts[0], parts[1], *parts[2]])


def choice(diff):
    return Choice(diff, False, 0.0, (), (), ())


def texts_of(budgets=lambda: Budget(60.0)):
    """Make texts after one that was left as it was: the next are looked at together then."""
    texts = Texts(Redactor(KEY), budgets)
    texts.of_data(b"plain\n", choice("auto"))
    return texts


def each(contents, diff, budgets=lambda: Budget(60.0)):
    texts = Texts(Redactor(KEY), budgets)
    return [texts.of_data(data, choice(diff)) for data in contents]


@given(TEXTS)
def test_texts_that_are_left_together_are_left_each_by_itself(texts):
    redactor = Redactor(KEY)
    if redactor.leaves_all([text.split("\n") for text in texts]):
        assert [redactor.mask(text) for text in texts] == texts


@pytest.mark.parametrize("text", MASKED)
@given(st.lists(LEFT, max_size=3))
def test_a_text_of_which_something_is_masked_is_not_left_beside_any_other(text, others):
    redactor = Redactor(KEY)
    assert redactor.mask(text) != text
    assert not redactor.leaves_all([it.split("\n") for it in (*others, text)])


@given(st.lists(LEFT, min_size=1, max_size=6))
def test_texts_of_plain_lines_are_left_together(texts):
    assert Redactor(KEY).leaves_all([f"{text}\n".split("\n") for text in texts])


@given(TEXTS, st.sampled_from(["auto", "always", "strict"]))
def test_what_is_kept_of_files_together_is_what_is_kept_of_each(texts, diff):
    contents = [text.encode() for text in texts]
    assert texts_of().of_all(contents, choice(diff)) == each(contents, diff)


ODD_FILES = [b"\0", b"caf\xe9\n", b"\n" * 2001, b"x" * (256 * 1024 + 1), b"token = Xk39abQ7trzZ\n", b""]


@pytest.mark.parametrize("odd", ODD_FILES, ids=["NUL", "Latin-1", "lines", "large", "secret", "empty"])
def test_a_file_that_has_no_text_or_a_secret_spoils_nothing_for_its_neighbours(odd):
    contents = [b"plain\n", odd, b"listen 80\n"]
    assert texts_of().of_all(contents, choice("auto")) == each(contents, "auto")


class Used:
    """A budget that is used up, or one that is not."""

    def __init__(self, *, is_over):
        self._is_over = is_over

    def is_over(self):
        return self._is_over

    def check(self):
        if self._is_over:
            Budget(0.0, lambda: 1.0, iter([0.0, 1.0, 2.0]).__next__).check()


def test_where_all_together_take_too_long_each_is_looked_at_by_itself():
    over = iter([False, True, False, False])  # what came before, all together, and each of two
    contents = [b"plain\n", b"listen 80\n"]
    assert texts_of(lambda: Used(is_over=next(over))).of_all(contents, choice("auto")) == each(
        contents, "auto"
    )
    assert next(over, None) is None
