"""Everything that is wrong with a configuration is told at once, each with its file and line."""

import errno

import pytest

from agent.configuration.nodes import compose_file


def test_problems_of_all_kinds_in_two_files_are_told_together(written):
    written.agent(
        "hostnam: x\n"
        "log_level: loud\n"
        "destinations:\n"
        "  main:\n"
        "    url: ftp://example.com\n"
        "    api_key_file: /nonexistent/key\n"
    )
    written.application("nginx.yaml", "files:\n  - paths: []\n    settle: soon\n")
    assert written.problems() == [
        "agent.yaml:1: hostnam: unknown key; did you mean hostname?",
        "agent.yaml:2: log_level: must be one of debug, info, warning, error",
        "agent.yaml:5: destinations.main.url: must be a URL that begins with https:// or http://",
        "agent.yaml:6: destinations.main.api_key_file: must name a file that can be read, this one cannot: No such file or directory",
        "conf.d/nginx.yaml:2: files[0].paths: is an empty list: name something, or leave the key out",
        "conf.d/nginx.yaml:3: files[0].settle: must be a duration as 250ms, 30s, 5m, 12h or 7d",
    ]


def test_the_second_of_two_equal_keys_is_told_with_the_place_of_the_first(written):
    written.agent("host: true\nlog_level: info\nhost: false\n")
    assert written.problems() == ["agent.yaml:3: host: duplicate key, first at line 1"]


def test_a_duplicate_is_told_also_where_the_environment_has_a_word(written):
    written.agent("hostname: a\nhostname: b\ndestinations: {}\ndestinations: {}\n")
    problems = written.problems(environ={"STS_HOSTNAME": "c"})
    assert [p.split(" key")[0] for p in problems] == [
        "agent.yaml:2: hostname: duplicate",
        "agent.yaml:4: destinations: duplicate",
    ]


def test_a_missing_key_is_told_where_its_mapping_begins(written):
    written.application("a.yaml", "\n\nfiles:\n  - exclude: [b]\n")
    assert written.problems() == ["conf.d/a.yaml:4: files[0].paths: is missing"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tags: env:prod", "tags: is text, must be a list"),
        ("tags: [env: prod]", "tags[0]: is a mapping, must be a tag `key:value`, as env:prod"),
        ("tags: [env]", "tags[0]: must be a tag `key:value`, as env:prod"),
        ("hostname: 12", "hostname: is a whole number, must be a host name without spaces: put it in quotes"),
        ("hostname: a b", "hostname: must be a host name without spaces"),
        ("host: off", "host: is text, must be true or false"),
        ("host: 1", "host: is a whole number, must be true or false"),
        ("host:", "host: has no value: write one, or leave the key out"),
        ("spool: [1]", "spool: is a list, must be a mapping of keys"),
        ("spool: {max_size: 512}", "spool.max_size: must be a size as 900KiB, 512MiB or 1GiB"),
        ("spool: {max_size: 1MiB}", "spool: max_size must be at least 8MiB"),
        ("spool: {directory: 7}", "spool.directory: must be a path"),
        ("intake: {http: {listen: '127.0.0.1:1'}}", "intake.http.token_file: is missing"),
        (
            "intake: {sensu: {api: '0.0.0.0:4567'}}",
            "intake.sensu.api: must be an address of the loopback, as 127.0.0.1: others must not reach it",
        ),
        (
            "intake: {sensu: {api: 4567}}",
            "intake.sensu.api: must be an address and a port, as 127.0.0.1:7078",
        ),
        (
            "intake: {sensu: {api: 'x y:1'}}",
            "intake.sensu.api: must be an address of the loopback, as 127.0.0.1: others must not reach it",
        ),
        ("destinations: [a]", "destinations: is a list, must be a mapping of names"),
        ("[a, b]: c", "a key must be text, this is a list"),
        ("files: [{paths: [/etc]}]", "files: unknown key here: it belongs into a file in conf.d"),
        ("- a", "is a list, must be a mapping of keys"),
        ("a: [", "is no YAML: expected the node content, but found '<stream end>' while parsing a flow node"),
        (
            "a: 1\n---\nb: 2",
            "is no YAML: but found another document expected a single document in the stream",
        ),
        ("a: \x07", "is no YAML: the character U+0007 is not allowed"),
        ("[" * 3000, "is nested too deeply"),
        ("- " * 32_000, "is nested too deeply"),
        ("{a: " * 65 + "}" * 65, "is nested too deeply"),
        ('hostname: "\\ud800"', "hostname: holds half a surrogate pair, which is no character"),
    ],
)
def test_what_is_wrong_is_said_in_words(written, text, told):
    written.agent(text)
    assert [problem.split(": ", 1)[1] for problem in written.problems()] == [told]


