"""The attacks that `attacks.py` runs: what any user, poster or operator may do to an agent. Each returns its number of inputs."""

import contextlib
import os
import random
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli import CommandError
from agent.cli.daemon_client import ask

if TYPE_CHECKING:
    from attacks import Arena

SPOOL = "/var/lib/sts-agent"
MIB = 1024 * 1024
ONE = b'{"msg_title":"x"},'
LEVELS = b'{"a":' * 2000 + b"1" + b"}" * 2000
NO_JSON = (b"1e999", b"99999999999999999999", b'"\\ud800"', b"NaN", b"[" * 65 + b"]" * 65, LEVELS)

TEXTS: Mapping[str, tuple[bytes, ...]] = {
    "yaml": (
        b"[" * 60_000,
        b"- " * 32_000,
        b"a: &a [*a, *a]\n" * 200,
        b"? " * 20_000,
        b"!!python/object:os.system x",
    ),
    "json": (b'{"a\\ud800": "\\udfff"}', b"[" * 100_000, b'{"a":' * 30_000, b"1" * 100_000, LEVELS),
    "toml": (b"a = 0x" + b"f" * 20_000, b"a" + b".a" * 32_000 + b" = 1", b"[" * 60_000, b"a = 1e999999999"),
    "conf": (
        (b'psk="" ' * 585 + b"\n") * 50,
        b"pass=" * 50_000,
        b"Cookie:" + b" " * 4000 + b"x",
        b"\xff\xfe" * 9000,
    ),
}


def post(arena: "Arena", body: bytes, path: str = "/stsAgent/intake", *, method: str = "POST") -> int:
    """Post as a local program does; return the status, 0 where there was none."""
    try:
        return ask(_socket(arena), method, path, body, timeout_seconds=20).status
    except CommandError:
        return 0


def _socket(arena: "Arena") -> Path:
    return arena.host.path("/run/sts-agent/intake.sock")


@contextlib.contextmanager
def crowd(arena: "Arena", count: int, said: bytes) -> Iterator[None]:
    """Keep so many connections that say so much and no more."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            one = stack.enter_context(socket.socket(socket.AF_UNIX))
            with contextlib.suppress(OSError):
                one.connect(str(_socket(arena)))
                one.sendall(said)
        yield


def files(arena: "Arena") -> int:
    """Files that parsers, maskers and readers choke on, by content, time, name, link or attribute."""
    place = arena.host.path("/etc/app")
    count = 0
    for round_ in range(3):
        for suffix, texts in TEXTS.items():
            for number, text in enumerate(texts):
                (place / f"{number}.{suffix}").write_bytes(text + b"\n" * round_)
                count += 1
        for number, seconds in enumerate((10_413_792_000, -(2**33), 2**62 // 10**9)):
            (place / f"time-{number}").write_text(f"{round_}")
            os.utime(place / f"time-{number}", ns=(seconds * 10**9,) * 2)
            count += 1
        for number in range(10):
            odd = os.fsencode(place) + b"/\xff\xfe%d%d" % (round_, number)
            os.close(os.open(odd, os.O_CREAT | os.O_WRONLY, 0o644))
            os.setxattr(odd, b"user.\xff%d" % number, b"\xfe")
            (place / f"link-{round_}{number}").symlink_to("/nowhere/\udcff\udcfe")
            os.mkfifo(place / f"fifo-{round_}{number}")
            count += 3
        time.sleep(2)
    return count


def own(arena: "Arena") -> int:
    """Links, symbolic and hard, to the spool's own files, while `sts-agent log` is run."""
    place = arena.host.path("/etc/app")
    for name in ("spool.db", "spool.db-wal", "spool.db-shm", "spool.lock"):
        (place / f"own-{name}").symlink_to(f"{SPOOL}/{name}")
        (place / f"again-{name}").symlink_to(f"own-{name}")
    for _ in range(5):
        arena.host.agent("log", "-n", "5")
        time.sleep(1)
    return 13


