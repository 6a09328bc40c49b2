"""Invariant 6: whatever happens to the bytes, it opens, and little more than what was touched is lost."""

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from spool_examples import drain, record_of, wait_until

from spool import Position, Rejection, Spool
from spool.repair import wal

RECORDS = 300
DELIVERED = 100
TOUCHED_AT_MOST = 45  # entries on a leaf page, or in a transaction of the -wal, and the next to it
EXAMPLES = int(os.environ.get("STS_AGENT_TORTURE_EXAMPLES", "50"))

DAMAGE = st.tuples(
    st.sampled_from(["spool.db", "spool.db-wal", "spool.db-shm"]),
    st.sampled_from(["flip", "zero", "garbage", "truncate"]),
    st.floats(0, 0.9999),
    st.binary(min_size=16, max_size=16),
)


def entry(index):
    return f"{index:04}-" + f"{index * 7919 * 7919:x}" * 20


ENTRIES = [entry(index) for index in range(RECORDS)]


class Crashed:
    """The files as a crash left them, and the memory that was committed."""

    def __init__(self, directory, memory):
        self.directory = directory
        self.memory = memory

    def __repr__(self):
        return "a crashed spool"


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    """Return a spool as a crash leaves it: half of it in the database, half in the -wal."""
    directory = tmp_path_factory.mktemp("crashed")
    with Spool.open(directory / "live") as spool:
        spool.positions.attach("stackstate", "identity")
        for start in range(0, RECORDS, 10):
            etc = f"/etc/{start % 70}"
            remember = {f"f{etc}//{start}-{index}": os.urandom(40) for index in range(30)}
            remember[f"d{etc}"] = b"digest"
            spool.records.append(
                [record_of(text) for text in ENTRIES[start : start + 10]], owner="files", remember=remember
            )
            if start + 10 == DELIVERED:
                rejection = Rejection(Position(DELIVERED, 0), "n", b"refused", "400", 400)
                spool.records.acknowledge(
                    "stackstate", Position(DELIVERED + 1, 0), delivered=99, rejected=[rejection]
                )
            if start == RECORDS // 2:
                spool._engine.between(
                    lambda store: store.connection.execute("PRAGMA wal_checkpoint").fetchall()
                )
        memory = dict(spool.memory("files").items())
        shutil.copytree(directory / "live", directory / "crashed")
    return Crashed(directory / "crashed", memory)


def harm(path, kind, where, noise):
    size = path.stat().st_size
    at = int(size * where)
    if kind == "truncate":
        os.truncate(path, at)
        return
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(1)
        file.seek(at)
        file.write(
            {"flip": bytes([old[0] ^ 1 << noise[0] % 8]), "zero": bytes(512), "garbage": noise * 32}[kind]
        )


def copy_of(crashed, tmp_path_factory):
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path_factory.mktemp("damaged")
    place = Path(tempfile.mkdtemp(dir=memory, prefix="sts-agent-test-")) / "spool"
    shutil.copytree(crashed, place)
    return place


def drain_through_recoveries(spool: Spool) -> list[str]:
    """Deliver until nothing waits and nothing is being brought back; damage may show in the middle."""
    delivered: list[str] = []
    while True:
        wait_until(lambda: not spool.status().salvaging)
        delivered += drain(spool, "stackstate", max_events=50)
        if not spool.status().salvaging and not spool.records.wait("stackstate", 0):
            return delivered


def reopened(directory: Path):
    """Open, append, wait for the salvage; return what is delivered, the memory and the status."""
    with Spool.open(directory) as spool:
        assert not spool.volatile
        spool.positions.attach("stackstate", "identity")
        memory = dict(spool.memory("files").items())
        spool.records.append([record_of("new")], owner="files", remember={"new": b"1"})
        delivered = drain_through_recoveries(spool)
        return delivered, memory, spool.status(), spool.notices.recoveries()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes and tells no more
)
@given(harms=st.lists(DAMAGE, min_size=1, max_size=3))
def test_damage_is_survived_and_local(crashed, tmp_path_factory, harms):
    remembered = crashed.memory
    directory = copy_of(crashed.directory, tmp_path_factory)
    for name, kind, where, noise in harms:
        if (directory / name).stat().st_size:
            harm(directory / name, kind, where, noise)
    delivered, memory, status, told = reopened(directory)
    shutil.rmtree(directory.parent)
    assert delivered[-1] == "new"
    kept = delivered[:-1]
    assert set(kept) <= set(ENTRIES), "nothing is made up"
    assert kept == sorted(set(kept)), "each once, in order"
    assert all(remembered.get(key) == value for key, value in memory.items())
    if len(memory) < len(remembered):
        assert not memory or told or any(kind == "truncate" for _, kind, _, _ in harms) or _in_wal(harms)
    if all(kind in {"flip", "zero", "garbage"} for _, kind, _, _ in harms):
        lost = set(ENTRIES[DELIVERED:]) - set(kept)
        assert len(lost) <= TOUCHED_AT_MOST * len(harms), (len(lost), sorted(lost)[:3], told)
    destination = status.destinations[0]
    assert destination.waiting_events == 0


