"""What a quiet day costs the disk, as counted by strace: what is remembered costs a sync each, and the hours between nothing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spool.schema import PAGE_BYTES

ROOT = Path(__file__).parents[2]
HEAD_BYTES, FRAME_BYTES = 32, PAGE_BYTES + 24
HEARTBEATS_AN_HOUR, HOURS = 12, 5
PROGRAM = f"""
import os, sys
from pathlib import Path
from spool import Spool
spool = Spool.open(Path(sys.argv[1]))
spool.positions.attach("stackstate", "it")
spool.records.append([], owner="host", remember={{"mark": b"0" * 300}})
spool.housekeeping(trusted_time=True)
wal = Path(sys.argv[1], "spool.db-wal")
before = wal.stat().st_size
os.write(1, b"the day begins")
for hour in range({HOURS}):
    for beat in range({HEARTBEATS_AN_HOUR}):
        spool.records.append([], owner="host", remember={{"mark": b"%d" % beat * 150}})
    spool.housekeeping(trusted_time=True)
os.write(1, b"the day ends")
print(wal.stat().st_size - before)
os._exit(0)
"""


def test_a_heartbeat_is_one_sync_and_two_pages_and_an_hour_without_events_is_none(tmp_path):
    if shutil.which("strace") is None:
        if os.environ.get("STS_AGENT_REQUIRE_HOST_TESTS"):
            pytest.fail("strace is missing; `make test-deps` installs it")
        pytest.skip("needs strace: `make test-deps`")
    trace = tmp_path / "strace"
    command = ["strace", "-f", "-e", "trace=fsync,fdatasync,sync,syncfs,write", "-o", str(trace)]
    program = [sys.executable, "-c", PROGRAM, str(tmp_path / "spool")]
    done = subprocess.run([*command, *program], check=True, capture_output=True, text=True, cwd=ROOT)
    day = trace.read_text().partition("the day begins")[2].partition("the day ends")[0]
    heartbeats = HEARTBEATS_AN_HOUR * HOURS
    syncs = len(re.findall(r"\b(?:fsync|fdatasync|sync|syncfs)\(", day))
    assert heartbeats <= syncs <= heartbeats + 1  # one for the head of the -wal, which was begun anew
    assert int(re.sub(r"\D", "", done.stdout)) <= HEAD_BYTES + 2 * FRAME_BYTES * heartbeats
