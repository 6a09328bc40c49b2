"""What counts can be shown: everything, as an operator would write it, and no secret."""

from agent.configuration.compare import compare
from agent.configuration.show import as_yaml, effective

SECRETS = (
    "destinations:\n"
    "  main:\n"
    "    url: https://user:hidden1@sts.example.com/stsAgent/?api_key=hidden2&token=hidden3\n"
    "    proxy: http://user:hidden4@proxy:3128\n"
)


def test_no_secret_is_shown(written):
    shown = as_yaml(effective(written.agent(SECRETS).load(), "h"))
    assert "hidden" not in shown
    assert "api_key: '***'" in shown
    assert "proxy: http://***@proxy:3128" in shown


def test_defaults_are_shown_in_the_units_people_write(written):
    shown = effective(written.load(), "h")
    assert shown["spool"] == {
        "directory": "/var/lib/sts-agent",
        "max_size": "512MiB",
        "max_age": "30d",
        "keep_delivered": "7d",
        "when_full": "drop_oldest",
    }
    assert shown["destinations"]["main"]["batch"] == {
        "max_events": 1000,
        "max_bytes": "900KiB",
        "linger": "250ms",
    }
    assert shown["hostname"] == "h"
    assert shown["intake"] == {"socket": "/run/sts-agent/intake.sock"}


def test_entries_of_conf_d_are_shown_with_their_scope(written):
    written.application("a.yaml", "tags: [a:b]\nfiles: [{paths: [/a], settle: 1s}]")
    assert effective(written.load(), "h")["collectors"]["files"] == [
        {"paths": ["/a"], "settle": "1s", "tags": ["a:b"]}
    ]


def test_what_is_shown_of_the_settings_loads_again(written):
    text = (
        "destinations: {main: {url: 'https://x/', api_key: k, tls: {verify: false}, backoff: {max: 90s}}}\n"
    )
    first = written.agent(text).load()
    shown = effective(first, "off")
    del shown["collectors"]
    second = written.agent(as_yaml(shown)).load()
    assert second.settings.hostname == "off"
    assert second.settings.destinations["main"].backoff == first.settings.destinations["main"].backoff
    assert second.spool_directory == first.spool_directory


def test_two_equal_configurations_do_not_differ(written):
    assert not compare(written.load(), written.load())


def test_a_reload_learns_which_parts_differ(written):
    written.application("a.yaml", "files: [{paths: [/a]}]")
    old = written.load()
    written.application("a.yaml", "files: [{paths: [/b]}]\npuppet: {directory: /p}")
    written.agent(
        "host: false\nlog_level: debug\nspool: {directory: /s}\ndestinations: {x: {url: 'https://x/', api_key: k}}"
    )
    difference = compare(old, written.load())
    assert difference.collectors == {"puppet", "host", "files"}
    assert difference.destinations == {"x", "main"}
    assert difference.settings == {"log_level", "spool"}
    assert difference.needs_restart == {"spool.directory"}


def test_another_key_is_another_destination(written):
    old = written.load()
    new = written.agent(
        "destinations: {main: {url: 'https://sts.example.com/stsAgent', api_key: k2}}\n"
    ).load()
    assert compare(old, new).destinations == {"main"}
