"""What goes wrong again and again is a line in the log now and then."""

import logging

from agent.http.trouble import Trouble


def test_the_same_is_said_once_and_then_folded(caplog):
    now = [0.0]
    trouble = Trouble(logging.getLogger("test"), "taking a connection", lambda: now[0])
    for _ in range(100):
        trouble.happened("no descriptors")
    trouble.happened("no memory")
    assert [record.getMessage() for record in caplog.records] == [
        "taking a connection: no descriptors; trying again",
        "taking a connection: no memory; trying again (99 failures since the last line)",
    ]
    now[0] = 601
    trouble.happened("no descriptors")
    assert len(caplog.records) == 3
