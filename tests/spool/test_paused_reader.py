"""A reader that stops in the middle (`sts-agent log | less`) holds nothing up and lets nothing grow."""

import os

from spool_examples import record_of

from spool import Options, SpoolReader

MIB = 1024 * 1024


def test_a_paused_reader_neither_blocks_the_writer_nor_grows_the_wal(open_spool, tmp_path):
    spool = open_spool(Options())
    for number in range(50):
        spool.records.append([record_of(f"{number}")])
    with SpoolReader.open(tmp_path / "spool") as reader:
        records = reader.records()
        first = next(records)
        for _ in range(60):
            spool.records.append([record_of(os.urandom(128 * 1024).hex())])
        written = (tmp_path / "spool" / "spool.db").stat().st_size
        wal = (tmp_path / "spool" / "spool.db-wal").stat().st_size
        assert first.number == 1
        assert wal <= 6 * MIB < written
        assert [stored.number for stored in records][:49] == list(range(2, 51))
