"""A tenth of a processor, 64 MiB and a disk of 20 ms a flush: slow, and nothing is lost and nothing killed."""

import json
import shutil
import subprocess

import pytest
from harness.files import CHANGED, sha256
from harness.small_box import MEMORY_BYTES, UNIT, small_box

from agent.cli.daemon_client import ask

SOCKET = "/run/sts-agent/intake.sock"
PATIENCE_SECONDS = 300
BACKLOG, BATCH = 100_000, 200
PACKAGES = 200
VERSION = "VersionChangedEvent"


@pytest.fixture
def box(host):
    host.write("/etc/sts-agent/conf.d/app.yaml", "files:\n  - paths: ['/etc/app/**']\n")
    host.write("/etc/app/neighbour", "old\n")
    with small_box(host) as box:
        box.boot()
        host.wait_until_watching("files", "packages", timeout_seconds=PATIENCE_SECONDS)
        yield box
        assert box.restarts() == (0, 0)
        assert box.throttled() > 0
        assert int(box.limits.read("memory.max_usage_in_bytes")) <= MEMORY_BYTES


def post(host, titles):
    events = [{"event_type": "CountEvent", "msg_title": title} for title in titles]
    body = json.dumps({"events": {"custom": events}}).encode()
    answer = ask(host.path(SOCKET), "POST", "/stsAgent/intake", body, timeout_seconds=60)
    assert answer.status == 200


def counted(host):
    return [event["msg_title"] for event in host.receiver.of_type("CountEvent")]


def test_what_was_answered_survives_a_power_loss_and_arrives_once_in_its_order(box):
    host = box.host
    host.receiver.go_away()
    titles = [f"event {number}" for number in range(40)]
    for title in titles:
        post(host, [title])
    host.write("/etc/app/neighbour", "new\n")
    host.wait_in_log(CHANGED, timeout_seconds=PATIENCE_SECONDS)
    host.power_loss()
    box.boot()
    host.receiver.come_back()
    host.receiver.wait_for_event(CHANGED, PATIENCE_SECONDS, new_sha256=sha256("new\n"))
    assert counted(host) == titles


@pytest.mark.long
def test_an_upgrade_of_two_hundred_packages_is_told_package_by_package_and_file_by_file(box, tmp_path):
    host = box.host
    old, new = ([package(tmp_path, number, version) for number in range(PACKAGES)] for version in "12")
    host.shell(f"dpkg --force-unsafe-io -i {bring(host, old)}", timeout_seconds=PATIENCE_SECONDS)
    told(host, "installed", PACKAGES)
    for number in range(PACKAGES):
        host.receiver.wait_for_event(
            CHANGED, PATIENCE_SECONDS, path=f"/etc/app/part-{number}", change="created"
        )
    host.shell(
        f"dpkg --force-unsafe-io --force-confnew -i {bring(host, new)}", timeout_seconds=PATIENCE_SECONDS
    )
    told(host, "upgraded", PACKAGES)
    for number in range(PACKAGES):
        host.receiver.wait_for_event(
            CHANGED, PATIENCE_SECONDS, path=f"/etc/app/part-{number}", change="modified"
        )
    host.catch_up()
    upgraded = host.receiver.of_type(VERSION, action="upgraded")
    assert len(upgraded) == PACKAGES
    assert len(host.receiver.of_type(CHANGED, change="modified")) == PACKAGES


@pytest.mark.long
def test_a_backlog_of_a_hundred_thousand_outlives_a_restart_and_arrives_whole_and_in_order(box):
    host = box.host
    host.receiver.go_away()
    titles = [f"event {number}" for number in range(BACKLOG)]
    for first in range(0, BACKLOG, BATCH):
        post(host, titles[first : first + BATCH])
    host.run("systemctl", "restart", UNIT, timeout_seconds=PATIENCE_SECONDS)
    host.receiver.come_back()
    host.receiver.wait_for(lambda events: len(events) > BACKLOG, 2 * PATIENCE_SECONDS)
    assert counted(host) == titles


def package(directory, number, version):
    """Build a package with one file of configuration; return where it is."""
    tree = directory / f"part-{number}_{version}"
    (tree / "DEBIAN").mkdir(parents=True, mode=0o755)
    (tree / "etc/app").mkdir(parents=True)
    (tree / "etc/app" / f"part-{number}").write_text(f"{version}\n")
    (tree / "DEBIAN/conffiles").write_text(f"/etc/app/part-{number}\n")
    (tree / "DEBIAN/control").write_text(
        f"Package: part-{number}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <n@example.com>\n"
        "Description: made for a test\n"
    )
    built = tree.with_suffix(".deb")
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, built], check=True, capture_output=True
    )
    return built


def bring(host, packages):
    """Copy packages to the host; return the words that name them there."""
    host.path("/packages").mkdir(exist_ok=True)
    for one in packages:
        shutil.copy(one, host.path("/packages"))
    return " ".join(f"/packages/{one.name}" for one in packages)


def told(host, action, count):
    host.receiver.wait_for(
        lambda _: len(host.receiver.of_type(VERSION, action=action)) >= count, PATIENCE_SECONDS
    )
