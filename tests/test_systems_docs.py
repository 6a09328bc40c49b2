"""Each feature that docs/systems.md lists names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/systems.md").read_text()
TESTS: dict[str, str] = {}
for path in (ROOT / "tests").rglob("test_*.py"):
    TESTS[path.name] = TESTS.get(path.name, "") + path.read_text()
ROWS = [line for line in TEXT.splitlines() if line.startswith("|") and ".py" in line]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:50])
def test_each_test_of_a_row_exists_in_the_file_that_the_row_names(row):
    file = ""
    for word in re.findall(r"test_\w+(?:\.py)?", row):
        if word.endswith(".py"):
            file = word
            assert file in TESTS
        else:
            assert f"def {word}(" in TESTS[file], f"{word} is not in {file}"


def test_every_system_has_its_tables():
    from agent.systems.registry import SYSTEMS

    titles = re.findall(r"^## (\w+)", TEXT, re.MULTILINE)
    assert {name.lower() for name in titles} == SYSTEMS.keys()
