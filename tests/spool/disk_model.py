"""A disk that loses power: what a recorded run of system calls may leave behind.

`read_trace` turns strace's output into operations; `Disk` replays them and keeps, for each file, what was
synced and what was only written. `Disk.after_power_loss` makes one of the many states a real disk could
be in: of the 512-byte sectors written since a file's last sync any may have arrived, in any order;
names made, renamed or removed since their directory's last sync may be there or not, in order.
Not modelled: a device that acknowledges a flush and loses the data all the same. Nothing survives that.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

ROOT = Path(__file__).parents[2]
SECTOR = 512
TRACED = "openat,write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,fallocate,unlink,unlinkat,rename,renameat,renameat2,mkdir"

_CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FD = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2}|[^>])*)>")


@dataclass(frozen=True)
class Operation:
    """One system call that matters: kind, path(s), and for writes where and what."""

    kind: str
    path: str
    offset: int = 0
    data: bytes = b""
    target: str = ""


def record(script: str, directory: Path, trace: Path, *arguments: object) -> list[Operation]:
    """Run a Python script, with `directory` and more as its arguments; return what it did below that directory."""
    if shutil.which("strace") is None:
        if os.environ.get("STS_AGENT_REQUIRE_HOST_TESTS"):
            pytest.fail("strace is missing; `make test-deps` installs it")
        pytest.skip("needs strace: `make test-deps`")
    strace = ["strace", "-f", "-y", "-xx", "-s", "10000000", "-e", f"trace={TRACED}", "-o", str(trace)]
    child = [sys.executable, "-c", script, str(directory), *map(str, arguments)]
    subprocess.run([*strace, *child], check=True, stdout=subprocess.DEVNULL, cwd=ROOT, timeout=120)
    return read_trace(trace.read_text(), directory)


def cut_at(moments: list[int], operations: list[Operation]) -> Iterator[tuple[int, "Disk", int]]:
    """Yield each moment, the disk as it is then, and the number that was acknowledged last: -1 before the first."""
    disk, acknowledged, done = Disk(), -1, 0
    for moment in moments:
        for operation in operations[done:moment]:
            if operation.kind == "acknowledged":
                acknowledged = int(operation.data)
            else:
                disk.perform(operation)
        done = moment
        yield moment, disk, acknowledged


def read_trace(text: str, directory: Path) -> list[Operation]:
    """Return the operations on files below `directory`, and `acknowledged` ones for writes to stdout."""
    offsets: dict[str, int] = {}
    return [
        operation
        for call, arguments, result in _calls(text)
        if result >= 0
        for operation in _operation(call, arguments, result, offsets)
        if operation.kind == "acknowledged" or operation.path.startswith(str(directory))
    ]


def _calls(text: str) -> Iterator[tuple[str, str, int]]:
    unfinished: dict[str, str] = {}
    for line in text.splitlines():
        pid, _, rest = line.partition(" ")
        rest = rest.lstrip()
        if rest.endswith("<unfinished ...>"):
            unfinished[pid] = rest.removesuffix("<unfinished ...>").rstrip()
            continue
        if rest.startswith("<... "):
            rest = unfinished.pop(pid, "") + rest.partition(" resumed>")[2]
        if match := _CALL.match(rest):
            yield match[1], match[2], int(match[3])


def _operation(  # noqa: C901 - one arm a system call
    call: str, arguments: str, result: int, offsets: dict[str, int]
) -> Iterator[Operation]:
    strings = [_unhex(match[1]) for match in _STRING.finditer(arguments)]
    named = _FD.match(arguments)
    number, path = (int(named[1]), _unhex(named[2]).decode()) if named else (-1, "")
    last = arguments.rpartition(",")[2].strip()
    match call:
        case "write" if number == 1:
            yield Operation("acknowledged", "", data=strings[0])
        case "write":
            yield Operation("write", path, offsets.get(path, 0), strings[0][:result])
            offsets[path] = offsets.get(path, 0) + result
        case "pwrite64":
            yield Operation("write", path, int(last), strings[0][:result])
        case "fsync" | "fdatasync":
            yield Operation("sync", path)
        case "ftruncate":
            yield Operation("truncate", path, int(last))
        case "openat" if "O_CREAT" in arguments or "O_TRUNC" in arguments:
            opened = strings[0].decode()
            offsets[opened] = 0
            yield Operation("create", opened, offset=int("O_TRUNC" in arguments))
        case "mkdir":
            yield Operation("mkdir", strings[0].decode())
        case "unlink" | "unlinkat":
            yield Operation("unlink", strings[-1].decode())
        case "rename" | "renameat" | "renameat2":
            yield Operation("rename", strings[0].decode(), target=strings[-1].decode())
        case "fallocate":
            start, size = (int(word) for word in arguments.split(",")[-2:])
            yield Operation("extend", path, start + size)
        case "writev" | "pwritev" if path:
            raise AssertionError(f"{call} on {path}: teach the disk model about it")


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


@dataclass
class _File:
    synced: bytes = b""
    pending: list[Operation] = field(default_factory=list)

    def sync(self) -> None:
        self.synced = _apply(self.synced, self.pending)
        self.pending = []


def _apply(content: bytes, operations: list[Operation]) -> bytes:
    result = bytearray(content)
    for operation in operations:
        if operation.kind in {"truncate", "extend"}:
            if operation.kind == "truncate":
                del result[operation.offset :]
            result.extend(b"\0" * (operation.offset - len(result)))
            continue
        end = operation.offset + len(operation.data)
        result.extend(b"\0" * (end - len(result)))
        result[operation.offset : end] = operation.data
    return bytes(result)


class Disk:
    """Files as objects, and names for them: both synced and merely done."""

    def __init__(self) -> None:
        self.names: dict[str, _File] = {}
        self.synced_names: dict[str, _File] = {}
        self.pending_names: list[tuple[str, str, _File | None]] = []  # (directory, path, file or gone)

    def perform(self, operation: Operation) -> None:
        """Do what one system call did."""
        path = operation.path
        match operation.kind:
            case "create":
                if path not in self.names:
                    self._name(path, _File())
                elif operation.offset:
                    self.names[path].pending.append(Operation("truncate", path, 0))
            case "write" | "truncate" | "extend":
                self.names[path].pending.append(operation)
            case "sync" if path in self.names:
                self.names[path].sync()
            case "sync":
                self._sync_directory(path)
            case "unlink" if path in self.names:
                self._name(path, None)
            case "rename":
                self._name(operation.target, self.names[path])
                self._name(path, None)

    def _name(self, path: str, file: _File | None) -> None:
        if file is None:
            del self.names[path]
        else:
            self.names[path] = file
        self.pending_names.append((os.path.dirname(path), path, file))  # noqa: PTH120 - paths are plain text here

    def _sync_directory(self, directory: str) -> None:
        for where, path, file in self.pending_names:
            if where == directory:
                _put(self.synced_names, path, file)
        self.pending_names = [entry for entry in self.pending_names if entry[0] != directory]

    def after_power_loss(self, random: Random) -> dict[str, bytes]:
        """Return the contents by path of one state this disk may be in when power comes back."""
        names = dict(self.synced_names)
        for _, path, file in self.pending_names[: random.randint(0, len(self.pending_names))]:
            _put(names, path, file)
        luck = random.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        return {path: _arrived(file, random, luck) for path, file in names.items()}


def _put(names: dict[str, _File], path: str, file: _File | None) -> None:
    if file is None:
        names.pop(path, None)
    else:
        names[path] = file


def _arrived(file: _File, random: Random, luck: float) -> bytes:
    """Apply those sectors that had the luck to arrive.

    A later write that arrived while an earlier one did not is a disk that changed the order.
    """
    sectors = [sector for operation in file.pending for sector in _sectors(operation)]
    return _apply(file.synced, [sector for sector in sectors if random.random() < luck])


def _sectors(operation: Operation) -> Iterator[Operation]:
    if operation.kind != "write":
        yield operation
        return
    start, data = operation.offset, operation.data
    while data:
        size = SECTOR - start % SECTOR
        yield Operation("write", operation.path, start, data[:size])
        start, data = start + size, data[size:]
