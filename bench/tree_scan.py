"""What a large tree costs: learnt for the first time beside `sha256sum`, looked at again after a restart, and held.

CPU seconds are user and system time of the whole process. The agent's own start, measured with an empty tree, is
taken off, of a restart that of a restart: it is shown apart.
"""

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from file_latency import agent, ended, says, wait_until

TICKS = os.sysconf("SC_CLK_TCK")
FILES_IN_A_DIRECTORY = 100
LOOKS = ("first look", "restart")


@dataclass(frozen=True)
class Cost:
    """What the process had used when it had looked at everything."""

    cpu_seconds: float
    resident_bytes: int


def make_tree(root: Path, files: int, mean_bytes: int) -> None:
    """Write files as configuration is: `key = value` lines, most small, some large, no two alike."""
    chance = random.Random(1)
    for number in range(files):
        directory = root / f"{number // FILES_IN_A_DIRECTORY:05}"
        if number % FILES_IN_A_DIRECTORY == 0:
            directory.mkdir(parents=True)
        lines = max(1, int(chance.expovariate(1 / mean_bytes) / 24))
        text = f"name = part-{number}\n" + f"option_{number % 997:03} = {number:08}\n" * lines
        (directory / f"{number:06}.conf").write_text(text)


SUMS = "find '{root}' -type f -print0 | xargs -0 sha256sum"
STATS = "find '{root}' -type f -printf '%i %s %C@ %T@ %m %U %G\\n'"
"""The least that a compare by stat alone can take: one `lstat` a file, in C, and nothing made of it."""


BARE = """
import os, sys, time
for directory, _, files in os.walk(sys.argv[1]):
    for name in files:
        os.lstat(f"{directory}/{name}")
print(time.process_time())
"""
"""The least that a compare by stat alone can take in Python."""


