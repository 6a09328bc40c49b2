"""`check` tells everything that is wrong and exits 2, or what counts and exits 0."""

import json

import pytest

from agent.cli import main

URL = "https://sts.example.com/stsAgent"


@pytest.fixture
def file(tmp_path, monkeypatch):
    for variable in (
        "STS_API_KEY",
        "STS_STS_URL",
        "STS_URL",
        "STS_AGENT_CONFIG",
        "HTTPS_PROXY",
        "https_proxy",
    ):
        monkeypatch.delenv(variable, raising=False)
    file = tmp_path / "agent.yaml"
    file.write_text(f"hostname: h\ndestinations: {{main: {{url: '{URL}', api_key: hidden}}}}\n")
    return file


def test_a_right_configuration_is_said_to_be_right(file, capsys):
    assert main(["check", "--config", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: ok\n"


def test_two_problems_in_two_files_are_both_told_and_the_status_is_2(file, capsys):
    file.write_text("hostnam: h\n")
    (file.parent / "conf.d").mkdir()
    (file.parent / "conf.d" / "a.yaml").write_text("\nnonsense: 1\n")
    assert main(["check", "--config", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"{file}:1: hostnam: unknown key; did you mean hostname?",
        f"{file.parent}/conf.d/a.yaml:2: nonsense: unknown key",
    ]


def test_a_missing_key_file_is_a_problem(file, capsys):
    file.write_text(f"destinations:\n  main:\n    url: {URL}\n    api_key_file: /nonexistent\n")
    assert main(["--config", str(file), "check"]) == 2
    assert capsys.readouterr().err.startswith(f"{file}:4: destinations.main.api_key_file: ")


def test_a_file_that_was_asked_for_must_exist(tmp_path, capsys):
    assert main(["check", "--config", str(tmp_path / "none.yaml")]) == 2
    assert capsys.readouterr().err == f"{tmp_path}/none.yaml:1: does not exist\n"


def test_what_counts_is_shown_with_secrets_masked(file, capsys):
    assert main(["check", "--show", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "max_size: 512MiB" in shown
    assert "hidden" not in shown


def test_programs_get_json(file, capsys):
    assert main(["check", "--json", "--show", "--config", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"]
    assert told["effective"]["destinations"]["main"]["api_key"] == "***"
    file.write_text("a: 1\n")
    assert main(["check", "--json", "--config", str(file)]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["problems"] == [{"file": str(file), "line": 1, "key": "a", "text": "unknown key"}]


def test_what_is_likely_not_meant_is_a_warning(file, capsys):
    file.write_text("")
    assert main(["check", "--config", str(file)]) == 0
    assert "warning: no destination" in capsys.readouterr().err
