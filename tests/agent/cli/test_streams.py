"""What holds for the output of every command: pipes that end, disks that are full, any locale, closed streams."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent import cli
from spool import Record, Spool, compress

PROGRAM = str(Path(sys.executable).with_name("sts-agent"))
TITLE = "ü 漢 🙂 \x1b[2J"

COMMANDS = [
    ["status"],
    ["status", "--json"],
    ["log"],
    ["log", "--json"],
    ["check"],
    ["check", "--show"],
    ["rejected", "list"],
    ["rejected", "list", "--json"],
    ["event", "send", "X", "--title", TITLE],
    ["version"],
    ["help", "log"],
    ["--help"],
    ["--version"],
]
SHOWING = [words for words in COMMANDS if words[0] != "rejected"]
"""Those that have something to show here: nothing was rejected."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("agent")
    (directory / "agent.yaml").write_text(
        f"spool: {{directory: {directory}/spool}}\nintake: {{socket: {directory}/s}}\n"
    )
    event = {"msg_title": TITLE, "event_type": "T", "timestamp": 5}
    one = Record(
        name="custom",
        count=1,
        first_time=5,
        last_time=5,
        event_types=("T",),
        tags=(),
        hostname="h",
        boot_id="b",
        boottime=1.0,
        captured=5.0,
        clock_trusted=True,
        segment=compress(json.dumps(event).encode()),
    )
    with Spool.open(directory / "spool") as spool:
        spool.records.append([one] * 3)
    return directory


@pytest.fixture
def run(directory):
    def run(words, **more):
        environ = {
            key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "LC_", "LANG"))
        }
        environ |= more.pop("environ", {})
        more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        command = [PROGRAM, "--config", str(directory / "agent.yaml"), *words]
        return subprocess.run(command, env=environ, check=False, timeout=60, **more)

    return run


def shown(words):
    return " ".join(words)


@pytest.mark.parametrize("words", COMMANDS, ids=shown)
def test_a_reader_that_has_seen_enough_ends_it_quietly(run, words):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        ran = run(words, stdout=gone)
    assert ran.returncode == 0
    assert all(line.startswith(b"sts-agent: ") for line in ran.stderr.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        ["receiver", "--listen", "127.0.0.1:0"],
        ["demo", "--seconds", "1"],
        ["demo", "--seconds", "1", "--json"],
        ["log", "-f"],
    ],
    ids=shown,
)
def test_what_goes_on_until_it_is_told_ends_when_nobody_reads_it_any_more(run, words):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        ran = run(words, stdout=gone)
    assert ran.returncode == 0, ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize("words", SHOWING, ids=shown)
def test_a_full_disk_is_one_clean_error(run, words):
    with Path("/dev/full").open("wb") as full:
        ran = run(words, stdout=full)
    assert ran.returncode == 1
    said = [
        line for line in ran.stderr.decode().splitlines() if "warning" not in line and "action" not in line
    ]
    assert said == ["sts-agent: the result cannot be written: No space left on device"]


@pytest.mark.parametrize("words", [["status"], ["nonsense"], ["log", "-n", "x"]], ids=shown)
def test_messages_that_cannot_be_written_change_no_exit_status(run, words):
    with Path("/dev/full").open("wb") as full:
        ran = run(words, stderr=full)
    assert ran.returncode == (0 if words == ["status"] else 2)


@pytest.mark.parametrize("words", [["log"], ["version"], ["status"]], ids=shown)
def test_streams_may_be_closed(words, directory):
    command = f"exec {PROGRAM} --config {directory}/agent.yaml {shown(words)} >&- 2>&- <&-"
    assert subprocess.run(["/bin/sh", "-c", command], check=False, timeout=60).returncode == 0


LOCALES = [
    {"LC_ALL": "C"},
    {"LC_ALL": "POSIX"},
    {"LANG": "xx_YY.nonsense"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1:strict"},
]


@pytest.mark.parametrize("environ", LOCALES, ids=str)
@pytest.mark.parametrize(
    "words", [["log"], ["status"], ["check", "--show"], ["event", "send", "X", "--title", TITLE]], ids=shown
)
def test_any_locale_works(run, words, environ):
    ran = run(words, environ=environ)
    assert ran.returncode == 0, ran.stderr
    assert b"\x1b" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("environ", LOCALES, ids=str)
def test_json_is_the_same_json_in_any_locale(run, environ):
    ran = run(["log", "--json", "-n", "1", "--type", "T"], environ=environ)
    assert (
        json.loads(ran.stdout.decode("latin-1" if "latin-1" in str(environ) else "utf-8"))["msg_title"]
        == TITLE
    )


def test_help_of_a_command_is_what_the_command_says_of_itself(capsys):
    assert cli.main(["help", "event", "send"]) == 0
    helped = capsys.readouterr().out
    assert cli.main(["event", "send", "--help"]) == 0
    assert helped == capsys.readouterr().out
    assert "--best-effort" in helped


def test_help_names_every_command_and_refuses_one_that_does_not_exist(capsys):
    assert cli.main(["help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in cli.COMMANDS)
    assert cli.main(["help", "nonsense"]) == 2


def test_the_version_is_a_command_as_well(capsys):
    assert cli.main(["version"]) == 0
    said = capsys.readouterr().out.split()
    assert cli.main(["version", "--json"]) == 0
    assert said == ["sts-agent", json.loads(capsys.readouterr().out)["version"]]


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_a_help_that_names_its_options(command, capsys):
    assert cli.main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: sts-agent {command}")


def test_the_whole_parser_knows_every_word_of_every_command():
    arguments = cli.make_parser().parse_args(["log", "--around", "14:03"])
    assert (arguments.command, arguments.around) == ("log", "14:03")
