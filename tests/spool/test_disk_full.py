"""A file system that is really full: the spool goes on, drops the oldest and counts them, and recovers."""

import os
import subprocess
from pathlib import Path

import pytest
from spool_examples import drain, record_of

from spool import Options, Spool, SpoolError, SpoolFull, stored_bytes

MEBIBYTE = 1024 * 1024
OPTIONS = Options(max_size_bytes=512 * MEBIBYTE)


def big(index):
    return record_of(f"{index:05}" + os.urandom(20_000).hex())


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 16 MiB; leave it filled by nobody."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=16m,nr_inodes=200", "tmpfs", str(place)],
            check=False,
            capture_output=True,
        ).returncode
    )
    if not mounted:
        if os.environ.get("STS_AGENT_REQUIRE_HOST_TESTS") == "1":
            pytest.fail("cannot mount a tmpfs here")
        pytest.skip("needs root and the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """Take all that is left of the disk."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    return filler


def opened(place, options=OPTIONS):
    spool = Spool.open(place / "spool", options)
    spool.positions.attach("stackstate", "identity")
    return spool


def test_a_disk_that_fills_up_drops_the_oldest_and_counts_them(small_disk):
    with opened(small_disk) as spool:
        for index in range(1000):
            spool.records.append([big(index)])
        kept = [entry[:5] for entry in drain(spool, "stackstate")]
        assert kept == [f"{index:05}" for index in range(1000 - len(kept), 1000)]
        assert len(kept) > 100
        assert spool.status().drops == {("stackstate", "disk_full"): 1000 - len(kept)}


def test_a_disk_that_others_fill_stops_nothing_and_the_reserve_comes_back(small_disk):
    with opened(small_disk) as spool:
        for index in range(100):
            spool.records.append([big(index)])
        filler = fill(small_disk)
        for index in range(100, 400):
            spool.records.append([big(index)], owner="files", remember={"last": b"%d" % index})
        assert spool.memory("files").get("last") == b"399"
        status = spool.status().destinations[0]
        assert status.waiting_events + sum(status.dropped.values()) == 400
        assert set(status.dropped) == {"disk_full"}
        filler.unlink()
        spool.housekeeping(trusted_time=False)
        assert (small_disk / "spool/reserve").stat().st_size == 2 * MEBIBYTE
        kept = [entry[:5] for entry in drain(spool, "stackstate")]
        assert kept == [f"{index:05}" for index in range(400 - len(kept), 400)]


def test_what_was_acknowledged_on_a_full_disk_is_there_after_a_restart(small_disk):
    with opened(small_disk) as spool:
        for index in range(60):
            spool.records.append([big(index)])
        fill(small_disk)
        batch = spool.records.read("stackstate", max_events=20, max_bytes=1 << 30)
        spool.records.acknowledge("stackstate", batch.upto, delivered=batch.events)
    with opened(small_disk) as spool:
        assert not spool.volatile
        assert drain(spool, "stackstate")[0][:5] == f"{batch.events:05}"


def test_reject_new_refuses_on_a_full_disk_and_takes_again_later(small_disk):
    with opened(small_disk, Options(max_size_bytes=512 * MEBIBYTE, when_full="reject_new")) as spool:
        with pytest.raises(SpoolFull):
            _append_until_refused(spool)
        kept = spool.status().events
        drained = drain(spool, "stackstate")
        assert [entry[:5] for entry in drained] == [f"{index:05}" for index in range(kept)]
        assert spool.status().drops == {}
        spool.records.append([big(0)])


def test_a_start_on_a_full_disk_is_a_start(small_disk):
    with opened(small_disk) as spool:
        for index in range(50):
            spool.records.append([big(index)])
    fill(small_disk)
    with opened(small_disk) as spool:
        assert not spool.volatile
        assert len(drain(spool, "stackstate")) == 50
        spool.records.append([big(50)])


def test_a_first_start_on_a_full_disk_is_volatile(small_disk):
    (small_disk / "spool").mkdir()
    fill(small_disk)
    with opened(small_disk) as spool:
        spool.records.append([big(1)])
        assert spool.volatile


def test_without_inodes_it_goes_on(small_disk):
    with opened(small_disk) as spool:
        spool.records.append([big(1)])
        _take_all_inodes(small_disk)
        for index in range(100):
            spool.records.append([big(index)])
        spool.housekeeping(trusted_time=False)
    with opened(small_disk) as spool:
        assert len(drain(spool, "stackstate")) == 101


def _append_until_refused(spool):
    for index in range(2000):
        spool.records.append([big(index)], refusable_bytes=stored_bytes([big(index)]))


def _take_all_inodes(place):
    for index in range(1000):
        try:
            (place / f"inode-{index}").touch()
        except OSError:
            return


def test_a_volatile_spool_says_what_to_do(small_disk, caplog):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with Spool.open(small_disk / "spool") as spool:
        assert "Read-only file system" in spool.volatile
    assert "LOST" in caplog.text


def test_a_file_system_that_turns_read_only_refuses_and_loses_nothing(small_disk):
    spool = opened(small_disk)
    spool.records.append([big(1)])
    with pytest.raises(SpoolError):
        _with_read_only(spool)
    spool.close()


def _with_read_only(spool):
    spool._engine.between(lambda store: store.connection.execute("PRAGMA query_only = ON").fetchall())
    spool.records.append([big(2)])
