"""The one line that `systemctl status` shows."""

from agent.runtime.status_line import status_line
from agent.runtime.supervisor import State

WELL = {"files": State("running", "watching 3 files"), "packages": State("not applicable", "no dpkg")}


def test_it_says_what_works():
    assert status_line(WELL, ["b", "a"], {}) == "watching by 2 collectors, delivering to a, b"
    assert "recording on this host alone" in status_line({}, [], {})


def test_it_says_what_does_not():
    line = status_line(
        {"files": State("restarting", "x"), "host": State("stopped")},
        ["main"],
        {"main": "the key was refused"},
        not_listening=["metrics"],
        refused=True,
    )
    for part in (
        "main delivers nothing: the key was refused",
        "collector files fails",
        "collector host does not run",
        "metrics does not listen",
        "a reload was refused",
    ):
        assert part in line


def test_it_is_one_short_printable_line_whatever_a_receiver_answered():
    line = status_line(WELL, ["main"], {"main": "no\nSTATUS=fine\x1b[31m" + "x" * 5000})
    assert len(line) == 250
    assert line.isprintable()


def test_progress_is_no_change():
    assert status_line({"files": State("running", "watching 4 files")}, ["a"], {}) == status_line(
        {"files": State("starting")}, ["a"], {}
    )
