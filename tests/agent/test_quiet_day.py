"""What a quiet day costs the disk, as counted by strace: a sync and a page each five minutes, and a transaction an hour."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collectors._host.recorder import HEARTBEAT_SECONDS, MOST_STAMPS
from spool.schema import PAGE_BYTES

ROOT = Path(__file__).parents[2]
HEAD_BYTES, FRAME_BYTES = 32, PAGE_BYTES + 24
HEARTBEATS_AN_HOUR = 3600 // int(HEARTBEAT_SECONDS)
HOURS = 5
PROGRAM = f"""
import os, sys
from pathlib import Path
from collectors._host import accounting, clock
from collectors._host.boot import Boot
from collectors._host.recorder import Recorder, Sources
from collectors.collector import Runtime
from spool import Spool
spool = Spool.open(Path(sys.argv[1]))
spool.positions.attach("stackstate", "it")
def emit(events, remember, texts={{}}):
    spool.records.append([], owner="host", remember=remember)
recorder = Recorder.begin(
    Runtime(spool.memory("host"), emit, None, print, print, stamp=spool.stamp("host")),
    Boot(boot_id="b" * 36, kernel="6.1.0-9-amd64", os="Debian GNU/Linux 12 (bookworm)"),
    Sources(clock.read_instant, lambda: accounting.Place(1 << 20, 1 << 20), lambda _: None, lambda *_: False),
)
recorder.beat()
recorder.beat()
spool.housekeeping(trusted_time=True)
os.write(1, b"the day begins")
for hour in range({HOURS}):
    for beat in range({HEARTBEATS_AN_HOUR}):
        recorder.beat()
    spool.housekeeping(trusted_time=True)
os.write(1, b"the day ends")
os._exit(0)
"""

STAMPS = """
import os, sys
from pathlib import Path
from spool.stamp import Stamp
for run in range(2):
    stamp = Stamp(Path(sys.argv[1]).parent, "host")
    for time in range(4):
        stamp.write(b"time")
        os.write(1, b"stamped")
"""
SYNC = re.compile(r"\b(?:fsync|fdatasync|sync|syncfs)\(")


def traced(program, directory):
    """Return what strace saw a program do with files."""
    if shutil.which("strace") is None:
        if os.environ.get("STS_AGENT_REQUIRE_HOST_TESTS"):
            pytest.fail("strace is missing; `make test-deps` installs it")
        pytest.skip("needs strace: `make test-deps`")
    trace = directory / "strace"
    calls = "fsync,fdatasync,sync,syncfs,write,pwrite64,writev,pwritev,pwritev2,ftruncate,fallocate"
    command = ["strace", "-f", "-e", f"trace={calls}", "-o", str(trace)]
    words = [sys.executable, "-c", program, str(directory / "spool")]
    subprocess.run([*command, *words], check=True, capture_output=True, text=True, cwd=ROOT)
    return trace.read_text()


def test_a_heartbeat_is_a_sync_and_a_page_one_an_hour_a_transaction_and_an_hour_without_events_nothing(
    tmp_path,
):
    day = traced(PROGRAM, tmp_path).partition("the day begins")[2].partition("the day ends")[0]
    heartbeats = HEARTBEATS_AN_HOUR * HOURS
    syncs = len(SYNC.findall(day))
    assert heartbeats <= syncs <= heartbeats + 1  # one for the head of the -wal, which was begun anew
    remembered = -(-heartbeats // (MOST_STAMPS + 1))
    sizes = [int(size) for size in re.findall(r"\bp?write(?:64)?\(.*= (\d+)", day)]
    assert sum(sizes) <= PAGE_BYTES * heartbeats + HEAD_BYTES + 2 * FRAME_BYTES * remembered
    assert not re.search(r"\b(?:ftruncate|fallocate|writev|pwritev2?)\(", day)


def test_the_first_two_stamps_of_an_installation_are_synced_with_their_names_and_no_later_one_of_any_run(
    tmp_path,
):
    *stamps, _ = traced(STAMPS, tmp_path).split("stamped")
    assert [len(SYNC.findall(one)) for one in stamps] == [2, 2, 1, 1, 1, 1, 1, 1]
