"""A start goes by the totals of groups of rows; the rows of a group are verified before one of them is believed."""

import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spool_examples import record_of, wait_until

from spool import Spool
from spool.groups import group_of, keeper_of

DIRECTORIES = ("/etc", "/etc/a", "/etc/a-b", "/srv")
REMEMBER = {
    "=scope": b"",
    **{f"d{directory}": b"digest" for directory in DIRECTORIES},
    **{f"f{directory}//{name}": b"value of %d" % name for directory in DIRECTORIES for name in range(700)},
}
KEY = "f/etc/a//30"


class Lost(Exception):  # noqa: N818 - what became of the memory
    """Raised by whoever is told."""


def raise_lost():
    raise Lost


def execute(directory, *statements):
    with sqlite3.connect(directory / "spool.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def groups_in(directory):
    """Return what is remembered of groups, and what the totals of that are."""
    with sqlite3.connect(directory / "spool.db") as connection:
        keeper = (keeper_of("files"),)
        rows = dict(connection.execute("SELECT key, value FROM memory WHERE owner = ?", keeper))
        totals = connection.execute("SELECT * FROM owners WHERE owner = ?", keeper).fetchall()
    connection.close()
    return rows, totals


@pytest.fixture
def filled(tmp_path):
    """Make a spool in which four directories of files are remembered, and their digests."""
    with Spool.open(tmp_path) as spool:
        spool.records.append([record_of("a")], owner="files", remember=REMEMBER)
        spool.records.append([record_of("b")], owner="services", remember={"k30": b"x"})
    return tmp_path


DAMAGES = {
    "changed": "UPDATE memory SET value = x'77' WHERE key = CAST('f/etc/a//30' AS BLOB)",
    "of another type": "UPDATE memory SET value = 7 WHERE key = CAST('f/etc/a//30' AS BLOB)",
    "gone": "DELETE FROM memory WHERE key = CAST('f/etc/a//30' AS BLOB)",
    "beside it gone": "DELETE FROM memory WHERE key = CAST('f/etc/a//31' AS BLOB)",
    "of another name": "UPDATE memory SET key = CAST('f/etc/a//x' AS BLOB) WHERE key = CAST('f/etc/a//31' AS BLOB)",
    "one too many": "INSERT INTO memory SELECT owner, CAST('f/etc/a//x' AS BLOB), crc, value FROM memory"
    " WHERE key = CAST('f/etc/a//31' AS BLOB)",
    "all gone": "DELETE FROM memory WHERE key > CAST('f/etc/a//' AS BLOB) AND key < CAST('f/etc/a/0' AS BLOB)",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize(
    "look",
    [
        lambda memory: memory.get(KEY),
        lambda memory: memory.get("f/etc/a//no such file"),
        lambda memory: next(memory.items("f/etc/a//"), None),
        lambda memory: next(memory.items("f/etc//"), None) and next(memory.items("f"), None),
        lambda memory: dict(memory.items()),
    ],
)
def test_a_row_of_a_group_that_is_not_as_it_was_stored_is_found_before_any_of_the_group_is_believed(
    filled, damage, look
):
    execute(filled, damage)
    with Spool.open(filled) as spool:
        memory = spool.memory("files", on_lost=raise_lost)
        assert memory.get("d/etc/a") == b"digest", "nobody has asked for the rows yet"
        assert memory.get("f/etc//5") == b"value of 5", "another group is not concerned"
        assert not spool.notices.recoveries()
        with pytest.raises(Lost):
            look(memory)
        (told,) = spool.notices.recoveries()
        assert told.memory_lost == ("files",)
        with pytest.raises(Lost):
            memory.get("d/etc/a")  # whoever went by it may not go on
        assert dict(spool.memory("files", on_lost=raise_lost).items()) == {}, "who comes then begins anew"
        assert spool.memory("services").get("k30") == b"x"
        assert groups_in(filled) == ({}, [])


def test_who_does_not_ask_to_be_told_finds_an_empty_memory_that_can_be_filled_again(filled):
    execute(filled, DAMAGES["changed"])
    with Spool.open(filled) as spool:
        memory = spool.memory("files")
        assert memory.get(KEY) is None
        spool.records.append([], owner="files", remember={KEY: b"anew"})
        assert dict(memory.items()) == {KEY: b"anew"}
        assert len(spool.notices.recoveries()) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE memory SET value = x'77' WHERE key = CAST('d/etc' AS BLOB)",
        "DELETE FROM memory WHERE key = CAST('=scope' AS BLOB)",
        "DELETE FROM memory WHERE key = CAST('d/srv' AS BLOB)",
        "UPDATE owners SET digest = digest + 1 WHERE owner = 'files'",
        "DELETE FROM owners WHERE owner = 'files'",
    ],
)
def test_what_is_in_no_group_is_verified_at_the_start(filled, damage):
    execute(filled, damage)
    with Spool.open(filled) as spool:
        memory = spool.memory("files", on_lost=raise_lost)
        assert spool.notices.recoveries()[0].memory_lost == ("files",)
        assert dict(memory.items()) == {}, "a start that finds it begins anew at once"


