"""Everything that is wrong with a configuration is told at once, each with its file and line."""

import errno
import os

import pytest

from agent.configuration.nodes import compose_file
from collectors.registry import COLLECTORS


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
        ("tags: env:prod", "tags: is text, must be a list: put it into [ ]"),
        ("tags: [env: prod]", "tags[0]: is a mapping, must be a tag `key:value`, as env:prod"),
        ("tags: [env]", "tags[0]: must be a tag `key:value`, as env:prod"),
        (
            "hostname: 12",
            "hostname: is a whole number, must be a host name without spaces or placeholders: put it in quotes",
        ),
        ("hostname: a b", "hostname: must be a host name without spaces or placeholders"),
        ("host: off", "host: is text, must be true or false"),
        ("host: 1", "host: is a whole number, must be true or false"),
        ("host:", "host: has no value: write one, or leave the key out"),
        ("spool: [1]", "spool: is a list, must be a mapping of keys"),
        (
            "spool: directory:/var/x",
            "spool: is text, must be a mapping of keys: a value begins with a blank behind the colon",
        ),
        ("spool: /var/x", "spool: is text, must be a mapping of keys"),
        ("spool: {max_size: 512}", "spool.max_size: must be a size as 900KiB, 512MiB or 1GiB"),
        ("spool: {max_size: 1MiB}", "spool.max_size: must be at least 8MiB"),
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
            "begins a second document: a file holds one; write all of it without a line `---`, or an application of its own into conf.d",
        ),
        (
            "a:\n\tb: 1",
            "is no YAML: found character '\\t' that cannot start any token while scanning for the next token; indent with blanks, not with tabs",
        ),
        (
            "a: [*.conf]",
            "is no YAML: expected alphabetic or numeric character, but found '.' while scanning an alias; put what begins with * into quotes",
        ),
        (
            "a: @b",
            "is no YAML: found character '@' that cannot start any token while scanning for the next token; put it into quotes",
        ),
        (
            "a:\n  b: 1\n c: 2",
            "is no YAML: expected <block end>, but found '<block mapping start>' while parsing a block mapping; the indentation does not fit that of the lines above",
        ),
        (
            "a: b: c",
            "is no YAML: mapping values are not allowed here; mind the indentation, and put a text that holds a colon into quotes",
        ),
        (
            "a: [b\nc: 1",
            "is no YAML: expected ',' or ']', but got ':' while parsing a flow sequence; it begins in line 1",
        ),
        (
            "host: [{a: b}]",
            "host: is a list, must be true or false: it belongs into a file in conf.d",
        ),
        ("destinations: {a: {url: 'https://h/stsAgent', api_key: ' '}}", "destinations.a.api_key: is empty"),
        (
            "destinations: {a: {url: 'https://h/stsAgent', api_key: k, tags: ['a:b']}}",
            "destinations.a.tags: unknown key here: it belongs to the top of this file",
        ),
        ("hostname: ${HOSTNAME}", "hostname: must be a host name without spaces or placeholders"),
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


def test_a_key_of_the_whole_file_in_an_entry_is_sent_to_the_top(written):
    written.application("a.yaml", "files:\n  - paths: [/etc]\n    tags: [app:x]\n")
    assert written.problems() == [
        "conf.d/a.yaml:3: files[0].tags: unknown key here: it belongs to the top of this file"
    ]


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
    assert written.problems() == ["agent.yaml:1: is a directory, must be a file"]


def test_every_wrong_key_of_the_spool_is_told_at_once(written):
    written.agent("spool:\n  directory: /\n  max_size: 1MiB\n  max_age: 0s\n  keep_delivered: x\n")
    assert written.problems() == [
        "agent.yaml:2: spool.directory: is the whole file system: name a directory of its own",
        "agent.yaml:3: spool.max_size: must be at least 8MiB",
        "agent.yaml:4: spool.max_age: must be longer than 0s",
        "agent.yaml:5: spool.keep_delivered: must be a duration as 250ms, 30s, 5m, 12h or 7d",
    ]


