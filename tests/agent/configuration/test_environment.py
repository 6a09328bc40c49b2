"""The environment wins over the file, and completes it."""

import pytest

URL, KEY = "https://sts.example.com/stsAgent", "k-1"


def destination(written, environ, name="stackstate", **keywords):
    return written.load(environ=environ, **keywords).settings.destinations[name]


@pytest.mark.parametrize("variable", ["STS_STS_URL", "STS_URL"])
def test_two_variables_make_a_destination(written, variable):
    made = destination(written.agent(""), {variable: URL, "STS_API_KEY": KEY})
    assert (made.url, made.api_key.reveal()) == (URL, KEY)


def test_the_longer_name_wins_over_the_shorter(written):
    environ = {"STS_STS_URL": URL, "STS_URL": "https://other/", "STS_API_KEY": KEY}
    assert destination(written.agent(""), environ).url == URL


def test_they_complete_the_destination_of_that_name_and_leave_others_alone(written):
    written.agent(
        "destinations:\n"
        "  other: {url: 'https://other/', api_key: o}\n"
        "  stackstate: {url: 'https://old/', api_key_file: /nonexistent, compression: gzip}\n"
    )
    environ = {"STS_STS_URL": URL, "STS_API_KEY": KEY}
    made = destination(written, environ)
    assert (made.url, made.api_key.reveal(), made.api_key_file, made.compression) == (URL, KEY, None, "gzip")
    assert destination(written, environ, "other").api_key.reveal() == "o"


def test_a_key_alone_makes_no_destination_beside_others_but_is_a_mistake_by_itself(written):
    assert list(written.load(environ={"STS_API_KEY": KEY}).settings.destinations) == ["main"]
    assert written.agent("").problems(environ={"STS_API_KEY": KEY}) == [
        "$STS_API_KEY:1: destinations.stackstate.url: is missing"
    ]


def test_a_url_without_a_key_is_told_with_the_name_of_the_variable(written):
    assert (
        written.agent("")
        .problems(environ={"STS_URL": URL})[0]
        .startswith("$STS_URL:1: destinations.stackstate.api_key: is missing")
    )


def test_a_wrong_value_is_told_with_the_name_of_the_variable(written):
    environ = {
        "STS_LOG_LEVEL": "loud",
        "STS_TAGS": "env",
        "STS_SKIP_SSL_VALIDATION": "maybe",
        "STS_HOSTNAME": "a b",
    }
    assert [problem.split(": is")[0].split(": must")[0] for problem in written.problems(environ=environ)] == [
        "$STS_HOSTNAME:1: hostname",
        "$STS_LOG_LEVEL:1: log_level",
        "$STS_SKIP_SSL_VALIDATION:1: destinations.main.tls.verify",
        "$STS_TAGS:1: tags[0]",
    ]


def test_plain_settings_win_over_the_file(written):
    written.agent("hostname: a\ntags: [a:b]\nlog_level: error\n")
    environ = {"STS_HOSTNAME": "h", "STS_TAGS": "env:prod, site:x y", "STS_LOG_LEVEL": "WARN"}
    settings = written.load(environ=environ).settings
    assert (settings.hostname, settings.tags, settings.log_level) == (
        "h",
        ("env:prod", "site:x y"),
        "warning",
    )


def test_tags_may_stand_between_spaces(written):
    assert written.load(environ={"STS_TAGS": "a:b c:d"}).settings.tags == ("a:b", "c:d")


def test_empty_variables_are_no_variables(written):
    environ = dict.fromkeys(("STS_STS_URL", "STS_API_KEY", "STS_HOSTNAME", "STS_TAGS", "STS_LOG_LEVEL"), "")
    assert written.load(environ=environ) == written.load()


def test_certificates_are_not_verified_when_the_environment_says_so(written):
    assert not destination(written, {"STS_SKIP_SSL_VALIDATION": "true"}, "main").tls.verify
    assert destination(written, {"STS_SKIP_SSL_VALIDATION": "false"}, "main").tls.verify
    assert "not verified" in written.load(environ={"STS_SKIP_SSL_VALIDATION": "yes"}).warnings[0]


FILE_PROXY = "destinations: {main: {url: 'https://x/', api_key: k, proxy: 'http://file:1', no_proxy: [f]}}"


@pytest.mark.parametrize(
    ("environ", "proxy", "no_proxy"),
    [
        ({}, "http://file:1", ("f",)),
        ({"HTTPS_PROXY": "http://env:2", "NO_PROXY": "e"}, "http://file:1", ("f",)),
        ({"STS_PROXY_HTTPS": "http://sts:3"}, "http://sts:3", ("f",)),
        ({"STS_PROXY_HTTP": "http://sts:3"}, "http://file:1", ("f",)),
        ({"STS_PROXY_HTTPS": ""}, None, ("f",)),
        ({"STS_PROXY_HTTPS": "", "HTTPS_PROXY": "http://env:2"}, None, ("f",)),
        ({"STS_PROXY_NO_PROXY": "a, b"}, "http://file:1", ("a", "b")),
        ({"STS_PROXY_NO_PROXY": ""}, "http://file:1", ()),
    ],
)
def test_a_proxy_of_the_agents_own_variables_wins_and_of_the_systems_yields(
    written, environ, proxy, no_proxy
):
    made = destination(written.agent(FILE_PROXY), environ, "main")
    assert (made.proxy, made.no_proxy) == (proxy, no_proxy)


@pytest.mark.parametrize(
    ("environ", "proxy", "no_proxy"),
    [
        ({}, None, ()),
        ({"HTTPS_PROXY": "proxy:3128", "NO_PROXY": "a b"}, "http://proxy:3128", ("a", "b")),
        ({"https_proxy": "http://low:1", "HTTPS_PROXY": "http://high:1"}, "http://low:1", ()),
        ({"HTTP_PROXY": "http://plain:1"}, None, ()),
        ({"HTTPS_PROXY": ""}, None, ()),
    ],
)
def test_the_systems_proxy_counts_where_the_file_has_none(written, environ, proxy, no_proxy):
    made = destination(written, environ, "main")
    assert (made.proxy, made.no_proxy) == (proxy, no_proxy)


def test_an_empty_proxy_in_the_file_means_none(written):
    written.agent("destinations: {main: {url: 'https://x/', api_key: k, proxy: ''}}")
    assert destination(written, {"HTTPS_PROXY": "http://env:2"}, "main").proxy is None


def test_a_key_may_come_from_a_credential_of_systemd(written, tmp_path):
    (tmp_path / "api_key").write_text("k")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "STS_URL": URL}
    assert destination(written.agent(""), environ).api_key_file == tmp_path / "api_key"
    with_own = written.agent("destinations: {stackstate: {url: 'https://x/', api_key: own}}")
    assert destination(with_own, environ).api_key.reveal() == "own"


def test_a_key_that_was_pasted_with_the_url_is_taken_out_of_it(written):
    made = destination(written.agent(""), {"STS_URL": URL + "/intake/?api_key=k%2F1&x=y"})
    assert made.url == URL + "/intake/?x=y"
    assert made.api_key.reveal() == "k/1"
    assert "k/1" not in repr(made)