def test_the_intake_may_listen_on_the_loopback_of_either_kind(written):
    for address in ("127.0.0.1:4567", "127.8.9.1:1", "'[::1]:4567'", "localhost:4567"):
        assert written.agent(f"intake: {{sensu: {{api: {address}}}}}").load().settings.intake.sensu.api


def test_a_file_that_is_no_text_is_told_with_the_line(written):
    written.file.write_bytes(b"hostname: a\ntags: [\xff]\n")
    assert written.problems() == ["agent.yaml:2: is not UTF-8 text"]


def test_what_a_collector_refuses_is_told_where_it_stands(written):
    written.application("a.yaml", "files:\n  - paths:\n      - /etc\n      - /**\n")
    assert written.problems() == ["conf.d/a.yaml:4: files[0]: '/**' would watch the whole host"]


def test_a_setting_of_the_agent_in_conf_d_is_sent_where_it_belongs(written):
    written.application("a.yaml", "log_level: info\n")
    assert written.problems() == ["conf.d/a.yaml:1: log_level: unknown key here: it belongs into agent.yaml"]


def test_a_wrong_file_hides_no_other_wrong_file(written):
    written.agent("a: [")
    written.application("a.yaml", "b: [").application("c.yaml", "d: 1")
    assert [problem.split(": ")[0] for problem in written.problems()] == [
        "agent.yaml:1",
        "conf.d/a.yaml:1",
        "conf.d/c.yaml:1",
    ]


def test_a_problem_never_shows_a_secret(written):
    written.agent("destinations: {main: {url: 'https://u:pass@x y/?api_key=hidden', api_key: [hidden]}}")
    problems = written.problems()
    assert len(problems) == 2
    assert not any(secret in problem for problem in problems for secret in ("hidden", "pass"))


def test_a_key_that_is_only_digits_is_kept_as_written(written):
    written.agent("destinations: {main: {url: 'https://x/', api_key: 0012}}")
    assert written.load().settings.destinations["main"].api_key.reveal() == "0012"


def test_a_destination_without_a_key_is_told(written):
    written.agent("destinations:\n  main: {url: 'https://x/'}\n")
    assert written.problems() == [
        "agent.yaml:2: destinations.main.api_key: is missing: give api_key or api_key_file, or set STS_API_KEY"
    ]


def test_a_file_of_no_keys_is_the_defaults(written):
    for text in ("", "# nothing yet\n", "---\n", "{}"):
        settings = written.agent(text).load().settings
        assert settings.destinations == {}
        assert settings.log_level == "info"


def test_scalars_are_read_as_yaml_1_2(written):
    written.agent("hostname: off\ntags: ['a:012']\n" + "spool: {max_age: 30d}")
    assert written.load().settings.hostname == "off"


def test_a_file_that_may_not_be_read_is_a_problem_and_not_passed_over(written):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    problem = compose_file(written.file, read=refuse)
    assert str(problem) == f"{written.file}:1: may not be read: Permission denied"


def test_a_directory_in_place_of_the_file_is_a_problem(written):
    written.file.unlink()
    written.file.mkdir()
    assert written.problems() == ["agent.yaml:1: may not be read: Is a directory"]