LEAST = """
import hashlib, os, re, sqlite3, stat, struct, sys, time, zlib
from operator import attrgetter
root, database, what = sys.argv[1:]
pack, fields = struct.Struct("<QQqqIII").pack, attrgetter(
    "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns", "st_mode", "st_uid", "st_gid")
words = re.compile("pass|pwd|secret|token|cred|key|auth|hash|salt|seed|sign|code|user|cookie|://|@")
try:
    from isal.isal_zlib import compress as by_isal
    compress = lambda data: by_isal(data, 1, -12)
except ImportError:
    def compress(data):
        deflate = zlib.compressobj(1, zlib.DEFLATED, -12, 3)
        return deflate.compress(data) + deflate.flush()
sqlite3.register_adapter(bytes, bytes.__bytes__)
disk = sqlite3.connect(database, isolation_level=None)
disk.executescript("PRAGMA journal_mode=WAL;"
    "CREATE TABLE IF NOT EXISTS memory (owner TEXT, key BLOB, crc INT, value BLOB, PRIMARY KEY (owner, key)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS texts (id INTEGER PRIMARY KEY, owner TEXT, key BLOB, text BLOB);"
    "CREATE UNIQUE INDEX IF NOT EXISTS by_key ON texts (owner, key)")
rows, texts = [], []
def keep():
    disk.execute("BEGIN")
    disk.executemany("INSERT INTO memory VALUES (?, ?, ?, ?)", rows)
    disk.executemany("INSERT INTO texts (owner, key, text) VALUES (?, ?, ?)", texts)
    disk.execute("COMMIT")
    rows.clear(), texts.clear()
def learn(directory, path, entries):
    names, first = sorted([entry.name for entry in entries]), len(rows)
    for start in range(0, len(names), 32):
        own = os.open("/proc/self/fd", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        files, datas = [], []
        for name in names[start : start + 32]:
            place = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
            before = os.fstat(place)
            if stat.S_ISREG(before.st_mode):
                files.append((name, place, before))
        for name, place, before in files:
            fd = os.open(str(place), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=own)
            datas.append(os.pread(fd, before.st_size + 1, 0))
            os.listxattr(fd), os.fstat(fd)
            os.close(fd)
        os.closerange(own, place + 1)
        keys = [f"f{path}//{name}".encode() for name, _, _ in files]
        hashes = [hashlib.sha256(data).digest() for data in datas]
        values = [pack(*fields(before)) + digest for (_, _, before), digest in zip(files, hashes)]
        rows.extend(("files", key, zlib.crc32(value, zlib.crc32(key)), value) for key, value in zip(keys, values))
        if what == "texts":
            lines = set()
            for data in datas:
                lines.update(data.decode().split("\\n"))
            words.search("\\n".join(lines).lower())
            texts.extend(("files", key, compress(data)) for key, data in zip(keys, datas))
    directory_key = f"d{path}".encode()
    digest = hashlib.blake2b(b"".join([value for *_, value in rows[first:]])).digest()
    rows.append(("files", directory_key, zlib.crc32(digest, zlib.crc32(directory_key)), digest))
    if len(rows) > 800:
        keep()
def compare(directory, path, entries):
    found = [pack(*fields(entry.stat(follow_symlinks=False))) for entry in entries]
    hashlib.blake2b("/".join([entry.name for entry in entries]).encode() + b"".join(found)).digest()
def walk(path):
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with os.scandir(directory) as listing:
        entries = list(listing)
    (compare if what == "compare" else learn)(directory, path, [e for e in entries if e.is_file(follow_symlinks=False)])
    os.close(directory)
    for name in sorted([entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]):
        walk(f"{path}/{name}")
began = time.process_time()
if what == "compare":
    for key, crc, value in disk.execute("SELECT key, crc, value FROM memory WHERE owner = 'files' AND key < x'66' ORDER BY key"):
        assert zlib.crc32(value, zlib.crc32(key)) == crc
walk(root)
keep()
print(time.process_time() - began)
"""
"""The least that the agent's promises can take in Python, without any object or decision of it.

To learn a tree, `hashes` or also `texts`: each file opened as a place, looked at, opened, read, hashed, asked for
its attributes, looked at again, and remembered in a row, thirty-two in each step and some eight hundred in a commit; its text decoded, parted into lines, compressed,
and the different lines of the thirty-two searched for a few words; nothing else of masking. To
`compare` it: each directory's row read back with its checksum, each file's stat packed, and a digest of them.
"""


def of_python(code: str, *arguments: str | Path) -> float:
    """Return the CPU seconds that some Python says it took."""
    command = [sys.executable, "-c", code, *arguments]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def of_bare_walk(root: Path) -> float:
    """Return the CPU seconds of a walk with one `lstat` a file in Python, without the interpreter's start."""
    return of_python(BARE, root) - of_python(BARE, root / "none")


def of_least(root: Path, scratch: Path) -> tuple[float, float, float]:
    """Return the CPU seconds of the least in Python: to learn hashes, to learn texts too, to compare what was learnt."""
    hashes, texts = (of_python(LEAST, root, scratch / f"{what}.db", what) for what in ("hashes", "texts"))
    return hashes, texts, of_python(LEAST, root, scratch / "hashes.db", "compare")