def names(arena: "Arena") -> int:
    """Hostile names and content of processes, units, packages and Puppet reports."""
    host = arena.host
    for number in range(20):
        with host.running("bash", "-c", f"exec -a $'odd\\xff{number}\\e[2J' sleep 1"):
            pass
        host.run("systemd-run", "--quiet", f"--unit=odd\\xff{number}", "sh", "-c", "exit 3", check=False)
    status = host.path("/var/lib/dpkg/status")
    before = status.read_bytes()
    odd = b"\nPackage: odd\xff\nStatus: install ok installed\nArchitecture: all\nVersion: "
    for version in (b"2" * 300_000, b"1.0 \x85\xff", b"9" * 5000 + b".1", b"", b":-~^"):
        status.with_suffix(".new").write_bytes(before + odd + version + b"\n")
        status.with_suffix(".new").replace(status)
        time.sleep(1)
    status.with_suffix(".new").write_bytes(before)
    status.with_suffix(".new").replace(status)
    reports = host.path("/var/lib/reports/edge")
    for number, text in enumerate(
        (b"- " * 40_000, b"[" * 60_000, b"host: a\nstatus: b\ntime: '1950-01-01T00:00:00+00:00'\n")
    ):
        (reports / f"20261126000{number}.yaml").write_bytes(text)
    return 20 + 20 + 5 + 3


def incoming(arena: "Arena") -> int:
    """Files in incoming/: 2 000 levels, 60 of 4 MiB, directories, links, nonsense."""
    place = arena.host.path(f"{SPOOL}/incoming")
    deep = b'{"events":{"a":[{"msg_title":"x","context":{"data":%b}}]}}' % LEVELS
    large = b'{"events":{"custom":[{"msg_title":"x"}]},"filler":"%b"}'
    bodies = [deep, b"nonsense", b"", b"\xff" * 1000, *(b'{"events":{"a":[%b]}}' % bad for bad in NO_JSON)]
    for number, body in enumerate(bodies * 5):
        (place / f".{number}").write_bytes(body)
        (place / f".{number}").rename(place / f"bad-{number}")
    for number in range(60):
        (place / ".large").write_bytes(large % (b"y" * (4 * MIB - 64 * 1024)))
        (place / ".large").rename(place / f"large-{number}")
        with contextlib.suppress(FileNotFoundError):
            while (place / f"large-{number}").exists() and number % 4 == 3:
                time.sleep(0.1)
    for number in range(20):
        (place / f"directory-{number}/deeper/still").mkdir(parents=True)
        (place / f"link-{number}").symlink_to("/etc/shadow")
    return len(bodies) * 5 + 60 + 40


def connections(arena: "Arena") -> int:
    """300 connections that say nothing, then 300 that stop in the middle of a body."""
    began = b"POST /stsAgent/intake HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{"
    for said in (b"", began):
        with crowd(arena, 300, said):
            time.sleep(8)
    return 600


