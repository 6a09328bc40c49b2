"""Whatever stands in events, answers, names and configuration, no command writes what a terminal would obey."""

import json
import re
import time
from contextlib import suppress

import pytest

from agent import cli
from spool import Position, Record, Rejection, Spool, compress

HOSTILE = "a\x1b[31mred\x1b]0;title\x07\x9b2J\rover\u202eback\u2028under\nforged line"
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")
COMMANDS = [
    ["log"], ["log", "--diff"], ["log", "--full"], ["log", "--json"], ["log", HOSTILE], ["log", "--since", HOSTILE],
    ["rejected", "list"], ["rejected", "show", "1"], ["rejected", "show", HOSTILE], ["status"], ["status", "--json"],
    ["check"], ["check", "--show"], ["check", "--json"], ["check", HOSTILE], ["doctor"], ["plan", "list"], ["report", "--since", HOSTILE],
    ["event", "send", HOSTILE, "--title", HOSTILE, "--tags", HOSTILE], [HOSTILE], ["--config", HOSTILE, "status"], ["help", HOSTILE],
]  # fmt: skip


@pytest.fixture
def host(tmp_path):
    """Return the path of a configuration of a host on which everything foreign is hostile."""
    data = {
        "path": HOSTILE,
        "diff": f"-{HOSTILE}\n+b\n",
        "changes": [{"key": HOSTILE, "old": HOSTILE, "new": 1}],
    }
    event = {
        "context": {"category": "Others", "source": HOSTILE, "source_identifier": HOSTILE, "data": data},
        "event_type": HOSTILE,
        "msg_title": HOSTILE,
        "msg_text": HOSTILE,
        "tags": [HOSTILE],
        "timestamp": int(time.time()) - 60,
    }
    body = json.dumps(event).encode()
    with Spool.open(tmp_path / "spool") as spool:
        spool.positions.attach("main", "identity")
        spool.records.append(
            [
                Record(
                    name=HOSTILE, count=1, first_time=event["timestamp"], last_time=event["timestamp"],
                    event_types=(HOSTILE,), tags=(HOSTILE,), hostname=HOSTILE, boot_id="b", boottime=1.0,
                    captured=float(event["timestamp"]), clock_trusted=True, segment=compress(body),
                )
            ]
        )  # fmt: skip
        batch = spool.records.read("main", max_events=1, max_bytes=100_000)
        refused = Rejection(Position(batch.pieces[0].number, 0), HOSTILE, body, f"400: {HOSTILE}", 400)
        spool.records.acknowledge("main", batch.upto, delivered=0, rejected=[refused])
    written = tmp_path / "agent.yaml"
    quoted = json.dumps(HOSTILE)
    written.write_text(
        f"spool: {{directory: {tmp_path}/spool}}\nsocket: {{path: {tmp_path}/none.sock}}\ntags: [{quoted}]\n{quoted}: 1\n"
        f"collectors: {{{quoted}: {quoted}}}\n"
    )
    return written


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words).replace(HOSTILE, "HOSTILE"))
@pytest.mark.parametrize("is_right", [False, True], ids=["wrong configuration", "right configuration"])
def test_no_command_writes_what_a_terminal_would_obey_or_forges_a_line(host, words, is_right, capsys):
    if is_right:
        host.write_text("\n".join(host.read_text().split("\n")[:1]) + "\n")
    with suppress(SystemExit):  # how a misuse of the command line ends
        cli.main(["--config", str(host), *words])
    said = capsys.readouterr()
    assert said.out or said.err or words[0] in {"plan", "status"}
    for text in (said.out, said.err):
        assert not OBEYED.search(text)
        assert not [line for line in text.split("\n") if line.startswith("forged")]
