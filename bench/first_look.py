"""What the first look at a tree costs as the tree grows: CPU a file, memory, the spool, and how soon a change is told meanwhile.

    python bench/first_look.py        (or: --sizes 3000,30000 --diffs never; --watches 1000 needs unshare)

The files collector and a spool alone in one process, which is started anew for each row. The tree is of small files in
directories of a hundred, on the disk below --scratch. With --watches the kernel gives so many inotify watches and no more.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import tree_scan

from agent.runtime.own_files import OwnFiles
from collectors._files.entry import FilesEntry
from collectors.collector import NO_TEXTS, Runtime, Scoped
from collectors.event import Event
from collectors.files import FilesCollector
from spool.options import Options
from spool.spool import Spool

_CAP_BYTES = 4 * 1024 * 1024 * 1024
_MEAN_BYTES = 300


class Look:
    """One run of the collector until it has looked at everything, and told of one change that was made on the way."""

    def __init__(self, spool: Spool, own: Path, *, is_first: bool) -> None:
        self._spool = spool
        self._is_first = is_first
        self._over = threading.Event()
        self._wake, self._waking = os.pipe()
        self._began = time.monotonic()
        self._changed_at: float | None = None
        self.found: dict[str, float | str] = {}
        status = own.stat()
        self.runtime = Runtime(
            memory=spool.memory("files"),
            emit=self._emit,
            stop=self,
            report=self._report,
            flush=lambda _: None,
            leave_out=frozenset({(status.st_dev, status.st_ino)}),
            is_own=OwnFiles(own),
        )

    def is_set(self) -> bool:
        """See `Stop`."""
        return self._over.is_set()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """See `Stop`."""
        return self._over.wait(timeout_seconds)

    def fileno(self) -> int:
        """See `Stop`."""
        return self._wake

    def _end(self) -> None:
        self._over.set()
        os.write(self._waking, b"!")

    def _emit(
        self,
        events: Sequence[Event],
        remember: Mapping[str, bytes | None],
        texts: Mapping[str, bytes | None] = NO_TEXTS,
        /,
    ) -> None:
        self._spool.records.append([], owner="files", remember=remember, texts=texts)
        now = time.monotonic()
        files = [key for key in remember if key.startswith("f")]
        if self._is_first and self._changed_at is None and files:
            text = f"changed while the others were looked at, {now}\n"
            Path(files[0][1:].replace("//", "/")).write_text(text)
            self._changed_at = now
        for event in events:
            self.found.setdefault(event.event_type, 0)
            if event.event_type == "ConfigurationChangedEvent" and self._changed_at is not None:
                self.found["told_seconds"] = now - self._changed_at
                self._end()

    def _report(self, text: str) -> None:
        if text.startswith("watching") and "seconds" not in self.found:
            self.found |= {"said": text, "seconds": time.monotonic() - self._began}
            usage = resource.getrusage(resource.RUSAGE_SELF)
            self.found |= {"cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}
            if not self._is_first:
                self._end()


def look(root: Path, own: Path, diff: str) -> None:
    """Look at a tree in this process, and print what it cost."""
    is_first = not own.exists()
    with Spool.open(own, Options(max_size_bytes=_CAP_BYTES)) as spool:
        entry = FilesEntry(paths=(f"{root}/**",), diff=diff)  # type: ignore[arg-type]  # checked by argparse
        before = time.process_time()
        one = Look(spool, own, is_first=is_first)
        FilesCollector([Scoped(entry)]).run(one.runtime)
    one.found["before"] = before
    one.found["spool"] = sum(path.stat().st_size for path in own.rglob("*") if path.is_file()) / 1024 / 1024
    print(json.dumps(one.found))


def looked(root: Path, own: Path, diff: str, watches: int) -> dict[str, float]:
    """Return what a look in a process of its own cost."""
    command = [sys.executable, __file__, "--look", str(root), str(own), "--diffs", diff]
    if watches:
        limit = f"echo {watches} > /proc/sys/user/max_inotify_watches && exec "
        command = ["unshare", "--user", "--map-root-user", "sh", "-c", limit + " ".join(command)]
    found: dict[str, float] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    return found


def rows(scratch: Path, files: int, diffs: Sequence[str], watches: int) -> list[str]:
    """Return the lines of the table for a tree of so many files."""
    root = scratch / f"tree-{files}"
    tree_scan.make_tree(root, files, _MEAN_BYTES)
    lines = []
    for diff in diffs:
        own = scratch / f"own-{files}-{diff}"
        for what in ("first look", "restart"):
            found = looked(root, own, diff, watches)
            cpu = 1e6 * (found["cpu"] - found["before"]) / files
            told = f"{found['told_seconds']:.1f}" if "told_seconds" in found else ""
            lines.append(
                f"| {what}, `diff: {diff}` | {files:,} | {cpu:.0f} | {found['seconds']:.1f} | {found['peak']:.0f} "
                f"| {found['spool']:.1f} | {told} |"
            )
            if "WatchDegradedEvent" in found:
                lines.append(f"| | with {watches} watches it said: {found['said']} | | | | | |")
        shutil.rmtree(own)
    shutil.rmtree(root)
    return lines


def main() -> None:
    """Measure each size, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="3000,30000,300000")
    parser.add_argument("--diffs", default="never,auto")
    parser.add_argument("--watches", type=int, default=0)
    parser.add_argument("--scratch", type=Path, default=Path("/var/tmp"))
    parser.add_argument("--look", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        look(*options.look, options.diffs)
        return
    scratch = Path(tempfile.mkdtemp(prefix="sts-bench-", dir=options.scratch))
    scratch.chmod(0o755)  # as /etc is: `auto` keeps text only of what everybody may reach
    try:
        print(
            "| | files | µs of CPU a file | s | peak MiB | spool MiB | s until a change was told |\n|---|---:|---:|---:|---:|---:|---:|"
        )
        for files in map(int, options.sizes.split(",")):
            print(*rows(scratch, files, options.diffs.split(","), options.watches), sep="\n", flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
