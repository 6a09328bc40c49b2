"""What is handed in gets at most its share of the spool."""

import pytest

from agent.events.capture import INTAKE, Capture
from agent.events.chunk import Captured
from agent.events.identity import Identity
from agent.intake.quota import IntakeQuota
from collectors.event import Category, Event
from spool import Options, Spool, SpoolFull


def test_there_is_room_until_the_share_is_full():
    taken = [0]
    share = IntakeQuota(lambda: taken[0], lambda: 100, monotonic=lambda: 0.0)
    assert share.has_room(60)
    taken[0] = 60
    assert not share.has_room(60)
    assert share.has_room(40)


def test_it_measures_only_when_what_came_could_have_filled_it():
    measured = []
    share = IntakeQuota(lambda: measured.append(1) or 0, lambda: 1000, monotonic=lambda: 0.0)
    for _ in range(20):
        assert share.has_room(100)
    assert len(measured) == 2


def test_while_it_is_full_it_does_not_measure_for_each_request():
    measured = []
    now = [0.0]
    share = IntakeQuota(lambda: measured.append(1) or 100, lambda: 100, monotonic=lambda: now[0])
    for _ in range(20):
        assert not share.has_room(1)
    assert len(measured) == 1
    now[0] = 1.0
    assert not share.has_room(1)
    assert len(measured) == 2


def test_only_what_was_handed_in_and_not_taken_yet_counts(tmp_path):
    event = Event(
        name="config", event_type="T", category=Category.CHANGES, title="t", text="x" * 9000, timestamp=5
    )
    with Spool.open(tmp_path / "spool") as spool:
        capture = Capture(spool, Identity("web-1"))
        capture.keep([event], "files", {})
        capture.keep_posted([Captured("custom", b"{}", 5, "T")], capture.identity)
        assert spool.records.waiting_bytes(INTAKE) == 0
        spool.positions.attach("receiver", "identity", "oldest")
        assert 0 < spool.records.waiting_bytes(INTAKE) < spool.records.waiting_bytes("files") + 1000
        batch = spool.records.read("receiver", max_events=100, max_bytes=100_000)
        while batch.pieces:
            spool.records.acknowledge("receiver", batch.upto, delivered=batch.events)
            batch = spool.records.read("receiver", max_events=100, max_bytes=100_000)
        assert spool.records.waiting_bytes(INTAKE) == 0


def _post_until_refused(capture, share):
    for posted in range(100_000):
        try:
            capture.keep_posted(
                [Captured(f"n{posted}", b'{"msg_title":"x"}', 5, "T")],
                capture.identity,
                has_room=share.has_room,
            )
        except SpoolFull:
            return posted
    pytest.fail("the intake never refused")


def test_a_flood_of_tiny_posts_is_refused_before_it_pushes_out_what_the_host_saw(tmp_path):
    event = Event(
        name="config", event_type="T", category=Category.CHANGES, title="t", text="x" * 900, timestamp=5
    )
    with Spool.open(tmp_path / "spool", Options(max_size_bytes=1024 * 1024)) as spool:
        spool.positions.attach("receiver", "identity", "oldest")
        capture = Capture(spool, Identity("web-1"))
        share = IntakeQuota(
            lambda: spool.records.waiting_bytes(INTAKE), lambda: spool.records.room_bytes() // 2
        )
        for _ in range(20):
            capture.keep([event], "files", {})
        posted = _post_until_refused(capture, share)
        assert posted > 100
        for _ in range(200):
            capture.keep([event], "files", {})
        assert spool.status().drops == {}
        assert sum(path.stat().st_size for path in (tmp_path / "spool").iterdir()) <= 1024 * 1024
