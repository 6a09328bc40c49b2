"""Files that are made to blind or end the agent, on a booted host under the shipped unit: their neighbours go on being told."""

import json

import pytest
from harness.files import CHANGED, UNIT, Files, sha256

pytestmark = pytest.mark.every_debian

SPOOL = "/var/lib/sts-agent"

BENIGN = """
import os
os.makedirs("/etc/app/hostile")
for suffix, text in (("yaml", "a: 1"), ("yml", "a: 1"), ("json", "{}"), ("toml", "a = 1"), ("conf", "a = 1")):
    open(f"/etc/app/hostile/x.{suffix}", "w").write(text)
open("/etc/app/hostile/times", "w").write("x")
open("/etc/app/hostile/names", "w").write("x")
open("/etc/app/hostile/dots.toml", "w").write("a = 1")
"""

HOSTILE = r"""
import os
def write(name, text):
    open(f"/etc/app/hostile/{name}", "w").write(text)
write("x.yaml", "[" * 60_000)
write("x.yml", "- " * 32_000)
write("x.json", '{"a\\ud800": "\\udfff"}')
write("x.toml", "a = 0x" + "f" * 20_000)
write("dots.toml", "a" + ".a" * 32_000 + " = 1")
write("x.conf", ('psk="" ' * 585 + "\n") * 50)
write("times", "y")
os.utime("/etc/app/hostile/times", ns=(10_413_792_000 * 10**9,) * 2)
os.setxattr("/etc/app/hostile/names", b"user.\xff\xfe", b"\xff")
os.symlink(b"/nowhere/\xff\xfe", "/etc/app/hostile/link")
open(b"/etc/app/hostile/\xff\xfe", "w").write("x")
os.mkfifo("/etc/app/hostile/fifo")
"""

NAMES = (
    "x.yaml", "x.yml", "x.json", "x.toml", "dots.toml", "x.conf", "times", "names", "link", "\\xff\\xfe",
)  # fmt: skip


@pytest.fixture
def off(host):
    return Files(host)


def files_state(host):
    return json.loads(host.agent("status", "--json").stdout)["collectors"]["files"]


def test_hostile_files_are_told_and_hold_nothing_else_up_also_after_a_restart(off):
    off.host.write("/etc/app/neighbour", "old\n")
    off.boot()
    off.host.python(BENIGN)
    off.host.receiver.wait_for_event(CHANGED, path="/etc/app/hostile/dots.toml", change="created")
    off.told()
    pid = off.host.property(UNIT, "MainPID")
    off.host.python(HOSTILE)
    for name in NAMES:
        off.host.receiver.wait_for(
            lambda events, path=f"/etc/app/hostile/{name}": any(
                event["context"]["data"].get("path") == path
                and event["context"]["data"].get("change") in {"modified", "attributes", "created"}
                and (event["context"]["data"]["change"] != "created" or "link" in path or "xff" in path)
                for event in events
            )
        )
    off.host.write("/etc/app/neighbour", "new\n")
    off.host.receiver.wait_for_event(CHANGED, path="/etc/app/neighbour", new_sha256=sha256("new\n"))
    assert off.host.property(UNIT, "MainPID") == pid
    assert not files_state(off.host).get("restarts")
    for round_ in ("first", "second"):
        off.host.run("systemctl", "stop", UNIT)
        off.host.write("/etc/app/neighbour", f"down {round_}\n")
        off.host.run("systemctl", "start", UNIT)
        off.wait_until_watching()
        down = sha256(f"down {round_}\n")
        told = off.host.receiver.wait_for_event(CHANGED, path="/etc/app/neighbour", new_sha256=down)
        assert told["context"]["data"]["while_agent_down"] is True
        off.host.write("/etc/app/neighbour", f"up {round_}\n")
        up = sha256(f"up {round_}\n")
        off.host.receiver.wait_for_event(CHANGED, path="/etc/app/neighbour", new_sha256=up)
    assert not files_state(off.host).get("restarts")
    assert off.host.property(UNIT, "NRestarts") == "0"
    hostile = [data["path"] for data in off.data() if "hostile/" in data["path"]]
    assert hostile.count("/etc/app/hostile/x.yaml") == 2, (
        "created and modified, and not again after a restart"
    )


def test_a_link_to_the_spools_own_files_neither_ends_the_daemon_nor_feeds_it(off):
    off.host.write("/etc/app/neighbour", "old\n")
    off.boot()
    pid = off.host.property(UNIT, "MainPID")
    for name in ("spool.db", "spool.db-wal", "spool.db-shm", "spool.lock"):
        off.host.path(f"/etc/app/link-{name}").symlink_to(f"{SPOOL}/{name}")
        off.host.run("ln", f"{SPOOL}/{name}", f"/etc/app/hard-{name}")
    off.told()
    for number in range(3):
        off.host.agent("log", "-n", "5")
        off.host.write("/etc/app/neighbour", f"{number}\n")
        off.host.receiver.wait_for_event(CHANGED, path="/etc/app/neighbour", new_sha256=sha256(f"{number}\n"))
    assert off.host.property(UNIT, "MainPID") == pid
    assert off.host.property(UNIT, "NRestarts") == "0"
    told = off.data()
    assert not [data["path"] for data in told if "/hard-" in data["path"]], "nothing of them is told, or read"
    links = [data for data in told if "/link-" in data["path"]]
    assert {data["change"] for data in links} == {"created"}, "told once, as links"
    assert all(data["new_sha256"] == sha256(data["new_target"]) for data in links)
    off.host.run("systemctl", "restart", UNIT)
    off.wait_until_watching()
    off.host.agent("log", "-n", "5")
    off.host.write("/etc/app/neighbour", "after the restart\n")
    off.host.receiver.wait_for_event(
        CHANGED, path="/etc/app/neighbour", new_sha256=sha256("after the restart\n")
    )
    assert off.host.property(UNIT, "NRestarts") == "0"


def test_a_link_that_a_user_planted_tells_nothing_of_what_he_may_not_read(off):
    off.host.path("/etc/app/inbox").mkdir()
    off.host.path("/etc/app/inbox").chmod(0o1777)
    off.boot()
    plant = "ln -s /etc/shadow /etc/app/inbox/planted; ln -s /etc/passwd /etc/app/inbox/public"
    off.host.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", plant)
    off.host.receiver.wait_for_event(CHANGED, path="/etc/app/inbox/public", change="created")
    off.host.shell("passwd -l games >/dev/null; usermod -c changed games")
    by_path = {data["path"]: data for data in off.data() if data["change"] == "created"}
    planted = by_path["/etc/app/inbox/planted"]
    assert planted["new_target"] == "/etc/shadow"
    assert (planted["new_sha256"], planted["new_size"]) == (sha256("/etc/shadow"), len("/etc/shadow"))
    assert planted["new_owner"] == "nobody:nogroup"
    followed = off.host.receiver.wait_for_event(CHANGED, path="/etc/app/inbox/public", change="modified")
    assert followed["context"]["data"]["new_sha256"] == sha256(off.host.read("/etc/passwd"))
    assert len([data for data in off.data() if data["path"] == "/etc/app/inbox/planted"]) == 1
