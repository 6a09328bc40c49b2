"""A row carries the checksum of all its columns as they are stored, whatever they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spool.table import checksum
from spool.tables import RECORDS, REJECTED, SET_ASIDE

TABLES = [RECORDS, REJECTED, SET_ASIDE]
VALUES = st.none() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(max_size=5)


def values_of(table):
    return st.lists(VALUES, min_size=table._count - 3, max_size=table._count - 3)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@given(st.data(), st.integers(), st.binary())
def test_the_checksum_of_a_row_is_that_of_its_table_and_its_columns_in_order(table, data, number, blob):
    values = data.draw(values_of(table))
    row = table.sealed(number, values, blob)
    assert row[1] == checksum(table.name, (number, *values), blob) == table.checksum(row)
    assert table.is_whole(row)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_row_with_another_value_in_any_column_is_not_whole(table):
    row = table.sealed(1, [7] * (table._count - 3), b"7")
    for at in range(len(row)):
        other = b"8" if at == len(row) - 1 else 8
        assert not table.is_whole((*row[:at], other, *row[at + 1 :]))
    assert not table.is_whole(row[:-1])
    assert not table.is_whole((*row, 7))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@given(st.data())
def test_rows_read_one_after_another_are_each_as_whole_as_they_are_alone(table, data):
    """Neighbours that have much in common, some of them with a column of another one."""
    size = table._count - 3
    kinds = data.draw(
        st.lists(st.lists(st.text(max_size=3), min_size=size, max_size=size), min_size=1, max_size=2)
    )
    is_whole = table.whole_in_turn()
    for number in range(6):
        values = list(data.draw(st.sampled_from(kinds)))
        values[data.draw(st.integers(0, size - 1))] = data.draw(st.sampled_from(["a", "\x1f", "%s"]))
        row = list(table.sealed(number, values, b"blob"))
        if data.draw(st.booleans()):
            row[data.draw(st.integers(0, len(row) - 1))] = data.draw(st.sampled_from(["b", b"b", None]))
        row = tuple(row) if data.draw(st.booleans()) else (*row, 1)[: data.draw(st.integers(0, len(row) + 1))]
        assert is_whole(row) == table.is_whole(row)
