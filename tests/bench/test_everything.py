"""The table and the pictures of `make bench` say what was measured: ratios the right way round, lines where the points are."""

import re
from xml.etree import ElementTree as ET

import everything
import growth
import pytest
from plot import Plot, short
from rows import HEAD, RULE, Row, between, figure


def test_a_ratio_is_above_one_where_this_agent_does_better():
    assert Row("events", "1/s", 30, "syslog-ng", 10, more_is_better=True).ratio == 3
    assert Row("time", "ms", 30, "syslog-ng", 10).ratio == pytest.approx(1 / 3)


def test_where_nothing_compares_there_is_no_ratio_and_no_figure_beside():
    row = Row("memory", "MiB", 36.4)
    assert row.ratio is None
    assert row.line() == "| memory | MiB | 36.4 |  |  |  |  |  | 0.0 |"


def test_a_goal_is_met_or_missed_in_the_direction_that_is_better_and_stands_beside_its_floor():
    assert Row("memory", "MiB", 36.4).within(40, 23.9).line() == (
        "| memory | MiB | 36.4 | at most 40: met | 23.9 |  |  |  | 0.0 |"
    )
    assert Row("memory", "MiB", 40.4).within(40).goal == "at most 40: **missed**"
    events = Row("events", "1/s", 30, "syslog-ng", 31, more_is_better=True)
    assert events.within(30).goal == "at least 30: met"
    assert events.within_times(1).goal == "at least 1x: **missed**"
    assert Row("first look", "s", 2.4, "sha256sum", 1).within_times(2.5).goal == "at most 2.5x: met"


def test_a_row_has_a_cell_for_each_head_also_where_a_name_has_a_bar_in_it():
    line = Row("a file changes", "ms", 104.4, "inotifywait -m | curl", 8, load=0.4).line()
    cells = re.split(r"(?<!\\)\|", line)
    assert len(cells) == len(HEAD.split("|")) == len(RULE.split("|"))
    assert cells[6] == r" inotifywait -m \| curl "


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0123456, "0.0123"), (36.44, "36.4"), (1234567.8, "1 234 568")]
)
def test_a_figure_has_three_digits_that_count(value, shown):
    assert figure(value) == shown


def test_a_new_table_takes_the_place_of_the_old_one_and_of_nothing_else():
    text = (everything.DOCS / "benchmarks.md").read_text()
    marks = everything.BEGIN, everything.END
    once = between(text, *marks, ["| new |"])
    assert between(once, *marks, ["| new |"]) == once
    assert once.count("| new |") == 1
    assert once.partition(marks[0])[0] == text.partition(marks[0])[0]
    assert once.partition(marks[1])[2] == text.partition(marks[1])[2]
    with pytest.raises(ValueError, match="no <!-- make bench"):
        between("a document without marks", *marks, [])


def drawn(*costs):
    svg = Plot("Backlog", "events", "µs", {"taken in": list(zip((10, 100, 1000), costs, strict=True))}).svg()
    line = ET.fromstring(svg).find("{*}polyline")
    return [tuple(map(float, point.split(","))) for point in line.get("points").split()]


def test_sizes_that_grow_by_a_factor_are_equally_far_apart_and_a_cost_that_is_flat_is_flat():
    (x1, y1), (x2, y2), (x3, y3) = drawn(5, 5, 5)
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.2)
    assert y1 == y2 == y3


def test_twice_the_cost_is_twice_as_high_above_zero():
    (_, low), (_, high), (_, zero) = drawn(5, 10, 0)
    assert zero - high == pytest.approx(2 * (zero - low), abs=0.2)


@pytest.mark.parametrize(("value", "shown"), [(8, "8"), (1500, "1.5k"), (1_000_000, "1M"), (0, "0")])
def test_an_axis_says_sizes_briefly(value, shown):
    assert short(value) == shown


def test_one_destination_becomes_so_many_and_nothing_else_changes(tmp_path):
    agent = growth.delivery.ThisAgent()
    agent.configure(tmp_path, 9)
    before = (tmp_path / "agent.yaml").read_text()
    growth.multiply(tmp_path / "agent.yaml", 3)
    after = (tmp_path / "agent.yaml").read_text()
    assert re.findall(r"^  (sink-\d):$", after, re.MULTILINE) == ["sink-0", "sink-1", "sink-2"]
    assert after.count("api_key: bench") == 3
    assert after.partition("spool:")[2] == before.partition("spool:")[2]
