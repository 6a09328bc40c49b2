"""What the effective configuration is made of."""

from pathlib import Path

import pytest

from agent.configuration.location import locate
from agent.configuration.problem import ConfigurationError
from collectors.collector import Scoped


def test_a_collector_that_is_on_by_default_can_be_turned_off(written):
    assert "host" in written.load().collectors
    assert "host" not in written.agent("host: false").load().collectors
    assert "host" in written.agent("host: true").load().collectors


def test_entries_of_conf_d_carry_the_tags_and_identifiers_of_their_file(written):
    written.application(
        "b.yaml", "tags: [app:b]\nelement_identifiers: [urn:b]\nfiles: [{paths: [/b]}, {paths: [/c]}]"
    )
    written.application("a.yaml", "files: [{paths: [/a]}]\npuppet: {directory: /p}")
    collectors = written.load().collectors
    assert [(s.config.paths, s.tags, s.element_identifiers) for s in collectors["files"]] == [
        (("/a",), (), ()),
        (("/b",), ("app:b",), ("urn:b",)),
        (("/c",), ("app:b",), ("urn:b",)),
    ]
    assert collectors["puppet"][0].config.directory == "/p"


def test_conf_d_only_adds_to_the_defaults(written):
    written.application("a.yaml", "host: {}")
    assert len(written.load().collectors["host"]) == 2
    assert len(written.agent("host: false").load().collectors["host"]) == 1


def test_files_of_conf_d_with_another_suffix_are_named_and_not_read(written):
    written.application("a.yml", "nonsense: [").application("b.yaml.rpmnew", "]").application(
        ".b.yaml.swp", "]"
    )
    warnings = written.load().warnings
    assert [warning.partition(":")[0] for warning in warnings] == [
        str(written.directory / "conf.d" / "a.yml"),
        str(written.directory / "conf.d" / "b.yaml.rpmnew"),
    ]


def test_a_start_sets_a_wrong_file_of_conf_d_aside_whole(written):
    written.application("bad.yaml", "files: [{paths: [/a]}]\nfile: 1\n").application(
        "good.yaml", "files: [{paths: [/b]}]"
    )
    configuration = written.load(for_run=True)
    bad = written.directory / "conf.d" / "bad.yaml"
    assert configuration.set_aside == {bad: (f"{bad}:2: file: unknown key; did you mean files?",)}
    assert [s.config.paths for s in configuration.collectors["files"]] == [("/b",)]


def test_a_start_refuses_a_wrong_agent_yaml(written):
    assert written.agent("hots: true").problems(for_run=True) == [
        "agent.yaml:1: hots: unknown key; did you mean host?"
    ]


def test_a_reload_is_as_strict_as_a_check(written):
    written.application("bad.yaml", "file: 1\n")
    assert len(written.problems(for_run=True, strict=True)) == 1


def test_a_start_does_without_a_key_file_that_is_not_there(written):
    written.agent("destinations: {main: {url: 'https://x/', api_key_file: key}}")
    destination = written.load(for_run=True).settings.destinations["main"]
    assert destination.api_key_file == written.directory / "key"
    assert written.problems() != []
    (written.directory / "key").touch()
    assert "is empty" in written.problems()[0]
    (written.directory / "key").write_text("k")
    assert written.load().settings.destinations["main"] == destination


def test_without_a_destination_the_agent_is_a_recorder_and_says_so(written):
    assert "recorded" in written.agent("").load().warnings[0]


def test_every_file_that_counts_is_named(written):
    written.application("a.yaml", "")
    assert written.load().sources == (written.file, written.directory / "conf.d" / "a.yaml")


def test_two_loads_of_the_same_files_are_equal(written):
    written.application("a.yaml", "files: [{paths: [/a]}]")
    assert written.load() == written.load()
    assert written.load().collectors["host"] == (Scoped(written.load().collectors["host"][0].config),)


def test_aliases_are_followed_and_one_of_itself_does_no_harm(written):
    written.agent("tags: &t [a:b]\nelement_identifiers: *t\n")
    assert written.load().settings.element_identifiers == ("a:b",)
    written.agent("tags: &t [*t]\nspool: &s {max_size: 9B, directory: /x, more: *s}\n")
    assert len(written.problems()) == 3


class TestWhere:
    def test_the_option_wins_and_must_exist(self, tmp_path):
        named = tmp_path / "x.yaml"
        with pytest.raises(ConfigurationError, match="does not exist"):
            locate(named, environ={"STS_AGENT_CONFIG": "/dev/null"})
        named.touch()
        assert locate(named, environ={"STS_AGENT_CONFIG": "/dev/null"}).file == named

    def test_a_variable_that_names_nothing_falls_through_with_a_warning(self, tmp_path):
        location = locate(environ={"STS_AGENT_CONFIG": str(tmp_path / "none")})
        assert location.file == Path("/etc/sts-agent/agent.yaml")
        assert "does not exist" in location.warnings[0]

    def test_what_stands_in_the_way_does_not_fall_through(self, tmp_path):
        (tmp_path / "file").touch()
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        for there in (tmp_path / "file" / "agent.yaml", tmp_path / "loop"):
            assert locate(environ={"STS_AGENT_CONFIG": str(there)}).file == there

    def test_a_desktops_own_agent_lives_in_the_users_directories(self, tmp_path, monkeypatch):
        for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            monkeypatch.setenv(variable, str(tmp_path / variable))
        location = locate(user=True, environ={"XDG_RUNTIME_DIR": "/run/user/7"})
        assert location.file == tmp_path / "XDG_CONFIG_HOME" / "sts-agent" / "agent.yaml"
        assert location.spool_directory == tmp_path / "XDG_STATE_HOME" / "sts-agent"
        assert location.socket == Path("/run/user/7/sts-agent/intake.sock")
        assert locate(user=True, environ={}).socket == location.spool_directory / "intake.sock"

    def test_the_state_directory_of_systemd_counts_only_for_run(self, written):
        environ = {"STATE_DIRECTORY": "/var/lib/own:/var/lib/other"}
        assert written.load(environ=environ).spool_directory == Path("/var/lib/sts-agent")
        assert written.load(environ=environ, for_run=True).spool_directory == Path("/var/lib/own")
        written.agent("spool: {directory: /elsewhere}")
        assert written.load(environ=environ, for_run=True).spool_directory == Path("/elsewhere")
