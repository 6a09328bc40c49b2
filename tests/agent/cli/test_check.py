"""`check` tells everything that is wrong and exits 2, or what counts and exits 0."""

import json
import re
import threading
from pathlib import Path

import pytest

from agent.cli import main
from agent.configuration.applications import load_application
from agent.doctor.watched import missing

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


@pytest.mark.parametrize("words", [["check", "--config", ""], ["check", ""], ["--config", "", "run"]])
def test_a_name_that_is_empty_is_no_directory(words, capsys):
    assert main(words) == 2
    assert "the name of the file is empty" in capsys.readouterr().err


def test_a_file_that_was_asked_for_must_exist(tmp_path, capsys):
    assert main(["check", "--config", str(tmp_path / "none.yaml")]) == 2
    assert capsys.readouterr().err == f"{tmp_path}/none.yaml:1: does not exist\n"


def test_what_counts_is_shown_with_secrets_masked(file, capsys):
    assert main(["check", "--show", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "max_size: 512MiB" in shown
    assert "hidden" not in shown


def test_programs_get_what_counts_as_json(file, capsys):
    assert main(["check", "--json", "--show", "--config", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["destinations"]["main"]["api_key"] == "***"
    assert re.fullmatch("[0-9a-f]{16}", told["configuration_hash"])


def test_programs_get_a_list_of_the_problems_each_with_its_place_and_what_to_do(file, capsys):
    assert main(["check", "--json", "--config", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == []
    file.write_text("spool:\n  max_sise: 1GiB\nhostname: 12\n")
    assert main(["check", "--json", "--config", str(file)]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out) == [
        {
            "file": str(file),
            "line": 2,
            "column": 3,
            "key": "spool.max_sise",
            "message": "unknown key",
            "hint": "did you mean max_size?",
        },
        {
            "file": str(file),
            "line": 3,
            "column": 11,
            "key": "hostname",
            "message": "is a whole number, must be a host name without spaces or placeholders",
            "hint": "put it in quotes",
        },
    ]
    assert said.err.splitlines()[0] == f"{file}:2: spool.max_sise: unknown key; did you mean max_size?"


def test_what_is_no_yaml_has_a_column_as_well(file, capsys):
    file.write_text("a: [1,\nb: 2\n")
    assert main(["check", "--json", "--config", str(file)]) == 2
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["line"], told["column"]) > (1, 1)


ON_THE_HOST_ALONE = """
destinations:
  a: {url: 'https://sts.example.com/stsAgent', api_key_file: /nonexistent/key, tls: {ca_file: /nonexistent/ca.pem}}
  b: {url: 'https://other.example.com/stsAgent'}
intake:
  http: {listen: '127.0.0.1:7078', token_file: /nonexistent/token}
"""


def test_a_build_job_leaves_out_what_only_the_host_has(file, capsys):
    file.write_text(ON_THE_HOST_ALONE)
    (file.parent / "conf.d").mkdir()
    (file.parent / "conf.d" / "a.yaml").write_text("services: [{units: [no-such.service]}]\n")
    assert main(["check", "--config", str(file)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 4
    assert main(["check", "--no-keys", "--config", str(file)]) == 0
    assert capsys.readouterr().err == ""
    file.write_text(ON_THE_HOST_ALONE.replace("7078", "0"))
    assert main(["check", "--no-keys", "--config", str(file)]) == 2


def test_a_file_of_conf_d_is_checked_by_itself(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("STS_AGENT_CONFIG", str(tmp_path / "none.yaml"))
    right, wrong = tmp_path / "right.yaml", tmp_path / "wrong.yaml"
    right.write_text("files: [{paths: [/etc]}]\n")
    wrong.write_text("log_level: info\nfiles: [{paths: ['/**']}]\n")
    assert main(["check", str(right)]) == 0
    assert capsys.readouterr() == (f"{right}: ok\n", "")
    assert main(["check", "--no-keys", "--json", str(right), str(wrong), str(tmp_path / "absent.yaml")]) == 2
    told = json.loads(capsys.readouterr().out)
    assert [(one["file"], one["line"], one["key"]) for one in told] == [
        (str(wrong), 1, "log_level"),
        (str(wrong), 2, "files[0].paths[0]"),
        (str(tmp_path / "absent.yaml"), 1, ""),
    ]
    assert told[0]["hint"] == "it belongs into agent.yaml"


def test_a_directory_is_named_with_what_to_write_instead(tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == 2
    assert (
        capsys.readouterr().err
        == f"sts-agent: {tmp_path} is a directory (name its files: {tmp_path}/*.yaml)\n"
    )


def test_a_file_that_never_ends_is_not_read_to_its_end(capsys):
    assert main(["check", "/dev/zero"]) == 2
    assert "/dev/zero:1: is larger than" in capsys.readouterr().err


def test_an_agent_yaml_is_no_file_of_conf_d_and_one_of_another_suffix_is_not_read(file, tmp_path, capsys):
    assert main(["check", str(file)]) == 2
    assert f"sts-agent check --config {file}" in capsys.readouterr().err
    other = tmp_path / "nginx.yml"
    other.write_text("tags: [a:b]\n")
    assert main(["check", str(other)]) == 0
    assert "its name does not end in .yaml" in capsys.readouterr().err


def test_an_entry_that_fits_nothing_here_is_a_warning_and_none_in_a_build_job(tmp_path, capsys):
    file = tmp_path / "a.yaml"
    file.write_text("services: [{units: [no-such-service-anywhere.service]}]\n")
    assert main(["check", str(file)]) == 0
    capsys.readouterr()
    assert main(["check", "--no-keys", str(file)]) == 0
    assert capsys.readouterr().err == ""


def test_what_is_likely_not_meant_is_a_warning(file, capsys):
    file.write_text("")
    assert main(["check", "--config", str(file)]) == 0
    assert "warning: no destination" in capsys.readouterr().err


SAMPLES = sorted((Path(__file__).parents[3] / "packaging" / "conf.d").glob("*.yaml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_every_sample_of_conf_d_is_clean(sample, capsys):
    assert main(["check", "--no-keys", str(sample)]) == 0
    assert capsys.readouterr() == (f"{sample}: ok\n", "")


@pytest.mark.parametrize(
    "name",
    ["nginx", "apache", "postgresql", "mysql", "redis", "haproxy", "sshd", "cron", "docker", "kubelet"],
)
def test_the_sample_of_an_application_watches_its_service_and_its_files_under_its_own_tag(name):
    [sample] = [sample for sample in SAMPLES if sample.stem == name]
    entries = load_application(sample)
    assert entries.keys() == {"services", "files"}
    for one in (*entries["services"], *entries["files"]):
        assert one.tags == (f"app:{name}",)
        assert one.element_identifiers == (f"urn:component:/{name}",)


def test_paths_of_which_nothing_is_there_are_noted_and_are_no_mistake(file, capsys, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (there / "link").symlink_to("nowhere")
    paths = [
        f"{there}/a.conf",
        f"{there}/*.conf",
        f"{there}/**",
        f"{there}/link",
        f"{tmp_path}/ther/**",
        str(there),
    ]
    conf = tmp_path / "conf.d" / "a.yaml"
    conf.parent.mkdir()
    conf.write_text(json.dumps({"files": [{"paths": paths}]}))
    told = f"2 paths do not exist (yet): {there}/a.conf, {tmp_path}/ther/**"
    assert main(["check", "--config", str(file)]) == 0
    assert f"note: files: {told}\n" in capsys.readouterr().err
    assert main(["check", str(conf)]) == 0
    assert f"note: {conf}: {told}\n" in capsys.readouterr().err
    assert main(["check", "--no-keys", "--config", str(file)]) == 0
    assert "note: " not in capsys.readouterr().err


def test_a_path_on_a_file_system_that_does_not_answer_keeps_check_only_so_long():
    ended = threading.Event()
    asked = []

    def ask(path):
        asked.append(str(path))
        if path == Path("/dead"):
            ended.wait()
        raise FileNotFoundError

    assert list(missing(["/a", "/dead/**", "/b"], ask, 0.01)) == ["/a does not exist (yet)"]
    ended.set()
    assert asked == ["/a", "/dead"]
