"""The daemon's log, as the journal and as a person reads it."""

import os
import subprocess
import sys

CODE = (
    "import logging; from agent.runtime.log_setup import start_logging; start_logging('info');"
    "log = logging.getLogger('x'); log.info('one\\ntwo'); log.warning('three'); log.debug('four');"
    "logging.getLogger('urllib3').debug('five')"
)


def logged(tmp_path, stream):
    path = tmp_path / "stderr"
    with path.open("wb") as file:
        found = os.fstat(file.fileno())
        environ = {**os.environ, "JOURNAL_STREAM": stream.format(found=found)}
        subprocess.run([sys.executable, "-c", CODE], stderr=file, check=True, env=environ)
    return path.read_text().splitlines()


def test_the_journal_gets_the_level_and_each_message_as_one_line(tmp_path):
    lines = logged(tmp_path, "{found.st_dev}:{found.st_ino}")
    assert lines == ["<6>one\\ntwo", "<4>three"]


def test_another_stream_than_the_journals_gets_time_and_level(tmp_path):
    lines = logged(tmp_path, "1:2")
    assert lines[0].endswith("INFO    one\\ntwo")
    assert not any("four" in line or "five" in line for line in lines)
