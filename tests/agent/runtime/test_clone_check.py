"""A spool that came with a cloned disk image sends nothing of the original, and learns anew."""

import pytest

from agent.events.capture import Capture
from agent.events.chunk import Captured
from agent.events.identity import Identity
from agent.runtime.clone_check import settle_in
from spool import Spool, leave_in_incoming


@pytest.fixture
def spool(tmp_path):
    with Spool.open(tmp_path / "spool") as spool:
        spool.positions.attach("receiver", "identity", "oldest")
        yield spool


def fill(spool):
    capture = Capture(spool, Identity("original"))
    capture.keep([], "files", {"path": b"fingerprint"})
    capture.keep_posted([Captured("custom", b"{}", 5, "T")], capture.identity)


def test_the_same_machine_keeps_what_it_has(spool):
    assert not settle_in(spool, "one")
    fill(spool)
    assert not settle_in(spool, "one")
    assert spool.memory("files").get("path") == b"fingerprint"
    assert spool.status().destinations[0].waiting_events == 1


def test_another_machine_forgets_and_sets_aside_and_says_so(spool, caplog):
    settle_in(spool, "one")
    fill(spool)
    assert settle_in(spool, "two")
    assert spool.memory("files").get("path") is None
    assert spool.status().destinations[0].waiting_events == 0
    assert "cloned image?): memory is forgotten, 1 undelivered event was set aside" in caplog.text
    assert not settle_in(spool, "two")


def test_a_machine_without_a_name_is_no_other_machine(spool):
    settle_in(spool, "one")
    fill(spool)
    assert not settle_in(spool, "")
    assert spool.memory("files").get("path") == b"fingerprint"


def test_what_was_left_behind_is_the_other_machines_unless_it_came_in_this_boot(spool):
    settle_in(spool, "one")
    leave_in_incoming(spool.directory, "theirs", b"{}")
    left_at = (spool.directory / "incoming/theirs").stat().st_ctime
    settle_in(spool, "two", lambda: left_at)
    assert [name for name, _ in spool.incoming.waiting()] == ["theirs"]
    settle_in(spool, "three", lambda: left_at + 1)
    assert list(spool.incoming.waiting()) == []
    assert (spool.directory / "incoming-refused/theirs").read_bytes() == b"{}"
