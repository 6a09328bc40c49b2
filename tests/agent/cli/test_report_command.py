"""`sts-agent report` writes one file whole or not at all."""

import json
import stat
import subprocess
import sys

import pytest

from agent import cli
from spool import Spool


@pytest.fixture
def configuration(tmp_path):
    with Spool.open(tmp_path / "spool"):
        pass
    file = tmp_path / "agent.yaml"
    file.write_text(f"spool: {{directory: {tmp_path}/spool}}\n")
    return file


@pytest.fixture
def report(configuration, capfd):
    def run(*words, expect=0):
        assert cli.main(["--config", str(configuration), "report", *words]) == expect
        return capfd.readouterr()

    return run


def test_it_writes_a_file_for_its_owner_alone_and_leaves_nothing_beside_it(tmp_path, report):
    page = tmp_path / "out" / "host.html"
    page.parent.mkdir()
    page.write_text("an older one")
    report("-o", str(page))
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert [*page.parent.iterdir()] == [page]


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path, report):
    target, link = tmp_path / "precious", tmp_path / "host.html"
    target.write_text("precious")
    link.symlink_to(target)
    report("-o", str(link))
    assert target.read_text() == "precious"
    assert not link.is_symlink()


def test_a_dash_is_stdout(report):
    assert report("-o", "-").out.startswith("<!DOCTYPE html>")


def test_a_full_disk_is_one_clean_error(configuration):
    ended = subprocess.run(
        [sys.executable, "-m", "agent.cli", "--config", configuration, "report", "-o", "/dev/full"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == "sts-agent: /dev/full: No space left on device\n"


def test_a_directory_that_is_not_there_is_named(tmp_path, report):
    assert str(tmp_path / "none") in report("-o", str(tmp_path / "none/host.html"), expect=1).err


def test_a_name_that_is_empty_is_wrong_usage(report):
    assert "the name of the file is empty" in report("-o", "", expect=2).err


@pytest.mark.parametrize("words", [["--since", "soon"], ["--around", "never"], ["--around", ""]])
def test_a_time_that_is_none_is_wrong_usage(tmp_path, report, words):
    assert "is no time" in report("-o", str(tmp_path / "x.html"), *words, expect=2).err


def test_without_jinja2_it_says_how_to_install_it(tmp_path, report, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for name in [name for name in sys.modules if name.startswith("agent.report.page")]:
        monkeypatch.delitem(sys.modules, name)
    assert "pip install 'sts-agent[report]'" in report("-o", str(tmp_path / "x.html"), expect=1).err


def test_around_a_moment_of_just_now_it_shows_no_time_that_is_yet_to_come(report):
    page = report("-o", "-", "--around", "1s").out
    found = json.loads(page.split('<script id="data" type="application/json">')[1].split("</script>")[0])
    assert found["around"] < found["until"] <= found["now"] + 1
    assert found["since"] < found["around"]
