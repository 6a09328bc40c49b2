"""`status` when the daemon does not answer: what is known is said, and nothing else."""

import json
import os
import socket
import tempfile
from pathlib import Path

import pytest

from agent import cli
from agent.cli.status_screen import lines
from agent.runtime.status import Destination, Document
from agent.runtime.status_actions import actions
from spool import Spool
from spool.lock import is_held


@pytest.fixture
def configuration(tmp_path):
    path = tmp_path / "agent.yaml"
    path.write_text(f"spool: {{directory: {tmp_path}/spool}}\nintake: {{socket: {tmp_path}/s}}\n")
    return path


@pytest.fixture
def status(configuration, capsys):
    def run(*words):
        found = cli.main(["--config", str(configuration), "status", *words])
        return found, capsys.readouterr().out

    return run


@pytest.fixture
def mute(tmp_path):
    """Something that listens at the socket and never says a word."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        yield listener


def test_a_daemon_that_is_not_there_is_not_running(status, tmp_path):
    Spool.open(tmp_path / "spool").close()
    found, said = status("--exit-code")
    assert found == 1
    assert "sts-agent is not running" in said


def test_before_the_first_run_a_destination_that_is_configured_is_not_said_to_be_missing(
    status, configuration
):
    assert "no destination is configured: events are recorded and sent nowhere" in status()[1]
    with configuration.open("a") as file:
        file.write("destinations: {main: {url: 'https://r.example/stsAgent', api_key: k}}\n")
    assert "no destination is configured" not in status()[1]


def test_what_else_is_wrong_stands_below_what_it_belongs_to():
    document = Document(
        running=True,
        hostname="h",
        set_aside={"/c/none.yaml": [], "/c/a.yaml": ["a1", "a2"]},
        refused_reload=["r1", "r2", "r3"],
        destinations={"main": Destination(state="paused", reason="403")},
    )
    document.action_needed, document.what_to_do = map(list, zip(*actions(document), strict=True))
    said = [line.strip() for line in lines(document) if line.startswith(("  !", "    also"))]
    assert said == [
        "! /c/none.yaml is wrong and was set aside",
        "! /c/a.yaml is wrong and was set aside: a1",
        "also: a2",
        "! a reload was refused: r1",
        "also: r2",
        "also: r3",
        "! destination main is paused: 403",
    ]


def test_who_runs_it_for_himself_is_sent_to_his_own_manager(status, tmp_path):
    Spool.open(tmp_path / "spool").close()
    assert "`systemctl start sts-agent`, then `journalctl -u sts-agent`" in status()[1]
    assert "`systemctl --user start sts-agent`, then `journalctl --user -u sts-agent`" in status("--user")[1]


@pytest.mark.usefixtures("mute")
def test_a_daemon_that_does_not_answer_in_time_is_running_and_its_files_speak_for_it(status, tmp_path):
    with Spool.open(tmp_path / "spool"):
        document = json.loads(status("--json")[1])
    assert document["running"] is True
    assert "did not come" in document["no_answer"]
    assert document["spool"]["directory"] == str(tmp_path / "spool")
    assert document["action_needed"] == [f"the daemon was not heard: {document['no_answer']}"]


@pytest.mark.usefixtures("mute")
def test_what_listens_and_is_no_daemon_of_this_spool_is_not_said_to_run_nor_not_to(status, tmp_path):
    Spool.open(tmp_path / "spool").close()
    found, said = status("--exit-code")
    assert found == 1
    assert "whether sts-agent is running cannot be told" in said
    assert "is not running" not in said


def test_a_daemon_without_its_socket_is_running(status, tmp_path):
    with Spool.open(tmp_path / "spool"):
        assert "sts-agent is running" in status()[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root can become somebody else")
def test_who_may_not_ask_hears_that_and_not_that_nothing_runs(capsys):
    with tempfile.TemporaryDirectory(prefix="sts-") as directory, socket.socket(socket.AF_UNIX) as listener:
        place = Path(directory)
        place.chmod(0o755)
        (place / "agent.yaml").write_text(
            f"spool: {{directory: {place}/spool}}\nintake: {{socket: {place}/s}}\n"
        )
        words = ["--config", str(place / "agent.yaml"), "status"]
        cli.main(words)  # loads what root alone may read here
        listener.bind(str(place / "s"))
        listener.listen()
        (place / "s").chmod(0o600)
        capsys.readouterr()
        with Spool.open(place / "spool"):
            os.seteuid(65534)
            try:
                cli.main(words)
            finally:
                os.seteuid(0)
    said = capsys.readouterr()
    assert "not allowed to use" in said.out
    assert "usermod --append --groups sts-agent USER" in " ".join(said.out.split())
    assert "is not running" not in said.out


def test_whether_a_spool_is_written_is_told_by_the_kernel_and_without_its_lock(tmp_path):
    assert is_held(tmp_path) is False
    with Spool.open(tmp_path / "spool"):
        assert is_held(tmp_path / "spool") is True
    assert is_held(tmp_path / "spool") is False


def test_where_the_kernel_does_not_tell_nothing_is_said(tmp_path):
    assert is_held(tmp_path, tmp_path / "no-such-file") is None


@pytest.mark.usefixtures("mute")
@pytest.mark.parametrize("columns", ["20", "60", "80"])
def test_no_line_is_wider_than_columns_says(status, tmp_path, monkeypatch, columns):
    Spool.open(tmp_path / "spool").close()
    monkeypatch.setenv("COLUMNS", columns)
    assert max(map(len, status()[1].splitlines())) <= int(columns)


def test_where_nobody_says_how_wide_a_line_is_whole(status, tmp_path, monkeypatch):
    Spool.open(tmp_path / "spool").close()
    monkeypatch.delenv("COLUMNS", raising=False)
    assert str(tmp_path / "spool") in status()[1]


def test_an_acknowledgement_needs_the_daemon(configuration, capsys):
    assert cli.main(["--config", str(configuration), "status", "--acknowledge"]) == 1
    assert "no daemon answers" in capsys.readouterr().err