KEEPERS = {
    "none, as an earlier version leaves it": (
        "DELETE FROM memory WHERE owner = 'files/groups'",
        "DELETE FROM owners WHERE owner = 'files/groups'",
    ),
    "one changed": (
        "UPDATE memory SET value = x'00' WHERE owner = 'files/groups' AND key = CAST('f/etc/a//' AS BLOB)",
    ),
    "one gone": ("DELETE FROM memory WHERE owner = 'files/groups' AND key = CAST('f/etc/a//' AS BLOB)",),
    "the last gone": ("DELETE FROM memory WHERE owner = 'files/groups' AND key = CAST('f/srv//' AS BLOB)",),
    "their totals changed": ("UPDATE owners SET digest = digest + 1 WHERE owner = 'files/groups'",),
}


@pytest.mark.parametrize("damage", KEEPERS.values(), ids=KEEPERS)
def test_totals_of_groups_that_do_not_fit_whole_rows_are_made_anew_and_nothing_is_lost(filled, damage):
    whole = groups_in(filled)
    execute(filled, *damage)
    with Spool.open(filled) as spool:
        assert spool.memory("files", on_lost=raise_lost).get(KEY) == b"value of 30"
        assert not spool.notices.recoveries()
    assert groups_in(filled) == whole
    with Spool.open(filled) as spool:
        assert dict(spool.memory("files", on_lost=raise_lost).items()) == REMEMBER


@pytest.mark.parametrize("damage", KEEPERS.values(), ids=KEEPERS)
def test_totals_of_groups_that_are_damaged_while_it_runs_cost_nothing_either(filled, damage):
    with Spool.open(filled) as spool:
        memory = spool.memory("files", on_lost=raise_lost)
        for statement in damage:
            spool._engine.between(lambda store, statement=statement: store.connection.execute(statement))
        spool.records.append([], owner="files", remember={"f/etc/a//new": b"new"})
        assert memory.get(KEY) == b"value of 30"
        assert dict(memory.items()) == REMEMBER | {"f/etc/a//new": b"new"}
        assert not spool.notices.recoveries()
    with Spool.open(filled) as spool:
        assert dict(spool.memory("files", on_lost=raise_lost).items()) == REMEMBER | {"f/etc/a//new": b"new"}


def test_rows_behind_the_back_of_their_groups_as_an_earlier_version_leaves_them_lose_nothing(filled):
    with Spool.open(filled) as spool:
        before = groups_in(filled)
        spool.records.append([], owner="files", remember={"f/etc/a//new": b"new", KEY: None})
    with sqlite3.connect(filled / "spool.db") as connection:
        owner = keeper_of("files")
        for key, value in before[0].items():
            connection.execute("UPDATE memory SET value = ? WHERE owner = ? AND key = ?", (value, owner, key))
    connection.close()
    with Spool.open(filled) as spool:
        found = dict(spool.memory("files", on_lost=raise_lost).items())
        assert found == {key: value for key, value in REMEMBER.items() if key != KEY} | {
            "f/etc/a//new": b"new"
        }
        assert not spool.notices.recoveries()


