"""What `make attacks` does and what docs/reliability.md shows of it are the same attacks."""

from pathlib import Path

import pytest
from attack_kinds import ATTACKS

RELIABILITY = Path(__file__).parents[2] / "docs/reliability.md"


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_every_attack_has_its_figures_in_the_table(attack):
    title = str(attack.__doc__).partition("\n")[0].rstrip(".")
    row = next(line for line in RELIABILITY.read_text().splitlines() if line.startswith(f"| {title} |"))
    inputs, deaths, *_ = (cell.strip() for cell in row.strip("|").split("|")[1:])
    assert int(inputs.replace(",", "")) > 0
    assert int(deaths) == 0
