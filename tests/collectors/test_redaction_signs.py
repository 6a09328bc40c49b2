"""What is passed over for want of a sign is only what every rule would have left as it is."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._redaction import forms, hints, pairs, secrets, shapes, vocabulary
from collectors._redaction.arguments import arguments_of
from collectors._redaction.flags import flagged, piped
from collectors._redaction.line import look_at
from collectors._redaction.places import placed
from collectors._redaction.programs import KNOWN, handed
from collectors._redaction.scan import Scan
from collectors._redaction.shapes import shaped
from collectors._redaction.tokens import body_of
from collectors._redaction.vocabulary import Vocabulary

HERE = Path(__file__).parent
NAMES = sorted(
    hints._WORDS + tuple(secrets._LAST_WORDS | secrets._MAYBE | secrets._ABOUT | KNOWN | pairs.PAIR_NAMES)
)
PIECES = st.sampled_from(
    [
        *NAMES, "api key", "unlock code", "recovery phrase", "dbPassword", "ApiToken", "X-Auth", "AUTH", "s3cr3tPw9", "hunter2a", "a8Kd03Lz",
        "p4ss/word", "me:h4nter2a", "AKIAIOSFODNN7EXAMPLE", "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA", "/usr/share/doc/a-long-path-of-words/x1",
        "my-auth", "key-", "a-b", "verify:", "X-Token:", "-", "--", "---", "-é", "---p", "AUTH", "auth", "priv", "privacy", "sha", "authinfo:", "P:h4nter2a", ":omx:a,b,c,h4nter2a", "simple", "dentified",
        "-p", "-u", "--user=me:h4nter2a", "-phunter2a", "|", "echo", "=", ":", " = ", ": ", "<", ">", "</", "/>", '"', "'", "{", "}", "[", "]", "(", ")", ",", ";", "#", "//", "--",
        "name", "value", "é", "\u017fecret", "\u212aey", "İ", "\t", "\\", "<<<", "EOF", "$x", "${X}", "*", "1 md5", "10.0.0.1", "@host", "https://", "?",
    ]
)  # fmt: skip
LINES = st.lists(PIECES, max_size=8).flatmap(
    lambda pieces: st.sampled_from(["", " "]).map(lambda between: between.join(pieces))
)


A = "a1b2c3d4e5f6a7b8c9d0"
TOKENS = {
    "cloud": ["AKIA" + "X" * 12, "ANPA" + "X" * 12, "LTAI" + "x" * 12, "GOCSPX-" + A[:8], "ya29." + A[:8], "AIza" + A + A[:10], "dt0c01." + A[:8]],
    "code": ["ghp_abc", "github_pat_" + A[:8], "glpat-" + A[:8], "glsa_" + A[:8], "glc_" + A[:8], "npm_" + A[:8], "pypi-" + A[:8], "dckr_pat_" + A[:8], "rubygems_" + A[:8], "cio" + "a" * 16, "oy2" + A, "ATBB" + A[:8], "BBDC-" + A[:8], "ATATT" + A[:8], "ATCTT" + A[:8], "CFPAT-" + A[:8]],
    "chat": ["xoxb-" + A[:8], "xapp-1" + A[:8], "12345678:AA" + A, "M" + A + "abc.abcdef." + A + A[:7], "SG.abcdef.abcdef"],
    "pay": ["sk_live_abcdef", "rk_test_abcdef", "whsec_abcdef", "sq0abc-" + A[:8], "shpat_" + A[:8]],
    "stores": ["hvs." + A[:8], "s." + A + "ab", "AGE-SECRET-KEY-1", "PMAK-" + A[:8], "pscale_pw_" + A[:8], "dp.pt." + A[:8], "sbp_" + A[:8], "K001" + A, "ops_eyJ" + A[:8], "AccountKey=x", "secret-token:x", "0x" + A + "abcd"],
    "services": ["key-" + A[:16], "hf_" + A[:8], "sk-" + A[:16], "NRAK-" + A[:8], "dapi" + A[:16], "tskey-" + A[:8], "lin_api_" + A[:8], "figd_" + A[:8], "pat-na1-" + A[:8], "phc_" + A[:8], "sha256~" + A[:8], "xkeysib-" + A[:8], "nvapi-" + A[:8], "gsk_" + A[:8], "xai-" + A[:8], "r8_" + A[:8], "ntn_" + A[:8], "pul-" + A[:8], "sntrys_" + A[:8], "sqa_" + A[:8], "00D" + "x" * 12 + "!" + "." * 20, "SK" + "a" * 32, "fo1_" + A[:8], "fm2_" + A[:8], "claim-" + A[:12], "abcdefghij.atlasv1." + A, "do" + "o_v1_" + A[:8]],
    "hashes": ["$1$x", "$P$x", "pbkdf2:" + A[:8], "md5" + "a" * 32, "*" + "A" * 40, "SCRAM-SHA-256$x", "eyJabcde.abcde"],
}  # fmt: skip
"""The shortest of each kind."""


def slowly(line, extra=frozenset()):
    """Ask every rule."""
    body = body_of(line)
    found = Scan(line, body, extra).run()
    arguments = list(arguments_of(line, body.start))
    found.spans.extend(shaped(line, body.start))
    for rule in (flagged, piped, handed):
        found.spans.extend(rule(arguments))
    found.spans.extend(placed(line, body.start, arguments))
    return found._replace(spans=set(found.spans), values=[])  # nothing reads what `value` was


KNOWN_WORDS = Vocabulary()
"""Of all lines of all tests: what one line has left there must not change what is said of another."""


def quickly(line, extra=frozenset()):
    found = look_at(line, body_of(line), KNOWN_WORDS, extra)
    return found._replace(spans=set(found.spans), values=[])


def strings(document):
    """Yield every text that is somewhere in a document."""
    match document:
        case str():
            yield document
        case dict():
            for key, value in document.items():
                yield from strings([key, value])
        case list():
            for value in document:
                yield from strings(value)


def known_lines():
    """Return every line of every form that is known, and ordinary ones."""
    texts = [(HERE / "ordinary.conf").read_text(), Path(__file__).read_text()]
    texts += [
        text for path in HERE.glob("redaction_*.json") for text in strings(json.loads(path.read_text()))
    ]
    return {line for text in texts for line in text.split("\n") if len(line) <= secrets.MAX_LINE}


def test_of_every_form_that_is_known_and_of_ordinary_lines_the_same_is_said():
    assert [line for line in known_lines() if slowly(line) != quickly(line)] == []


def is_of_a_form(body):
    return any(form.expression.fullmatch(body) is not None for form in forms.FORMS)


def has_token(text):
    return shapes.TOKEN.search(text) is not None


def test_every_known_line_of_a_form_and_every_token_has_what_is_looked_for_first():
    lines = known_lines()
    bodies = {line[body_of(line).start :].rstrip().rstrip("\\").rstrip() for line in lines}
    assert [body for body in bodies if forms.may_have_form(body, body.lower()) != is_of_a_form(body)] == []
    assert [line for line in lines if has_token(line) and not shapes.may_be_token(line, line.lower())] == []


@pytest.mark.parametrize("words", list(TOKENS))
def test_a_token_of_the_least_length_has_what_is_looked_for_first(words):
    for token in TOKENS[words]:
        assert has_token(token), "the example is none"
        assert shapes.may_be_token(token, token.lower()), token


@given(LINES)
def test_words_say_of_a_line_what_they_say_one_by_one(line):
    together = Vocabulary().signs_of(line)
    by_word = 0
    for word in line.split():
        by_word |= Vocabulary().signs_of(word)
    assert by_word | vocabulary.FLAGS == together | vocabulary.FLAGS
    assert KNOWN_WORDS.signs_of(line) == together


def test_no_more_words_are_remembered_than_so_many_and_none_that_is_long():
    words = Vocabulary()
    for number in range(3 * vocabulary._MOST_WORDS):
        letters = "".join(chr(ord("a") + number // 26**place % 26) for place in range(4))
        words.signs_of(f"plain{letters} {letters * 10} {number}a{letters}")
    assert 0 < len(words._known) <= vocabulary._MOST_WORDS
    assert max(map(len, words._known)) <= 16
    words.forget()
    assert not words._known


@given(LINES, st.sampled_from([frozenset(), frozenset({"data", "hunter2a"})]))
def test_of_lines_made_of_names_values_and_marks_the_same_is_said(line, extra):
    assert slowly(line, extra) == quickly(line, extra)