def test_the_rows_of_a_group_are_read_when_one_is_asked_for_and_once(filled):
    with Spool.open(filled) as spool:
        memory = spool.memory("files", on_lost=raise_lost)
        read = []
        spool._engine.read(lambda connection: connection.set_trace_callback(read.append))
        memory.get("d/etc")
        assert len(read) == 1
        memory.get(KEY)
        assert sum("LIMIT" in statement for statement in read) == 2, "700 rows are two pages"
        read.clear()
        memory.get("f/etc/a//31")
        assert len(read) == 1


def test_a_damaged_page_that_is_met_while_it_runs_has_whoever_goes_by_it_begin_anew(filled):
    with sqlite3.connect(filled / "spool.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'memory'").fetchone()[0]
    connection.close()
    data = bytearray((filled / "spool.db").read_bytes())
    at = next(
        start
        for start in range(0, len(data), 4096)
        if start != (root - 1) * 4096 and b"f/srv//30" in data[start : start + 4096]
    )
    data[at : at + 100] = b"\xff" * 100
    (filled / "spool.db").write_bytes(data)
    with Spool.open(filled) as spool:
        memory = spool.memory("files", on_lost=raise_lost)
        assert memory.get("f/etc//5") == b"value of 5"
        with pytest.raises(Lost):
            memory.get("f/srv//30")
        wait_until(lambda: not spool.status().salvaging)
        assert spool.notices.recoveries()[0].memory_lost == ("files",)
        assert dict(spool.memory("files", on_lost=raise_lost).items()) == {}


def test_totals_of_groups_that_a_recovery_cannot_copy_are_nothing_lost(filled):
    whole = groups_in(filled)
    execute(filled, *KEEPERS["one changed"])
    with sqlite3.connect(filled / "spool.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with (filled / "spool.db").open("r+b") as file:
        file.write(bytes(100))
    with Spool.open(filled) as spool:
        wait_until(lambda: not spool.status().salvaging)
        (told,) = spool.notices.recoveries()
        assert told.memory_lost == ()
        assert dict(spool.memory("files", on_lost=raise_lost).items()) == REMEMBER
    assert groups_in(filled) == whole


def test_who_forgets_all_of_an_owner_forgets_its_groups(filled):
    with Spool.open(filled) as spool:
        spool.forget("files")
    assert groups_in(filled) == ({}, [])


KEYS = st.sampled_from([f"f/{directory}//{name}" for directory in "ab" for name in "xyz"] + ["d/a", "=k"])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(st.dictionaries(KEYS, st.none() | st.binary(max_size=9), max_size=5), max_size=6))
def test_whatever_is_remembered_and_forgotten_the_groups_are_those_of_the_rows(tmp_path_factory, changes):
    directory = tmp_path_factory.mktemp("spool")
    kept = {}
    with Spool.open(directory) as spool:
        for remember in changes:
            spool.records.append([], owner="files", remember=remember)
            kept = {key: value for key, value in (kept | remember).items() if value is not None}
    held = groups_in(directory)
    assert set(held[0]) == {group_of(key.encode()) for key in kept} - {b""}
    with Spool.open(directory) as spool:
        for key in kept:
            assert spool.memory("files", on_lost=raise_lost).get(key) == kept[key]
        assert dict(spool.memory("files", on_lost=raise_lost).items()) == kept
    assert groups_in(directory) == held


def test_a_key_is_in_the_group_of_what_stands_before_the_first_two_slashes():
    assert group_of(b"f/etc//passwd") == b"f/etc//"
    assert group_of(b"f//vmlinuz") == b"f//"
    assert group_of(b"//") == b"//"
    assert group_of(b"f/etc//a//b") == b"f/etc//"
    assert group_of(b"d/etc") == group_of(b"") == group_of(b"/") == b""
