"""Numbers in sentences: one is no plural."""

import pytest

from collectors._portable import are, counted, were


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 events are"), (1, "1 event is"), (2, "2 events are"), (11, "11 events are")]
)
def test_a_number_and_its_verb_agree(number, words):
    assert are(number, "event") == words
    assert were(number, "event") == words.replace(" is", " was").replace(" are", " were")
    assert counted(number, "directory", "directories").startswith(f"{number} director")