def of_command(command: str, root: Path) -> float:
    """Return the CPU seconds of a line of shell over the tree below `root`, with what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["sh", "-c", command.format(root=root)], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def of_agent(own: Path, root: Path, files: int, diff: str) -> Cost:
    """Start the agent; return what it has used when it watches every file; stop it. `own` is kept for the next."""
    conf_d = f"files:\n  - paths: ['{root}/**']\n    diff: {diff}\n"
    process = agent(own, 9, conf_d, started=lambda _: None)
    with ended(process):
        wait_until(lambda: says(own).startswith(f"watching {files} files"), "the agent to watch", every=0.5)
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        )
        return Cost((int(fields[11]) + int(fields[12])) / TICKS, int(status["VmRSS"].split()[0]) * 1024)


def of_starts(own: Path, empty: Path) -> dict[str, Cost]:
    """Return what a first start and a restart have used with an empty tree: a first one makes the spool."""
    return {name: of_agent(own, empty, 0, "auto") for name in LOOKS}


def in_turn(scratch: Path, root: Path, files: int, turns: int) -> dict[str, float]:
    """Return the median CPU seconds of each of them: what reads, lists and walks through a tree, the least, and the agent's looks.

    All take turns, so that none meets another machine than the others; the tree is in the page cache before the first.
    """
    (scratch / "empty").mkdir()
    of_command(SUMS, root)
    found = [_turn(scratch, root, files) for _ in range(turns)]
    return {name: median([one[name] for one in found]) for name in found[0]}


def _turn(scratch: Path, root: Path, files: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        own = Path(directory)
        least = dict(zip(("hashes", "texts", "compared"), of_least(root, own), strict=True))
        starts = of_starts(own / "start", scratch / "empty")
        looks = {}
        for diff in ("never", "auto"):
            for name in LOOKS:
                seconds = of_agent(own / diff, root, files, diff).cpu_seconds - starts[name].cpu_seconds
                looks[f"{name}, {diff}"] = max(seconds, 1 / TICKS)  # the least that can be seen
        return {
            "summed": of_command(SUMS, root),
            "listed": of_command(STATS, root),
            "walked": of_bare_walk(root),
            **least,
            **looks,
        }


def measure(scratch: Path, files: int, mean_bytes: int) -> list[str]:
    """Return the lines of the table."""
    root, empty = scratch / "tree", scratch / "empty"
    empty.mkdir()
    scratch.chmod(0o755)  # as /etc is: `auto` keeps text only of what everybody may reach
    make_tree(root, files, mean_bytes)
    size = sum(path.stat().st_size for path in root.rglob("*.conf"))
    of_command(SUMS, root)  # into the page cache
    summed, listed = of_command(SUMS, root), of_command(STATS, root)
    bare = of_bare_walk(root)
    hashes, texts, compare = of_least(root, scratch)
    starts = of_starts(scratch / "start", empty)
    start = starts["first look"]
    lines = [
        (
            f"{files:,} files, {size / 1024 / 1024:.0f} MiB, in the page cache. The agent's own start: "
            f"{start.cpu_seconds:.2f} s of CPU, {start.resident_bytes / 1024 / 1024:.1f} MiB."
        ),
        "",
        "| | CPU s | beside sha256sum | beside the baseline | memory per file |",
        "|---|---:|---:|---:|---:|",
        f"| `sha256sum` of the tree | {summed:.2f} | 1.00 | | |",
        f"| `find -printf`: one stat a file | {listed:.2f} | {listed / summed:.2f} | | |",
    ]
    lines += [
        f"| `os.walk`, `os.lstat` in Python | {bare:.2f} | {bare / summed:.2f} | | |",
        f"| the least in Python: hashes learnt | {hashes:.2f} | {hashes / summed:.2f} | | |",
        f"| the least in Python: texts too | {texts:.2f} | {texts / summed:.2f} | | |",
        f"| the least in Python: compared | {compare:.2f} | {compare / summed:.2f} | {compare / bare:.2f} x the walk | |",
    ]
    for diff in ("never", "auto"):
        own = scratch / f"agent-{diff}"
        baseline = of_agent(own, root, files, diff)
        again = of_agent(own, root, files, diff)
        first = baseline.cpu_seconds - start.cpu_seconds
        second = again.cpu_seconds - starts["restart"].cpu_seconds
        held = (again.resident_bytes - start.resident_bytes) / files
        learnt = (baseline.resident_bytes - start.resident_bytes) / files
        lines += [
            f"| baseline, `diff: {diff}` | {first:.2f} | {first / summed:.2f} | 1.00 | {learnt:,.0f} B |",
            (
                f"| restart, unchanged, `diff: {diff}` | {second:.2f} | {second / summed:.2f} | {second / first:.2f} "
                f"| {held:,.0f} B |"
            ),
            f"| the same, beside `os.walk` and `os.lstat` | | | {second / bare:.2f} x | |",
        ]
        shutil.rmtree(own)
    return lines
