"""What docs/reliability.md names as proof exists, and every promise says how it is shown under the unit."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/reliability.md").read_text()
_FILE = re.compile(r"`(tests/[\w/]+\.py)`")
_TEST = re.compile(r"`(test_\w+)`")


def promises():
    """Yield the cells of each row of the table of promises."""
    table = TEXT.partition("## The promises")[2].partition("###")[0]
    for line in table.splitlines():
        if line.startswith("|") and not line.startswith(("| promise", "|--")):
            yield [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("row", [*promises()], ids=lambda row: row[0][:50])
def test_each_promise_names_its_tests_and_those_under_the_unit_or_why_there_are_none(row):
    _, shown, under_the_unit = row
    assert _FILE.findall(shown)
    if under_the_unit == "the same":
        under_the_unit = shown
    on_hosts = [name for name in _FILE.findall(under_the_unit) if name.startswith("tests/host/")]
    assert on_hosts or under_the_unit.startswith("no: ")


@pytest.mark.parametrize("name", sorted(set(_FILE.findall(TEXT))))
def test_every_file_of_tests_that_is_named_exists(name):
    assert (ROOT / name).is_file()


def test_every_test_that_is_named_exists():
    written = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in _TEST.findall(TEXT) if f"def {name}(" not in written] == []
