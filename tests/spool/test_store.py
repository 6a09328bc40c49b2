"""What SQLite hears of a transaction, and when."""

import sqlite3
from contextlib import closing
from functools import partial

import pytest
from spool_examples import record_of

from spool.codec import from_record
from spool.store import Store


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "spool.db")) as opened:
        yield opened


def row(number):
    return from_record(number, number - 1, number - 1, record_of("a"))


def numbers(store):
    return [number for (number,) in store.connection.execute("SELECT number FROM records ORDER BY number")]


def statements(store, *jobs):
    """Return how each statement began that SQLite was given for a transaction."""
    heard = []
    store.connection.set_trace_callback(lambda text: heard.append(text.split()[0]))
    store.begin(durable=True)
    for job in jobs:
        job(store)
    store.commit()
    store.connection.set_trace_callback(None)
    return heard


def appended(*them):
    return [partial(Store.append, rows=[row(number)]) for number in them]


@pytest.mark.parametrize("count", [1, 2, 8])
def test_some_records_are_a_statement_and_no_more(store, count):
    assert statements(store, *appended(*range(1, count + 1))) == ["INSERT"]
    assert numbers(store) == [*range(1, count + 1)]


def test_whatever_is_more_than_some_records_is_a_transaction(store):
    many = statements(store, *appended(*range(1, 10)))
    assert many == ["BEGIN", *["INSERT"] * 9, "COMMIT"]
    with_state = statements(store, *appended(10), Store.touch)
    assert with_state == ["BEGIN", "INSERT", "INSERT", "COMMIT"]
    assert numbers(store) == [*range(1, 11)]


def test_who_asks_for_the_connection_finds_what_was_appended_before(store):
    found = []
    store.begin(durable=True)
    for number in (1, 2):
        store.append([row(number)])
        found.append(numbers(store))
    assert found == [[1], [1, 2]]
    store.rollback()
    assert numbers(store) == []


def test_nothing_is_left_of_what_was_rolled_back_before_sqlite_heard_of_it(store):
    store.begin(durable=True)
    store.append([row(1)])
    store.rollback()
    assert statements(store, lambda store: store.append([row(2)])) == ["INSERT"]
    assert numbers(store) == [2]


@pytest.mark.parametrize("new", [[], [3], [3, 4]])
def test_records_of_which_sqlite_refuses_one_can_be_rolled_back_and_the_next_one_is_kept(store, new):
    statements(store, *appended(1))
    store.begin(durable=True)
    store.append([*map(row, new), row(1)])
    with pytest.raises(sqlite3.IntegrityError):
        store.commit()
    store.rollback()
    assert statements(store, lambda store: store.append([row(2)])) == ["INSERT"]
    assert numbers(store) == [1, 2]
