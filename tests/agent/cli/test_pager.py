"""`log` on a terminal is paged, as people know it of other commands: a real terminal, the real `less` or what `$PAGER` names."""

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spool import Record, Spool, compress

PROGRAM = str(Path(sys.executable).with_name("sts-agent"))
PATIENCE_SECONDS = 120
ROWS, COLUMNS = 24, 80

needs_less = pytest.mark.skipif(not shutil.which("less"), reason="needs less: make test-deps")


def keep(directory, count):
    """Keep events in a spool, their numbers in their titles."""
    with Spool.open(directory / "spool") as spool:
        for first in range(0, count, 500):
            bodies = [
                b'{"event_type":"TestEvent","msg_title":"title-%05d","timestamp":%d,"context":{"data":{}},"tags":[]}'
                % (number, 1_790_000_000 + number)
                for number in range(first, min(first + 500, count))
            ]
            record = Record(
                name="custom",
                count=len(bodies),
                first_time=1_790_000_000 + first,
                last_time=1_790_000_000 + first + len(bodies),
                event_types=("TestEvent",),
                tags=(),
                hostname="h",
                boot_id="b",
                boottime=1.0,
                captured=1_790_000_000.0,
                clock_trusted=True,
                segment=compress(b",".join(bodies)),
            )
            spool.records.append([record])


class Terminal:
    """A command on a terminal of its own; `seen` is all that it has shown."""

    def __init__(self, directory, *words, **environ):
        self.seen = ""
        self.errors = directory / "stderr"
        known = {
            name: value for name, value in os.environ.items() if name not in {"PAGER", "LESS", "COLUMNS"}
        }
        self._ours, theirs = pty.openpty()
        import fcntl
        import struct
        import termios

        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [PROGRAM, "--config", str(directory / "agent.yaml"), "log", *words],
                stdin=theirs,
                stdout=theirs,
                stderr=errors,
                env={**known, "TERM": "xterm", **environ},
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no thread holds a lock
            )
        os.close(theirs)

    def until(self, words):
        """Wait until it has shown `words`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while words not in self.seen:
            assert time.monotonic() < deadline, self.seen[-2000:]
            self._take(0.5)

    def press(self, keys):
        os.write(self._ours, keys.encode())

    def end(self, press=""):
        """Wait until it has ended; return its exit status. `press` is pressed until it does."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.seen[-2000:]
            if press:
                self.press(press)
            self._take(0.2)
        while self._take(0.1):
            pass
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._ours)

    def _take(self, seconds):
        if not select.select([self._ours], [], [], seconds)[0]:
            return b""
        try:
            taken = os.read(self._ours, 65_536)
        except OSError:  # nobody has the other end any more
            return b""
        self.seen += taken.decode("utf-8", "replace")
        return taken


@pytest.fixture
def on_a_terminal(tmp_path):
    (tmp_path / "agent.yaml").write_text(f"spool: {{directory: {tmp_path}/spool}}\n")
    opened = []

    def run(*words, events=2000, **environ):
        if not (tmp_path / "spool").exists():
            keep(tmp_path, events)
        opened.append(Terminal(tmp_path, *words, **environ))
        return opened[-1]

    yield run
    for one in opened:
        one.close()


@needs_less
def test_a_long_history_is_shown_a_screen_at_a_time_and_q_ends_it_quietly(on_a_terminal):
    shown = on_a_terminal()
    shown.until("title-00020")
    assert "title-00040" not in shown.seen
    shown.press(" ")
    shown.until("title-00040")
    assert "title-00100" not in shown.seen
    shown.press("G")
    shown.until("title-01999")
    shown.press("q")
    assert shown.end() == 0
    assert shown.errors.read_text() == ""


@needs_less
def test_q_ends_a_history_that_is_not_read_to_its_end(on_a_terminal):
    shown = on_a_terminal(events=50_000)
    shown.until("title-00020")
    shown.press("q")
    assert shown.end() == 0
    assert shown.errors.read_text() == ""


@needs_less
def test_what_fits_on_one_screen_is_shown_without_waiting_for_a_key(on_a_terminal):
    shown = on_a_terminal("-n", "3")
    assert shown.end() == 0
    assert [f"title-0199{n}" in shown.seen for n in range(6, 10)] == [False, True, True, True]


@needs_less
def test_a_pager_of_roots_is_no_shell(on_a_terminal):
    shown = on_a_terminal()
    shown.until("title-00020")
    shown.press("!")
    shown.until("not available")
    shown.press("\n")
    assert shown.end("q") == 0


@needs_less
def test_ctrl_c_is_a_key_of_the_pager(on_a_terminal):
    shown = on_a_terminal(events=50_000)
    shown.until("title-00020")
    shown.press("\x03")
    assert shown.end("q") in {0, 130}  # what is pressed beside it may be lost
    assert "Traceback" not in shown.seen + shown.errors.read_text()


def test_the_pager_is_the_one_that_the_environment_names(on_a_terminal):
    shown = on_a_terminal(PAGER="sed s/title/paged/")
    assert shown.end() == 0
    assert "paged-00000" in shown.seen
    assert "paged-01999" in shown.seen


@pytest.mark.parametrize("pager", ["", "cat", "no-such-pager", "'"])
def test_without_a_pager_that_can_be_had_all_is_shown(on_a_terminal, pager):
    shown = on_a_terminal(PAGER=pager)
    assert shown.end() == 0
    assert "title-00000" in shown.seen
    assert "title-01999" in shown.seen


def test_following_is_not_paged(on_a_terminal):
    shown = on_a_terminal("-f", PAGER="sed s/title/paged/")
    shown.until("title-01999")
    assert "paged" not in shown.seen
    shown.press("\x03")
    assert shown.end() in {0, 130}
    assert "Traceback" not in shown.seen + shown.errors.read_text()


def test_a_pipe_is_not_paged(on_a_terminal, tmp_path):
    on_a_terminal("-n", "0", PAGER="cat").end()
    command = [PROGRAM, "--config", str(tmp_path / "agent.yaml"), "log"]
    piped = subprocess.run(
        command, env={**os.environ, "PAGER": "sed s/title/paged/"}, capture_output=True, check=True
    )
    assert piped.stdout.count(b"title-") == 2000
