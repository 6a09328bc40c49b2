"""What an owner stamps is there after a crash, a power loss and damage, or what it stamped before; never anything else."""

import os
import tempfile
from pathlib import Path
from random import Random

import pytest
from disk_model import cut_at, record
from spool_victim import run_victim

from spool import Spool, SpoolError, Stamp
from spool.stamp import MOST_BYTES, SUFFIXES

CUTS = int(os.environ.get("STS_AGENT_POWER_CUTS", "1000"))
STAMPS = 30
CHILD = """
import os, sys
from pathlib import Path
from spool import Stamp
stamp = Stamp(Path(sys.argv[1]), "host")
for number in range(int(sys.argv[2])):
    stamp.write(b"%d " % number + bytes([number]) * (number * 131 % 4000))
    os.write(1, b"%d\\n" % number)
"""


def test_the_newest_is_read_also_by_the_next_process(tmp_path):
    assert Stamp(tmp_path, "host").read() is None
    for number in range(5):
        Stamp(tmp_path, "host").write(b"%d" % number)
        assert Stamp(tmp_path, "host").read() == b"%d" % number
    assert Stamp(tmp_path, "services").read() is None


def test_what_was_stamped_survives_sigkill_at_once(tmp_path):
    def work(_tell):
        with Spool.open(tmp_path) as spool:
            spool.stamp("host").write(b"seen")
            os._exit(0)

    run_victim(work)
    with Spool.open(tmp_path) as spool:
        assert spool.stamp("host").read() == b"seen"


def test_damage_of_the_newer_leaves_the_older_and_of_both_nothing(tmp_path):
    random = Random(20261127)
    for _ in range(200):
        stamp = Stamp(tmp_path, "host")
        stamp.write(b"older")
        stamp.write(b"newer")
        files = [tmp_path / f"host{suffix}" for suffix in SUFFIXES]
        newer, older = sorted(files, key=lambda path: b"newer" not in path.read_bytes())
        for path, left in ((newer, b"older"), (older, None)):
            _damage(path, random)
            assert Stamp(tmp_path, "host").read() == left
        stamp.write(b"again")
        assert Stamp(tmp_path, "host").read() == b"again"


def _damage(path: Path, random: Random) -> None:
    page = bytearray(path.read_bytes())
    match random.randrange(4):
        case 0:
            page[random.randrange(25)] ^= 1 << random.randrange(8)
        case 1:
            page = bytearray(random.randbytes(len(page)))
        case 2:
            del page[random.randrange(len(page)) :]
        case _:
            page = bytearray(len(page))
    path.write_bytes(page)


def test_a_power_loss_takes_nothing_that_was_stamped_before_and_brings_nothing_that_was_not(tmp_path):
    directory = tmp_path / "spool"
    directory.mkdir()
    operations = record(CHILD, directory, tmp_path / "strace", STAMPS)
    random, acknowledged, cut_short = Random(20261127), -1, 0
    moments = sorted(random.randrange(len(operations)) for _ in range(CUTS))
    for _, disk, acknowledged in cut_at(moments, operations):
        left = _left_by(disk.after_power_loss(random), tmp_path)
        assert left in {_of(acknowledged), _of(acknowledged + 1)}
        cut_short += any(file.pending for file in disk.names.values())
    assert acknowledged > STAMPS / 2
    assert cut_short


def _of(number: int) -> bytes | None:
    return b"%d " % number + bytes([number]) * (number * 131 % 4000) if number >= 0 else None


def _left_by(files: dict[str, bytes], scratch: Path) -> bytes | None:
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        for path, content in files.items():
            Path(place, Path(path).name).write_bytes(content)
        return Stamp(Path(place), "host").read()


def test_what_lies_in_its_place_is_never_followed_and_stamping_says_so(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("whole")
    for name in SUFFIXES:
        (tmp_path / f"linked{name}").symlink_to(victim)
        (tmp_path / f"made{name}").mkdir()
        os.mkfifo(tmp_path / f"piped{name}")
    for owner in ("linked", "made", "piped"):
        stamp = Stamp(tmp_path, owner)
        assert stamp.read() is None
        with pytest.raises(SpoolError):
            stamp.write(b"x")
    assert victim.read_text() == "whole"


def test_a_value_that_does_not_fit_a_page_is_refused_and_the_one_before_stays(tmp_path):
    stamp = Stamp(tmp_path, "host")
    stamp.write(b"x" * MOST_BYTES)
    with pytest.raises(SpoolError):
        stamp.write(b"x" * (MOST_BYTES + 1))
    assert stamp.read() == b"x" * MOST_BYTES


def test_nobody_else_may_read_it(tmp_path):
    Stamp(tmp_path, "host").write(b"x")
    assert [oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == ["0o600"]
