"""A destination that is the agent's own intake is a mistake that the environment invites, and never a loop."""

import pytest

OWN = "is this agent's own intake.http: what is sent there would come back; name the remote side"


def destination(url, kind="stackstate"):
    key = {"stackstate": "api_key", "sematext": "token"}[kind]
    return f"destinations:\n  main:\n    type: {kind}\n    url: {url}\n    {key}: k\n"


@pytest.fixture
def token(tmp_path):
    file = tmp_path / "token"
    file.write_text("right\n")
    return file


@pytest.fixture
def http(token):
    return f"intake: {{http: {{listen: '127.0.0.1:7078', token_file: {token}}}}}\n"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:7078/stsAgent",
        "http://127.0.0.1:7078/receiver/stsAgent/intake/?api_key=k",
        "http://localhost:7078",
        "http://LOCALHOST.:7078/any/path",
        "http://localhost.localdomain:7078/stsAgent",
        "http://[::1]:7078/stsAgent",
        "http://[0:0:0:0:0:0:0:1]:7078/stsAgent",
        "http://[::ffff:127.0.0.1]:7078/stsAgent",
        "http://127.1:7078/stsAgent",
        "http://0.0.0.0:7078/stsAgent",
        "http://someone@127.0.0.1:7078/stsAgent",
        "https://127.0.0.1:7078/stsAgent",
    ],
)
def test_every_spelling_of_our_own_port_is_a_problem_with_its_line(written, http, url):
    text = destination(url.replace("?api_key=k", ""))
    assert written.agent(text + http).problems() == [f"agent.yaml:4: destinations.main.url: {OWN}"]


def test_the_other_systems_paths_of_the_port_are_ours_as_well(written, http):
    (problem,) = written.agent(destination("http://127.0.0.1:7078", "sematext") + http).problems()
    assert problem.endswith(OWN)


def test_the_environment_is_named_where_it_leads_the_agent_to_itself(written, http):
    environ = {"STS_STS_URL": "http://127.0.0.1:7078/stsAgent", "STS_API_KEY": "k"}
    problems = written.agent(http).problems(environ=environ)
    assert problems == [f"$STS_STS_URL:1: destinations.stackstate.url: {OWN}"]


@pytest.mark.parametrize("listen", ["localhost:7078", "'[::1]:7078'", "127.0.0.1:7078"])
def test_whatever_way_the_port_is_written(written, token, listen):
    text = destination("http://127.0.0.1:7078/stsAgent")
    text += f"intake: {{http: {{listen: {listen}, token_file: {token}}}}}\n"
    assert written.agent(text).problems() == [f"agent.yaml:4: destinations.main.url: {OWN}"]


def test_the_ports_of_sensus_api_are_ours_as_well(written):
    text = destination("http://localhost:4567/results") + "intake: {sensu: {api: '127.0.0.1:4567'}}\n"
    (problem,) = written.agent(text).problems()
    assert "is this agent's own intake.sensu.api" in problem


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:7077/stsAgent",  # a receiver on this host
        "http://sts.example.com:7078/stsAgent",
        "http://127.0.0.2:7078/stsAgent",
        "http://127.0.0.1/stsAgent",
    ],
)
def test_another_port_or_another_host_is_none_of_ours(written, http, url):
    assert written.agent(destination(url) + http).load(strict=True).withheld == {}


def test_without_a_port_of_ours_nothing_is_compared(written):
    assert written.agent(destination("http://127.0.0.1:7078/stsAgent")).load(strict=True).withheld == {}


def test_a_start_goes_on_without_it_and_says_why(written, http):
    configuration = written.agent(destination("http://localhost:7078/stsAgent") + http).load(strict=False)
    assert configuration.withheld == {"main": f"its url {OWN}"}


@pytest.mark.parametrize("url", ["http://localhost:4567", "http://u:p@127.0.0.1:4567/"])
def test_a_sensu_server_to_poll_that_is_this_agent_is_warned_of(written, url):
    written.agent("intake: {sensu: {api: '127.0.0.1:4567'}}\n")
    written.application("sensu.yaml", f"sensu_api: {{url: '{url}'}}\n")
    [warning] = [one for one in written.load(strict=True).warnings if "sensu_api" in one]
    assert warning.endswith(
        "sensu.yaml: sensu_api.url: is this agent's own intake.sensu.api:"
        " its events would be told twice; name the server to ask"
    )
    assert "u:p" not in warning


def test_another_sensu_server_is_not(written):
    written.agent("intake: {sensu: {api: '127.0.0.1:4567'}}\n")
    written.application("sensu.yaml", "sensu_api: {url: 'http://sensu.example.com:4567'}\n")
    assert not any("sensu_api" in one for one in written.load(strict=True).warnings)
