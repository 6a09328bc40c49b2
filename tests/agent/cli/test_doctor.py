"""`doctor` tries what the daemon will need, says what to do, and exits 1 when it could not work."""

import json
import os
import subprocess
import sys

import pytest

from agent.cli import main
from agent.configuration.values import Url
from agent.http.result import Failure, NoAnswer
from agent.stand_in import Reply
from agent.systems.probing import ask_once
from agent.systems.stackstate.settings import StackStateSettings
from agent.systems.stackstate.stand_in import Receiver

KEY = "hidden-key"


@pytest.fixture
def receiver():
    with Receiver(api_key=KEY) as one:
        yield one


@pytest.fixture
def diagnose(tmp_path, monkeypatch, capsys):
    """Write agent.yaml, run the doctor as who we are, and return its status and findings by check."""
    for variable in ("STS_API_KEY", "STS_STS_URL", "STS_URL", "STS_AGENT_CONFIG", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(variable, raising=False)

    def diagnose(url="", key=KEY, more=""):
        text = f"hostname: h\nspool: {{directory: {tmp_path}/spool}}\nservices: false\n{more}"
        if url:
            text += f"destinations: {{main: {{url: '{url}', api_key: {key}}}}}\n"
        (tmp_path / "agent.yaml").write_text(text)
        status = main(["doctor", "--json", "--user", "--config", str(tmp_path / "agent.yaml")])
        said = capsys.readouterr()
        if not said.out:
            return status, said.err
        assert KEY not in said.out + said.err
        return status, {finding["check"]: finding for finding in json.loads(said.out)["findings"]}

    return diagnose


def test_a_receiver_that_knows_the_key_is_well(diagnose, receiver):
    status, findings = diagnose(receiver.url)
    assert findings["destination main"]["level"] == "ok"
    assert findings["spool"]["level"] == "ok"
    assert findings["hostname"]["text"] == "events are filed under urn:host:/h"
    assert status == (1 if any(finding["level"] == "fail" for finding in findings.values()) else 0)


def test_a_receiver_that_does_not_know_the_key_fails(diagnose, receiver):
    status, findings = diagnose(receiver.url, key="another")
    assert status == 1
    assert findings["destination main"]["level"] == "fail"
    assert "does not know the key" in findings["destination main"]["text"]
    assert "service tokens, which replace API keys" in findings["destination main"]["advice"]


def test_a_proxy_that_refuses_and_a_file_that_is_no_certificate_are_no_matter_of_the_key(
    diagnose, receiver, tmp_path
):
    receiver.intercept = lambda _: Reply(status=407)
    refused = diagnose(receiver.url)[1]["destination main"]
    assert refused["text"].startswith("the proxy refuses: 407")
    (tmp_path / "ca").write_text("none")
    broken = diagnose(f"https://127.0.0.1:9', tls: {{ca_file: {tmp_path}/ca}}, timeout: '20s")[1][
        "destination main"
    ]
    assert "tls.ca_file" in broken["text"]
    assert {one["level"] for one in (refused, broken)} == {"fail"}
    assert "proxy" in refused["advice"]
    assert "a file" in broken["advice"]


def test_where_nothing_brings_the_component_it_says_where_events_show(diagnose, receiver):
    finding = diagnose(receiver.url)[1]["topology main"]
    assert finding["level"] == "warn"
    assert finding["text"] == "events show only where a component urn:host:/h exists"
    assert "topology: true" in finding["advice"]
    for key in ("topology", "health"):
        assert "topology main" not in diagnose(f"{receiver.url}', {key}: true, timeout: '20s")[1]


def test_a_receiver_that_cannot_say_is_a_warning(diagnose, receiver):
    for reply in (
        Reply(status=404),
        Reply(content_type="text/html", body=b"<html>"),
    ):
        receiver.intercept = lambda _, reply=reply: reply
        assert diagnose(receiver.url)[1]["destination main"]["level"] == "warn"


@pytest.mark.parametrize(
    ("reply", "text", "advice"),
    [
        (Reply(status=404), "answers 404 Not Found", "ends in /stsAgent"),
        (
            Reply(status=503, content_type="text/html", body=b"<html>"),
            "answers 503",
            "events wait until it is well",
        ),
        (Reply(status=500), "answers 500 Internal Server Error", "events wait until it is well"),
        (
            Reply(status=302, headers={"Location": "https://sso.example/"}),
            "to https://sso.example/",
            "it leads to",
        ),
    ],
)
def test_what_to_do_about_an_answer_is_about_that_answer(diagnose, receiver, reply, text, advice):
    receiver.intercept = lambda _: reply
    found = diagnose(receiver.url)[1]["destination main"]
    assert text in found["text"]
    assert "cannot tell whether it knows the key" in found["text"]
    assert advice in found["advice"]


def test_where_no_tls_is_spoken_no_certificate_is_asked_for(diagnose, receiver):
    found = diagnose(receiver.url.replace("http://", "https://"))[1]["destination main"]
    assert "cannot be reached: TLS: none is spoken there" in found["text"]
    assert "http://" in found["advice"]


@pytest.mark.parametrize(
    ("said", "text", "advice"),
    [
        ("TLS: unable to get local issuer certificate", "does not prove who it is", "tls.ca_file"),
        ("TLS: self-signed certificate", "does not prove who it is", "tls.ca_file"),
        (
            "TLS: Hostname mismatch, certificate is not valid for 'x'.",
            "does not prove who it is",
            "a name into the url",
        ),
        (
            "TLS: IP address mismatch, certificate is not valid for '::1'.",
            "does not prove who it is",
            "a name into the url",
        ),
        ("TLS: certificate has expired", "does not prove who it is", "renewed"),
        ("TLS: certificate is not yet valid", "does not prove who it is", "clock"),
        ("TLS: TLSV13_ALERT_CERTIFICATE_REQUIRED", "ends the handshake", "tls.client_cert_file"),
    ],
)
def test_what_to_do_about_tls_is_about_what_is_wrong(said, text, advice):
    class Side:
        def ask(self, _):
            return NoAnswer(Failure.TLS, said)

        def close(self):
            pass

    settings = StackStateSettings(url=Url.parse("https://r.example/stsAgent"))
    found = ask_once(lambda *_: Side(), None, "main", settings, 1.0)
    assert found.text == f"https://r.example/stsAgent {text}: {said}"
    assert advice in found.advice


def test_a_receiver_that_is_not_there_fails_with_what_to_do(diagnose, receiver):
    url = receiver.url
    receiver.close()
    status, findings = diagnose(url)
    assert status == 1
    assert "cannot be reached" in findings["destination main"]["text"]
    assert findings["destination main"]["advice"]


def test_a_recorder_is_told_that_it_only_records(diagnose):
    assert diagnose()[1]["destinations"]["level"] == "warn"


def test_a_wrong_agent_yaml_is_told_as_check_tells_it(diagnose):
    status, told = diagnose(more="hots: true\n")
    assert status == 2
    assert "agent.yaml:4: hots: unknown key; did you mean host?" in told


def test_a_wrong_file_of_conf_d_fails(diagnose, tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.yaml").write_text("nonsense: 1\n")
    status, findings = diagnose()
    assert status == 1
    assert "nonsense: unknown key" in findings["configuration"]["text"]


def test_people_get_a_line_each_and_what_to_do(tmp_path):
    (tmp_path / "agent.yaml").write_text(f"hostname: h\nspool: {{directory: {tmp_path}}}\n")
    said = subprocess.run(
        [sys.executable, "-m", "agent.cli", "doctor", "--config", tmp_path / "agent.yaml"],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
    )
    lines = said.stdout.splitlines()
    assert said.stderr == ""
    assert all(line.startswith(("ok    ", "warn  ", "fail  ", "      -> ")) for line in lines)
    assert any("events are only recorded" in line for line in lines)


def test_a_narrow_screen_gets_no_line_that_is_wider(tmp_path, monkeypatch, capsys):
    paths = ", ".join(f"{tmp_path}/there-is-nothing-here-{number}" for number in range(9))
    (tmp_path / "agent.yaml").write_text(f"hostname: h\nspool: {{directory: {tmp_path}}}\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.yaml").write_text(f"files: [{{paths: [{paths}]}}]\n")
    monkeypatch.setenv("COLUMNS", "100")
    main(["doctor", "--user", "--config", str(tmp_path / "agent.yaml")])
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 100
    assert "9 paths do not exist (yet):" in said