def bodies(arena: "Arena") -> int:
    """16 posts at a time of 1 MiB of the smallest events."""
    body = b'{"events":{"custom":[' + (ONE * (MIB // len(ONE) - 100))[:-1] + b"]}}"
    with ThreadPoolExecutor(16) as pool:
        return len(list(pool.map(lambda _: post(arena, body), range(32))))


def fuzz(arena: "Arena") -> int:
    """JSON that no reader takes, and requests with bytes changed at random."""
    random_ = random.Random(8)
    right = b'POST /stsAgent/intake HTTP/1.1\r\nHost: x\r\nContent-Length: 49\r\n\r\n{"events":{"custom":[{"msg_title":"x","data":1}]}}'
    for _ in range(2000):
        said = bytearray(right)
        for _ in range(random_.randrange(1, 8)):
            said[random_.randrange(len(said))] = random_.randrange(256)
        with crowd(arena, 1, bytes(said)):
            pass
    for _ in range(10):
        for bad in NO_JSON:
            post(arena, b'{"events":{"custom":[{"msg_title":"x","context":{"data":{"a":%b}}}]}}' % bad)
    arena.host.agent("log", "-n", "100")
    return 2000 + 10 * len(NO_JSON)


def flood(arena: "Arena") -> int:
    """Events of 17 bytes, as many as are taken, while one receiver is away."""
    end = time.monotonic() + 20
    count = 0
    while time.monotonic() < end:
        body = b'{"events":{"n%d":[%b]}}' % (count % 1000, (ONE * 50)[:-1])
        if post(arena, body) != 200:
            time.sleep(0.05)
        count += 50
    return count


def member(arena: "Arena") -> int:
    """Paths that are not for him, tried by a member of the group."""
    host = arena.host
    host.shell("id member >/dev/null 2>&1 || useradd --groups sts-agent member")
    script = (
        "from pathlib import Path\nfrom agent.cli.daemon_client import ask\n"
        "for _ in range(25):\n for p in ('retry', 'discard'):\n"
        "  r = ask(Path('/run/sts-agent/intake.sock'), 'POST', f'/rejected/{p}', b'{\"all\": true}')\n"
        "  assert r.status == 403, r\n"
    )
    host.run("/opt/sts-agent/bin/python", "-c", script, user="member")
    return 50


def typos(arena: "Arena") -> int:
    """Wrong configurations: reloads, and a restart with each."""
    host = arena.host
    right = host.read("/etc/sts-agent/agent.yaml")
    wrong = (
        "hostnmae: x\n",
        "[" * 60_000,
        "- " * 32_000,
        "destinations: {x: {api_key:K}}\n",
        "\t\0",
        "a: *b\n",
    )
    for text in wrong:
        host.write("/etc/sts-agent/agent.yaml", right + text)
        host.run("systemctl", "reload", "sts-agent.service", check=False)
        host.run("systemctl", "kill", "--signal=HUP", "sts-agent.service")
        time.sleep(1)
        arena.restart()
    host.write("/etc/sts-agent/agent.yaml", right)
    host.reload()
    return 3 * len(wrong)


def lack(arena: "Arena") -> int:
    """No descriptor and no thread to be had, with 100 connections waiting."""
    for limit in ("--nofile=20:", "--nproc=1:"):
        arena.host.run("prlimit", f"--pid={arena.pid()}", limit, user="sts-agent")
        with crowd(arena, 100, b""):
            time.sleep(6)
        arena.host.run("prlimit", f"--pid={arena.pid()}", "--nofile=1024:", "--nproc=4096:", user="sts-agent")
    return 2


def disk(arena: "Arena") -> int:
    """Disk filled by somebody else, three times."""
    for _ in range(3):
        arena.host.shell(f"dd if=/dev/zero of={SPOOL}/filler bs=64k status=none || true")
        time.sleep(6)
        arena.host.run("rm", f"{SPOOL}/filler")
        time.sleep(2)
    return 3


def damage(arena: "Arena") -> int:
    """Pages of spool.db overwritten while it is in use."""
    path = arena.host.path(f"{SPOOL}/spool.db")
    for number in range(5):
        pages = path.stat().st_size // 4096
        with path.open("r+b", buffering=0) as database:
            database.seek(4096 * (pages * (number + 1) // 6))
            database.write(os.urandom(4096))
        time.sleep(3)
    return 5


def many(arena: "Arena") -> int:
    """450 texts of 100 KB and 40 000 small files, in a spool of 8 MiB."""
    place = arena.host.path("/etc/app/many")
    place.mkdir()
    for number in range(450):
        (place / f"text-{number}.conf").write_text(f"line {number}\n" * 9000)
    for number in range(40_000):
        (place / f"{number}").write_text("x\n")
    time.sleep(30)
    return 40_450


ATTACKS: Mapping[str, Callable[["Arena"], int]] = {
    attack.__name__: attack
    for attack in (
        files, own, names, incoming, connections, bodies, fuzz, flood, member, typos, lack, disk, damage, many,
    )
}  # fmt: skip
