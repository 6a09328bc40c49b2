"""Nothing foreign moves a cursor, colours a terminal, or forges a line: not of a file, not of an event, not of a receiver."""

import io
import logging
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.history import Kept
from agent.cli.log_lines import below, one_line
from agent.cli.receiver import _line
from agent.cli.table import print_table
from agent.cli.terminal import Printable, coloured, printable_streams
from agent.events.stored_event import read
from agent.runtime.log_setup import start_logging
from agent.stand_in import Received
from agent.stand_in.verdict import Problem
from collectors._portable import printable, printable_lines

HOSTILE = "a\x1b[31mred\x1b]0;title\x07\x9b2J\rover\u202eback\nforged line"
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 漢 text", "plain ü 漢 text"),
        ("\x1b[31m", "\\u001b[31m"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\u202e\u2028\x85", "\\u202e\\u2028\\u0085"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_a_terminal_would_obey_reads_as_its_escape(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_any_text_is_one_printable_line(text):
    assert printable(text).isprintable()
    assert not OBEYED.search(printable_lines(text))
    assert printable_lines(text).count("\n") == text.count("\n")


def event(**data):
    context = {"category": "Others", "source": "x", "data": data}
    return read(
        _json(
            {"event_type": HOSTILE, "msg_title": HOSTILE, "msg_text": "", "timestamp": 1, "context": context}
        )
    )


def kept(event):
    return Kept(1, 0, b"", event, 1, 1.0)


def _json(value):
    import json

    return json.dumps(value).encode()


def test_an_event_in_the_log_is_one_line():
    shown = one_line(kept(event()))
    assert "\n" not in shown
    assert not OBEYED.search(shown)


def test_a_diff_and_its_changes_in_the_log_are_lines_that_no_terminal_obeys(capsys):
    with printable_streams():
        changed = event(
            diff="-a\x1b[2J\r\n+b\u2028c\td\n", changes=[{"key": HOSTILE, "old": HOSTILE, "new": 1}]
        )
        for line in below(kept(changed), full=True, diff=True):
            print(line)  # noqa: T201 - as the command does
    shown = capsys.readouterr().out
    assert not OBEYED.search(shown)
    assert shown.count("\n") == 3
    assert "\td" in shown


def test_a_cell_of_a_table_is_one_line_that_no_terminal_obeys(capsys):
    print_table(("destination", "last failure"), [("main", HOSTILE)])
    shown = capsys.readouterr().out
    assert not OBEYED.search(shown)
    assert not [line for line in shown.split("\n") if line.startswith("forged")]


def test_what_the_receiver_shows_of_an_event_and_its_faults_is_a_line_each():
    received = Received(
        name=HOSTILE,
        hostname=HOSTILE,
        event_type=HOSTILE,
        title=HOSTILE,
        arrived=1.0,
        request=1,
        event={},
        problems=(Problem(HOSTILE, HOSTILE, refused=False),),
    )
    shown = _line(received)
    assert shown.count("\n") == 1
    assert not OBEYED.search(shown)


@pytest.mark.parametrize("in_journal", [False, True])
def test_a_message_in_the_log_is_one_line_whatever_names_are_in_it(in_journal, monkeypatch, tmp_path):
    with (tmp_path / "log").open("w+") as stream:
        if in_journal:
            status = (tmp_path / "log").stat()
            monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        try:
            start_logging("info", stream)
            logging.getLogger("x").warning("%s cannot be read: %s", HOSTILE, HOSTILE)
            logging.getLogger("x").error("it failed", exc_info=ValueError(HOSTILE))
        finally:
            logging.basicConfig(handlers=[logging.NullHandler()], force=True)
        stream.seek(0)
        first, second, *traceback = stream.read().removesuffix("\n").split("\n")
    assert "cannot be read" in first
    assert "it failed" in second
    assert all(line.removeprefix("<3>").startswith("    ") for line in traceback)
    assert not OBEYED.search("".join((first, second, *traceback)))
    assert all(line.startswith("<") for line in (first, second, *traceback)) == in_journal


def test_whatever_a_command_prints_passes_the_gate(capsys):
    with printable_streams():
        print(HOSTILE)  # noqa: T201 - as a command does
        print(HOSTILE, file=sys.stderr)  # noqa: T201 - likewise
    shown = capsys.readouterr()
    assert not OBEYED.search(shown.out + shown.err)


def test_json_that_passes_the_gate_is_the_same_json():
    import json

    below = io.StringIO()
    Printable(below).write(json.dumps({"a": HOSTILE + "\U000e0001"}, ensure_ascii=False))
    assert OBEYED.search(below.getvalue()) is None


def test_what_colours_by_itself_writes_below_the_gate():
    below = io.StringIO()
    assert coloured(Printable(below)) is below
    assert coloured(below) is below
