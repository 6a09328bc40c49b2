"""Who only looks at a damaged spool sees what lies around the damage."""

import shutil

import pytest
from spool_examples import record_of

from spool import Position, Rejection, Spool, SpoolReader
from spool.schema import PAGE_BYTES

RECORDS = 400
ON_ONE_PAGE = 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole") / "spool"
    with Spool.open(directory) as spool:
        spool.positions.attach("stackstate", "identity")
        for index in range(RECORDS):
            spool.records.append(
                [record_of(f"{index:04}", tags=(f"t:{index:0300}",))], owner="o", remember={"k": b"v"}
            )
        rejections = [Rejection(Position(1, 0), "n", b"x" * 900, f"{index}") for index in range(40)]
        spool.records.acknowledge("stackstate", Position(2, 0), delivered=0, rejected=rejections)
    return directory


def numbers_of(reader, **options):
    return [stored.number for stored in reader.records(**options)]


def test_whatever_page_is_damaged_the_others_are_shown_in_order_both_ways(whole, tmp_path):
    directory = tmp_path / "spool"
    shutil.copytree(whole, directory)
    original = (whole / "spool.db").read_bytes()
    near = 0
    for page in range(1, len(original) // PAGE_BYTES):
        damaged = bytearray(original)
        damaged[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = b"\xa7" * PAGE_BYTES
        (directory / "spool.db").write_bytes(damaged)
        with SpoolReader.open(directory) as reader:
            numbers = numbers_of(reader)
            assert numbers == sorted(set(numbers))
            backwards = numbers_of(reader, newest_first=True)
            assert backwards == sorted(backwards, reverse=True)
            assert len(set(numbers) ^ set(backwards)) <= 1, "but for the one at the border"
            near += RECORDS - ON_ONE_PAGE <= len(numbers) < RECORDS
            assert (len(numbers) < RECORDS) <= (reader.passed_by > 0)
            status = reader.status()
            assert len(list(reader.rejected())) <= 40
            assert status.size_bytes > 0
    assert near > 20, "damage of one page of records hides the records of that page alone"


def test_status_says_that_it_could_not_read_everything(whole, tmp_path):
    directory = tmp_path / "spool"
    shutil.copytree(whole, directory)
    with SpoolReader.open(directory) as reader:
        status = reader.status()
        assert not status.unreadable
        root = reader._connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'records'"
        ).fetchone()[0]
    with (directory / "spool.db").open("r+b") as file:
        file.seek((root - 1) * PAGE_BYTES)
        file.write(b"\xa7" * PAGE_BYTES)
    with SpoolReader.open(directory) as reader:
        damaged = reader.status()
    assert damaged.unreadable
    assert damaged.rejected == 40
    assert damaged.destinations[0].rejected_total == 40
