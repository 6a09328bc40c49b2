"""What passes lines over quickly passes over no other line than a slow look at each would."""

import re

from hypothesis import given
from hypothesis import strategies as st

from collectors._redaction import hints, redact, sections

PIECES = st.sampled_from(
    [
        *hints._WORDS, "users:", '"tokens": {', "accounts : x", "Keys':", "oauth", "a", "option_001 = 00000001", "name = x", "# comment", "Listen 80", "user bob x", "1 md5 x", "a:b", "a@b", "p:", "%",
        "'a' 'b' c", "[users]", "[\u017fecrets]", "[section]", "kind: Secret", "data:", "bob = a1b2c3", "-----BEGIN KEY-----", "-----END KEY-----",
        "{ssha}", "-p x", "A1" * 12, "İ", "Σ", "ß", "\r", "\t", " ", "=", "x" * 600,
    ]
)  # fmt: skip
LINES = st.lists(PIECES, max_size=4).map(" ".join)
TEXTS = st.lists(LINES, min_size=1, max_size=12).flatmap(
    lambda lines: st.lists(st.sampled_from(lines), min_size=1, max_size=30)
)


def slowly(lines):
    """Judge each line by itself, by every word and every form."""
    is_pem = False
    for line in "\n".join(lines).lower().split("\n"):
        if "-----" in line:
            is_pem = "-----begin " in line and "-----end " not in line
            yield True
        else:
            yield not is_pem and (
                any(word in line for word in hints._WORDS)
                or hints._has_run(line)
                or hints._may_be_formed(line)
                or hints._FORM.match(line.lstrip(" \t#/;")) is not None
                or len(line) > hints._LONG
            )


@given(TEXTS)
def test_what_is_said_of_all_lines_together_is_what_is_said_of_each(lines):
    distinct = tuple(dict.fromkeys(lines))
    quickly = hints.hinted(lines, distinct, "\n".join(distinct).lower())
    assert (quickly or [False] * len(lines)) == list(slowly(lines))


@given(TEXTS)
def test_keys_that_a_text_makes_secret_are_the_same_without_the_quick_look(lines):
    text = "\n".join(lines)
    few = "\n".join(dict.fromkeys(lines))
    keys = redact.secret_keys(text, text, text.lower())
    assert redact.secret_keys(text, few, few.lower()) == keys
    found = {match["name"] for match in sections._HEADER.finditer(text)}
    assert not found or sections.may_have_users(text, few.lower())
    spelt = {name + end for name in sections._BLOCKS for end in sections._ENDS if name + end in text.lower()}
    assert sections._may_have_members(few.lower()) == bool(spelt)
    is_kubernetes = redact._KUBERNETES_SECRET.search(text) is not None
    assert is_kubernetes == (keys >= redact._KUBERNETES_KEYS)


@given(st.text(alphabet=st.sampled_from("a1 .:,*/\"'=-[]@\\_~hu"), max_size=30) | LINES)
def test_a_line_of_a_form_has_a_sign_of_it(line):
    low = line.lower().lstrip(" \t#/;")
    assert hints._FORM.match(low) is None or hints._FORM_SIGN.search(low) is not None


FLAG = re.compile(r"(?:^|[\s\"'\[(,#/])-[a-z]{1,4}(?:[\s\"']|[^\s\"'\d]*+\d)|(?:^|\s)-p\S|--stdin|chpasswd")
"""The flags as one reads them; what is asked begins with their dash."""


@given(st.text(alphabet=st.sampled_from("-pa1 \"'[(,#/\té=x"), max_size=14) | LINES)
def test_a_flag_is_found_by_its_dash(line):
    by_dash = hints._FLAG.search(line) is not None or "chpasswd" in line
    assert by_dash == (FLAG.search(line) is not None)


@given(TEXTS)
def test_a_text_is_calm_only_where_each_line_is(lines):
    low = "\n".join(lines).lower()
    has_words = any(word in low for word in hints._WORDS)
    assert has_words or "-----" in low or not hints._is_calm(low) or not any(slowly(lines))