def test_every_wrong_path_of_an_entry_is_told_at_once(written):
    paths = "      - /**\n      - etc\n      - /etc/../x\n      - /proc/x\n      - /etc/right\n"
    written.application("a.yaml", f"files:\n  - paths:\n{paths}    settle: soon\n")
    told = written.problems(registry=COLLECTORS)
    assert [one.split(": ")[:2] for one in told] == [
        *([f"conf.d/a.yaml:{3 + at}", f"files[0].paths[{at}]"] for at in range(4)),
        ["conf.d/a.yaml:8", "files[0].settle"],
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "spool: {directory: '/var/**'}",
            "spool.directory: names one place: `*` and `?` stand for nothing in it",
        ),
        (
            "intake: {socket: '/run/*.sock'}",
            "intake.socket: names one place: `*` and `?` stand for nothing in it",
        ),
        ("spool: {directory: /dev/null}", "spool.directory: must be a directory, and a file is there"),
        (
            "intake: {socket: /tmp}",
            "intake.socket: must be a socket, or nothing yet, and something else is there",
        ),
        (f"intake: {{socket: /{'x' * 107}}}", "intake.socket: is too long for a socket: 107 bytes at most"),
    ],
)
def test_a_place_that_cannot_be_is_told(written, text, told):
    written.agent(text)
    assert written.problems() == [f"agent.yaml:1: {told}"]


PLACEHOLDER = (
    "holds a placeholder of a template: this file was copied and not rendered; "
    "let Ansible's template, Helm or Puppet fill it in first"
)


@pytest.mark.parametrize(
    "line",
    [
        "hostname: {{ inventory_hostname }}",
        "hostname: '{{ inventory_hostname }}'",
        "tags: ['env:{{ env }}']",
        "{% for tag in tags %}",
        "hostname: <%= @fqdn %>",
        "spool: {max_size: {{ size }}}",
    ],
)
def test_a_template_that_was_not_rendered_is_told_with_what_to_do(written, line):
    written.agent(f"log_level: info\n{line}\n")
    assert written.problems() == [f"agent.yaml:2: {PLACEHOLDER}"]


def test_what_a_template_engine_has_left_in_a_comment_is_no_value(written):
    written.agent("# {{ ansible_managed }}\nlog_level: debug  # {{ why }}\n")
    assert written.load().settings.log_level == "debug"


def test_looking_for_placeholders_takes_no_longer_than_the_text_is_long(written):
    written.agent("hostname: " + "{{" * 300_000)
    (told,) = written.problems()
    assert told.startswith("agent.yaml:1: ")


def test_merge_keys_are_told_and_what_stands_beside_them_is_read(written):
    written.agent("spool: &one {max_size: 64MiB}\nstatus:\n  <<: *one\n  alert_after: soon\n")
    assert written.problems() == [
        "agent.yaml:3: status: merge keys (`<<`) are not read: write the keys themselves here",
        "agent.yaml:4: status.alert_after: must be a duration as 250ms, 30s, 5m, 12h or 7d",
    ]


def test_what_is_no_file_in_conf_d_is_told_and_never_waited_for(written):
    written.application("right.yaml", "")
    (written.directory / "conf.d" / "a.yaml").mkdir()
    os.mkfifo(written.directory / "conf.d" / "b.yaml")
    assert written.problems() == [
        "conf.d/a.yaml:1: is a directory: move its files into conf.d itself",
        "conf.d/b.yaml:1: is no file that can be read: put a file there, or remove it",
    ]
    assert len(written.load(strict=False).set_aside) == 2


def test_what_does_not_count_in_conf_d_is_a_warning_that_says_what_to_do(written):
    written.application("a.yml", "files: [{paths: [/etc/x]}]\n").application("b.yaml.bak", "")
    (written.directory / "conf.d" / "sub").mkdir()
    warnings = [one.removeprefix(f"{written.directory}/conf.d/") for one in written.load().warnings]
    assert warnings == [
        "a.yml: is not read: its name does not end in .yaml; rename it to a.yaml",
        "b.yaml.bak: is not read: its name does not end in .yaml",
        "sub: is not read: it is a directory; move its files into conf.d itself",
    ]


def test_a_file_in_the_place_of_conf_d_is_told(written):
    (written.directory / "conf.d").write_text("")
    assert written.problems() == ["conf.d:1: must be a directory, and a file is there"]
