"""The host as the files collector reads it: every part can be another one, for a test or another root."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collectors._files.budget import CPU_SECONDS
from collectors._files.hints import NoWatch
from collectors._files.mounts import MOUNTINFO
from collectors._files.selection import Selection
from collectors._files.watch import Watch


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The host as this collector reads it; every part can be another one."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    mountinfo: Path = MOUNTINFO
    root: Path = Path("/")
    """Where the host's own files are looked up: names of users, logs of packages, sessions."""
    compare_seconds: float = 3600.0
    poll_seconds: float = 10.0
    """How often a subtree is compared that the kernel would not watch."""
    flood_seconds: float = 60.0
    refused_seconds: float = 5.0
    """How long to wait, at first, before handing in again what the spool did not take."""
    cpu: Callable[[], float] = time.thread_time
    cpu_seconds: float = CPU_SECONDS
    """How much work one file may make, by `cpu`."""
    lack_seconds: float = 1.0
    """How long to wait, at first, for descriptors, threads or memory that are not to be had."""
    anew_seconds: float = 60.0
    """How often a watch is tried again that the kernel did not give."""
    ask: Callable[[str], object] = os.stat
    """Asks a mount point of a remote file system for anything; blocks while it does not answer."""
    patience_seconds: float = 2.0
    """How long to wait for that."""
    watch: Callable[[Callable[[], object], Selection], Watch | NoWatch] = Watch