def _in_wal(harms):
    return any(name == "spool.db-wal" for name, _, _, _ in harms)


@pytest.mark.parametrize("name", ["spool.db", "spool.db-wal", "spool.db-shm"])
def test_a_missing_file_is_survived(crashed, tmp_path_factory, name):
    directory = copy_of(crashed.directory, tmp_path_factory)
    (directory / name).unlink()
    delivered, _, _, _ = reopened(directory)
    assert delivered[-1] == "new"
    assert set(delivered[:-1]) <= set(ENTRIES)
    if name == "spool.db-shm":
        assert delivered[:-1] == ENTRIES[DELIVERED:]


def test_a_flip_in_the_middle_of_the_wal_costs_no_later_transaction(crashed, tmp_path_factory):
    directory = copy_of(crashed.directory, tmp_path_factory)
    harm(directory / "spool.db-wal", "flip", 0.4, b"\x03" * 16)
    delivered, memory, _, told = reopened(directory)
    assert len(set(ENTRIES[DELIVERED:]) - set(delivered)) <= 20
    assert [recovery.reason for recovery in told] == ["the -wal is damaged"]
    assert memory


def test_a_torn_last_transaction_is_what_a_power_cut_leaves(crashed, tmp_path_factory):
    directory = copy_of(crashed.directory, tmp_path_factory)
    path = directory / "spool.db-wal"
    frames = wal._frames(path.read_bytes())
    os.truncate(path, frames[-1].offset + 2000)
    delivered, _, _, told = reopened(directory)
    assert delivered[:-1] == ENTRIES[DELIVERED : RECORDS - 10]
    assert not told


def test_damage_that_is_found_while_it_runs_is_news_at_once(open_spool):
    spool = open_spool()
    news = []
    spool.notices.on_news(lambda: news.append(spool.notices.has_news))
    spool.records.append([record_of("a")])
    spool.records.append([record_of("b")], owner="files", remember={"k": b"v"})
    assert not spool.notices.has_news
    spool._engine.between(
        lambda store: store.connection.execute("UPDATE records SET name = 'x' WHERE number = 1")
    )
    assert drain(spool, "stackstate") == ["b"]
    assert news == [True]
    (found,) = spool.notices.recoveries()
    assert "checksum" in found.reason
    spool.notices.tell_recoveries([found])
    assert not spool.notices.has_news
    assert [kept.reason for kept in spool.status().recoveries] == [found.reason], "status goes on showing it"
    spool._engine.between(lambda store: store.connection.execute("UPDATE memory SET value = x'00'"))
    assert spool.memory("files").get("k") is None
    assert news == [True, True]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE memory SET value = CAST(value AS TEXT)",
        "UPDATE memory SET value = NULL",
        "UPDATE memory SET value = 7",
        "UPDATE memory SET value = x'77'",
        "UPDATE memory SET value = (SELECT value FROM memory WHERE key = CAST('k31' AS BLOB))",
        "UPDATE memory SET key = CAST('k-30' AS BLOB)",
        "UPDATE memory SET crc = crc + 1",
        "UPDATE memory SET crc = NULL",
        "DELETE FROM memory",
    ],
)
def test_one_row_of_the_memory_that_is_not_as_it_was_stored_has_its_owner_begin_anew(tmp_path, damage):
    remember = {f"k{number}": b"value %d" % number for number in range(1000)}
    with Spool.open(tmp_path) as spool:
        spool.records.append([record_of("a")], owner="files", remember=remember)
        spool.records.append([record_of("b")], owner="services", remember={"k30": b"x"})
    with Spool.open(tmp_path) as spool:
        assert dict(spool.memory("files").items()) == remember
    with sqlite3.connect(tmp_path / "spool.db") as connection:
        connection.execute(f"{damage} WHERE key = CAST('k30' AS BLOB) AND owner = 'files'")
    connection.close()
    with Spool.open(tmp_path) as spool:
        assert dict(spool.memory("files").items()) == {}
        assert spool.memory("services").get("k30") == b"x"
