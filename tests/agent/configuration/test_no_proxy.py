"""`no_proxy` in every form that people write means what it says, or is an error of `check`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.configuration.no_proxy import check_exemption, is_exempt

FORMS = [
    ("internal.example.com", "internal.example.com", 443, True),
    ("internal.example.com", "a.internal.example.com", 443, True),
    ("internal.example.com", "notinternal.example.com", 443, False),
    (".example.com", "a.example.com", 443, True),
    (".example.com", "example.com", 443, True),
    ("*.example.com", "a.b.example.com", 443, True),
    ("*.example.com", "badexample.com", 443, False),
    ("Internal.EXAMPLE.com", "internal.example.com", 443, True),
    ("internal.example.com", "INTERNAL.example.COM", 443, True),
    ("internal.example.com.", "internal.example.com", 443, True),
    ("internal.example.com", "internal.example.com.", 443, True),
    ("*.Example.com.", "a.example.com", 443, True),
    ("my_host", "my_host", 80, True),
    ("localhost", "localhost", 80, True),
    ("port.example.com:443", "port.example.com", 443, True),
    ("port.example.com:443", "port.example.com", 80, False),
    ("PORT.example.com.:443", "port.example.com", 443, True),
    ("*.example.com:8443", "a.example.com", 8443, True),
    ("10.1.2.3", "10.1.2.3", 80, True),
    ("10.1.2.3", "10.1.2.4", 80, False),
    ("10.1.2.3:8080", "10.1.2.3", 8080, True),
    ("10.1.2.3:8080", "10.1.2.3", 80, False),
    ("10.0.0.0/8", "10.200.3.4", 80, True),
    ("10.1.2.3/8", "10.200.3.4", 80, True),
    ("10.0.0.0/8", "11.0.0.1", 80, False),
    ("10.0.0.0/8", "ten.example.com", 80, False),
    ("10.0.0.0/8:80", "10.0.0.1", 443, False),
    ("fd00::/8", "fd12::1", 80, True),
    ("fd00::/8", "10.0.0.1", 80, False),
    ("::1", "::1", 80, True),
    ("[::1]", "::1", 80, True),
    ("[::1]", "[::1]", 80, True),
    ("[::1]:8080", "::1", 8080, True),
    ("[::1]:8080", "::1", 80, False),
    ("[FD00::1]", "fd00::1", 80, True),
    ("0:0:0:0:0:0:0:1", "::1", 80, True),
    ("*", "anything.at.all", None, True),
    (" spaced.example.com ", "spaced.example.com", 80, True),
]


@pytest.mark.parametrize(("entry", "host", "port", "exempt"), FORMS)
def test_a_form_that_is_known_exempts_what_it_names(entry, host, port, exempt):
    assert check_exemption(entry) == entry
    assert is_exempt(host, port, [entry]) is exempt
    assert is_exempt(host, port, ["other.example.net", entry]) is exempt


@pytest.mark.parametrize(
    "entry",
    ["", " ", ".", "*.", "http://h", "h/x", "10.*", "a*b.example.com", "[::1", "::1]", "[h]", "h:99999", "h:0", "h:x",
     "10.0.0.0/33", "a b", "a..b", "-a", "user@h"],
)  # fmt: skip
def test_a_form_that_could_never_match_is_an_error_and_exempts_nothing(entry):
    with pytest.raises(ValueError, match=r"must be|has a port"):
        check_exemption(entry)
    assert not is_exempt("h", 80, [entry])


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_stands_there_is_answered(entry, host):
    assert is_exempt(host, 80, [entry]) in (True, False)


@pytest.mark.parametrize("entry", ["http://internal.example.com", "10.*", "[::1"])
def test_check_says_where_a_wrong_one_stands(written, entry):
    text = f"destinations:\n  a:\n    url: http://h/\n    api_key: k\n    no_proxy:\n      - ok.example.com\n      - '{entry}'\n"
    (problem,) = written.agent(text).problems()
    assert problem.startswith("agent.yaml:7: destinations.a.no_proxy[1]: must be a host")


def test_check_names_the_variable_that_holds_a_wrong_one(written):
    written.agent("destinations: {a: {url: 'http://h/', api_key: k}}")
    (problem,) = written.problems(environ={"NO_PROXY": "ok.example.com,10.*"})
    assert problem.startswith("$NO_PROXY:1: destinations.a.no_proxy[1]: must be a host")
