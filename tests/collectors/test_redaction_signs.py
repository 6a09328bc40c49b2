"""What is passed over for want of a sign is only what every rule would have left as it is."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from collectors._redaction import hints, pairs, secrets
from collectors._redaction.arguments import arguments_of
from collectors._redaction.flags import flagged, piped
from collectors._redaction.line import look_at
from collectors._redaction.places import placed
from collectors._redaction.programs import KNOWN, handed
from collectors._redaction.scan import Scan
from collectors._redaction.shapes import shaped
from collectors._redaction.tokens import body_of

HERE = Path(__file__).parent
NAMES = sorted(
    hints._WORDS + tuple(secrets._LAST_WORDS | secrets._MAYBE | secrets._ABOUT | KNOWN | pairs.PAIR_NAMES)
)
PIECES = st.sampled_from(
    [
        *NAMES, "api key", "unlock code", "recovery phrase", "dbPassword", "ApiToken", "X-Auth", "AUTH", "s3cr3tPw9", "hunter2a", "a8Kd03Lz",
        "p4ss/word", "me:h4nter2a", "AKIAIOSFODNN7EXAMPLE", "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA", "/usr/share/doc/a-long-path-of-words/x1",
        "-p", "-u", "--user=me:h4nter2a", "-phunter2a", "|", "echo", "=", ":", " = ", ": ", "<", ">", "</", "/>", '"', "'", "{", "}", "[", "]", "(", ")", ",", ";", "#", "//", "--",
        "name", "value", "é", "\u017fecret", "\u212aey", "İ", "\t", "\\", "<<<", "EOF", "$x", "${X}", "*", "1 md5", "10.0.0.1", "@host", "https://", "?",
    ]
)  # fmt: skip
LINES = st.lists(PIECES, max_size=8).flatmap(
    lambda pieces: st.sampled_from(["", " "]).map(lambda between: between.join(pieces))
)


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


def quickly(line, extra=frozenset()):
    found = look_at(line, body_of(line), extra)
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


def test_of_every_form_that_is_known_and_of_ordinary_lines_the_same_is_said():
    texts = [(HERE / "ordinary.conf").read_text(), Path(__file__).read_text()]
    texts += [
        text for path in HERE.glob("redaction_*.json") for text in strings(json.loads(path.read_text()))
    ]
    lines = {line for text in texts for line in text.split("\n") if len(line) <= secrets.MAX_LINE}
    assert [line for line in lines if slowly(line) != quickly(line)] == []


@given(LINES, st.sampled_from([frozenset(), frozenset({"data", "hunter2a"})]))
def test_of_lines_made_of_names_values_and_marks_the_same_is_said(line, extra):
    assert slowly(line, extra) == quickly(line, extra)
