"""`sts-agent log` shows around what an older version let in and it cannot read itself."""

import json

import pytest

from agent import cli
from spool import Record, Spool, compress

INNER_PAGE_OF_A_TABLE = 5
"""The first byte of one, in SQLite's format."""

ODD = {
    "beyond": b'{"msg_title":"odd","timestamp":5,"context":{"data":{"x":1e999}}}',
    "half": b'{"msg_title":"odd \\ud800 text","timestamp":5}',
    "deep": b'{"msg_title":"odd","timestamp":5,"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "wide": b'{"msg_title":"odd","timestamp":5,"x":' + b"9" * 5000 + b"}",
    "no utf-8": b'{"msg_title":"odd \xff","timestamp":5}',
    "no object": b"[1]",
    "no json": b"{nonsense",
}


@pytest.fixture
def log(tmp_path, capsys):
    def run(*words):
        configuration = tmp_path / "agent.yaml"
        configuration.write_text(f"spool: {{directory: {tmp_path}/spool}}\n")
        assert cli.main(["--config", str(configuration), "log", *words]) == 0
        return capsys.readouterr().out.splitlines()

    return run


def row(body: bytes) -> Record:
    return Record(
        name="custom",
        count=1,
        first_time=5,
        last_time=5,
        event_types=("T",),
        tags=(),
        hostname="h",
        boot_id="b",
        boottime=1.0,
        captured=5.0,
        clock_trusted=True,
        segment=compress(body),
    )


@pytest.mark.parametrize("words", [[], ["--json"], ["--diff"], ["-n", "3"], ["--type", "T"]])
@pytest.mark.parametrize("odd", ODD)
def test_a_row_that_cannot_be_read_is_one_line_among_others(tmp_path, log, odd, words):
    fine = json.dumps({"msg_title": "fine", "event_type": "T", "timestamp": 5}).encode()
    with Spool.open(tmp_path / "spool") as spool:
        spool.records.append([row(fine), row(ODD[odd]), row(fine)])
    lines = log(*words)
    assert len([line for line in lines if "fine" in line]) == 2
    assert all(line.isprintable() for line in lines)


def test_what_only_some_readers_refuse_is_shown(tmp_path, log):
    with Spool.open(tmp_path / "spool") as spool:
        spool.records.append([row(ODD["beyond"])])
    assert log()[0].endswith("odd")


def test_what_is_left_out_for_damage_is_said_also_where_that_is_everything(tmp_path, capsys):
    configuration = tmp_path / "agent.yaml"
    configuration.write_text(f"spool: {{directory: {tmp_path}/spool}}\n")
    with Spool.open(tmp_path / "spool") as spool:
        for number in range(60):
            spool.records.append([row(b'{"msg_title":"%d %b"}' % (number, b"x" * 600))])
    database = tmp_path / "spool/spool.db"
    data = database.read_bytes()
    inner = next(at for at in range(4096, len(data), 4096) if data[at] == INNER_PAGE_OF_A_TABLE)
    database.write_bytes(data[:inner] + bytes(4096) + data[inner + 4096 :])
    assert cli.main(["--config", str(configuration), "log"]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) < 60
    assert "parts of the history are damaged" in said.err
