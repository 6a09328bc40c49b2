"""What `append` acknowledged is there after a power loss, whatever the disk did with unsynced writes.

A child appends under strace; its system calls are replayed onto a model of a disk up to a cut, the model
says what may be on the platters, and a spool is opened on that. The control runs the same with
`synchronous=NORMAL` and must lose something, else this test could not fail.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from disk_model import Operation, cut_at, record

from spool import Spool, SpoolReader, inflate

CUTS = int(os.environ.get("STS_AGENT_POWER_CUTS", "2000"))
APPENDS = 40

CHILD = """
import sys
from pathlib import Path
from spool import Options, Record, Spool, compress
from spool.schema import SCHEMA
options = Options(keep_delivered_seconds=1e12, max_age_seconds=1e12)
spool = Spool.open(Path(sys.argv[1]), options, schema=SCHEMA._replace(synchronous=sys.argv[2]))
spool.positions.attach("there", "there", "oldest")
for number in range(int(sys.argv[3])):
    body = b'{"number":%d,"padding":"%s"}' % (number, b"x" * (number * 97 % 3000))
    record = Record(name="n", count=1, first_time=1, last_time=1, event_types=("T",), tags=(), hostname="h",
        boot_id="b", boottime=1.0, captured=1.0, clock_trusted=True, segment=compress(body))
    remember = {"number": b"%d" % number, f"f/{number % 3}//{number}": b"", f"f/{number % 3}//{number - 9}": None}
    spool.records.append([record], owner="me", remember=remember)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    if number % 15 == 14:
        spool.housekeeping(trusted_time=True)
    if number % 7 == 6:
        batch = spool.records.read("there", max_events=5, max_bytes=1 << 20)
        spool.records.acknowledge("there", batch.upto, delivered=batch.events)
spool.close()
"""


def recorded(tmp_path: Path, synchronous: str) -> tuple[Path, list[Operation]]:
    directory = tmp_path / synchronous
    trace = tmp_path / f"{synchronous}.strace"
    return directory, record(CHILD, directory, trace, synchronous, APPENDS)


def losses(directory: Path, operations: list[Operation], scratch: Path, cuts: int) -> Iterator[str]:
    """Cut the power at `cuts` moments; yield what was acknowledged before and is not there after."""
    random = Random(20261120)
    moments = sorted(random.randrange(len(operations)) for _ in range(cuts))
    for cut, (moment, disk, acknowledged) in enumerate(cut_at(moments, operations)):
        copy = scratch / f"{cut}"
        copy.mkdir(parents=True)
        for path, content in disk.after_power_loss(random).items():
            place = copy / Path(path).relative_to(directory)
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(content)
        if problem := _what_is_wrong(copy, acknowledged):
            yield f"cut {cut} before operation {moment} of {len(operations)}: {problem}"
        shutil.rmtree(copy)


def _what_is_wrong(directory: Path, acknowledged: int) -> str:
    spool = Spool.open(directory)
    try:
        damaged = spool.recovery is not None
        memory = spool.memory("me")
        remembered = int(memory.get("number") or -1)
        of_groups = {int(key[5:]) for group in range(3) for key, _ in memory.items(f"f/{group}//")}
        has_lost_memory = bool(spool.notices.recoveries())
        reader = SpoolReader.open(directory)
        numbers = [int(inflate(stored.record.segment)[10:].split(b",")[0]) for stored in reader.records()]
        reader.close()
    finally:
        spool.close()
    if numbers != list(range(len(numbers))):
        return f"not in order or not whole: {numbers}"
    if len(numbers) - 1 < acknowledged:
        return f"acknowledged up to {acknowledged}, there up to {len(numbers) - 1}"
    if remembered != len(numbers) - 1:
        return f"memory says {remembered}, records say {len(numbers) - 1}"
    if of_groups != set(range(max(0, len(numbers) - 9), len(numbers))) or (has_lost_memory and not damaged):
        return f"memory says {of_groups}, records say {len(numbers) - 1}"
    # A database that was being made holds nothing yet: making it anew is all there is to do.
    return "taken for damage" if damaged and acknowledged >= 0 else ""


@pytest.fixture
def cuts(tmp_path) -> Iterator[Path]:
    """Return where the disks after a power loss are laid out: in memory, where there is room for it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as directory:
        yield Path(directory)


def test_acknowledged_appends_survive_power_loss(tmp_path, cuts):
    directory, operations = recorded(tmp_path, "FULL")
    assert sum(operation.kind == "acknowledged" for operation in operations) == APPENDS
    assert list(losses(directory, operations, cuts, CUTS)) == []


def test_without_syncing_each_append_the_same_cuts_lose_some(tmp_path, cuts):
    directory, operations = recorded(tmp_path, "NORMAL")
    assert any("acknowledged up to" in loss for loss in losses(directory, operations, cuts, CUTS))
