"""What holds for every command."""

import subprocess
import sys
from argparse import Namespace

import pytest

from agent import cli
from agent.cli.daemon_client import NotAllowedError


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["status"], "status"),
        (["--config", "run", "status"], "status"),
        (["--config=x", "--user", "log", "run"], "log"),
        (["--help"], ""),
        ([], ""),
    ],
)
def test_the_command_is_the_first_word_that_is_no_global_option(words, name):
    assert cli.asked_for(words) == name


@pytest.mark.parametrize("words", [[], ["nonsense"], ["--nonsense"]])
def test_wrong_usage_exits_with_2(words, capsys):
    assert cli.main(words) == 2
    assert capsys.readouterr().out == ""


def test_help_names_every_command(capsys):
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in cli.COMMANDS)


def test_the_version_goes_to_stdout(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("sts-agent ")


def test_an_error_with_a_hint_is_told_without_a_traceback(capsys):
    def fail(_: Namespace) -> int:
        raise cli.CommandError("no such thing", "look elsewhere")

    assert cli.conclude(fail, Namespace()) == 1
    assert capsys.readouterr().err == "sts-agent: no such thing (look elsewhere)\n"


def test_every_problem_of_a_configuration_has_its_line_and_the_status_is_2(capsys):
    class WrongError(Exception):
        hint = ""
        problems = ("a.yaml:1: x: wrong", "b.yaml:2: y: wrong")

    def fail(_: Namespace) -> int:
        raise WrongError

    assert cli.conclude(fail, Namespace()) == 2
    assert capsys.readouterr().err == "a.yaml:1: x: wrong\nb.yaml:2: y: wrong\n"


def test_what_may_not_be_read_is_named_without_a_traceback(capsys):
    def fail(_: Namespace) -> int:
        raise PermissionError(13, "Permission denied", "/some/file")

    assert cli.conclude(fail, Namespace()) == 1
    assert capsys.readouterr().err == "sts-agent: /some/file: Permission denied\n"


def test_a_mistake_of_ours_is_not_hidden():
    def fail(_: Namespace) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli.conclude(fail, Namespace())


def test_no_command_is_imported_before_it_is_asked_for():
    code = "import sys, agent.cli; print(*[m for m in sys.modules if m.startswith('agent.')])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {*ran.stdout.split()} == {"agent.cli", "agent.cli.first_import", "agent.cli.plain_argparse"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["event", "send", "A", "--titel", "x"],
            "event send: error: unrecognized arguments: --titel; did you mean --title?",
        ),
        (["check", "--no-key"], "check: error: unrecognized arguments: --no-key; did you mean --no-keys?"),
        (["status", "--jsn=x"], "status: error: unrecognized arguments: --jsn=x; did you mean --json?"),
        (["log", "words"], "log: error: unrecognized arguments: words"),
        (["log", "-c", "Changes"], "log: error: unrecognized arguments: -c Changes"),
        (["--usr", "status"], "error: unrecognized arguments: --usr; did you mean --user?"),
        (
            ["rejected", "show", "x"],
            "rejected show: error: argument ID: 'x' is no ID (a number, see `sts-agent rejected list`)",
        ),
        (["rejected", "discard", "9223372036854775808"], "argument ID: '9223372036854775808' is no ID"),
        (["rejected", "retry", "1" * 5000], "is no ID"),
    ],
)
def test_a_word_that_a_command_does_not_know_is_told_as_its_own_before_what_is_missing(words, said, capsys):
    assert cli.main(words) == 2
    told = capsys.readouterr().err
    assert said in told.splitlines()[-1]
    assert told.startswith(f"usage: sts-agent {words[0] if not words[0].startswith('-') else '['}")


def test_all_that_was_rejected_and_some_of_it_are_not_asked_for_together(capsys):
    assert cli.main(["rejected", "retry", "--all", "4"]) == 2
    assert "IDs are named, and all of them" in capsys.readouterr().err


def test_what_stands_behind_two_dashes_or_in_one_value_is_no_option(capsys):
    assert cli.main(["check", "--", "--jsn.yaml"]) == 2
    assert "--jsn.yaml:1: does not exist" in capsys.readouterr().err
    assert cli.main(["event", "send", "A", "--text", "--- a diff", "--title=--x", "--tags", "no-tag"]) == 2
    assert "the tag 'no-tag'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "help_is"),
    [
        ("/rejected/retry", "use sudo"),
        ("/rejected/discard", "use sudo"),
        ("/drops/acknowledge", "use sudo"),
        ("/status", "usermod"),
        ("/plan/start", "usermod"),
        ("/stsAgent/intake", "usermod"),
    ],
)
def test_who_may_not_ask_is_sent_into_the_group_only_where_that_helps(target, help_is):
    assert help_is in NotAllowedError("/run/s", target).hint
