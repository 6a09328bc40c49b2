"""Programs of npm that were made to post to Sematext post to the agent unchanged; their events arrive there.

`spm-metrics-js`, and `@sematext/logagent` as it passes on what GitHub tells of a repository. `make test-clients` installs them.
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from harness.free_ports import free_port

from agent.systems.registry import stand_in

pytestmark = pytest.mark.clients

TOKEN = "0f000000-0000-4000-8000-0000000000a7"
CLIENTS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sts-agent/npm-clients"
SPM = """
const Client = require('spm-metrics-js')
const client = new Client(process.argv[1])
const said = (error, answer) => console.log(error || answer.statusCode)
client.logEvent('deployment', 'high', 'version 2.4 is out', 'shop 2.4', ['shop', 'env:prod'], 'ci', 'bm90ZXM=', said)
client.getEventLogger({ type: 'alert', name: 'from the logger', severity: 'warning' }).log('it is warm', said)
"""
RELEASE = {
    "action": "published",
    "repository": {"full_name": "shop/shop", "html_url": "https://github.example/shop/shop"},
    "sender": {
        "login": "ada",
        "html_url": "https://github.example/ada",
        "avatar_url": "https://github.example/a?",
    },
    "issue": {"html_url": "https://github.example/shop/shop/issues/7", "number": 7},
}


@pytest.fixture
def application():
    with stand_in("sematext", credential="of-the-application") as one:
        yield one


@pytest.fixture
def base(agent, application, wait_until):
    """Start an agent with the port; return the address that a client is to be given."""
    if not (CLIENTS / "installed").exists():
        pytest.skip("the programs of npm are not here; run: make test-clients")
    port = free_port()
    (agent.directory / "token").write_text(TOKEN)
    agent.settings["destinations"]["sematext"] = {
        **application.destination,
        "backoff": {"initial": "50ms", "max": "200ms"},
    }
    agent.settings["intake"]["http"] = {
        "listen": f"127.0.0.1:{port}",
        "token_file": str(agent.directory / "token"),
    }
    agent.configure()
    agent.start()
    wait_until(lambda: "address" in agent.status()["listens"].get("http", {}), agent.log)
    return f"http://127.0.0.1:{port}"


def node(*words, **environ):
    command = [shutil.which("node") or "node", *words]
    return subprocess.Popen(
        command,
        cwd=CLIENTS,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def arrived(application, count, types):
    def wanted(received):
        return [one.event for one in received if one.event["type"] in types]

    found = wanted(application.wait_for(lambda all_: len(wanted(all_)) >= count, 60))
    assert application.report.broken == {}
    return {event["type"]: event for event in found}


def test_spm_metrics_js_by_the_body_and_by_the_path(base, receiver, application):
    ran = node("-e", SPM, TOKEN, EVENTS_RECEIVER_URL=base)
    said, _ = ran.communicate(timeout=60)
    assert said.splitlines()[-2:] == ["200", "200"]
    found = arrived(application, 2, {"deployment", "alert"})
    by_path = {key: value for key, value in found["deployment"].items() if key != "timestamp"}
    assert by_path == {
        "type": "deployment",
        "priority": "high",
        "message": "version 2.4 is out",
        "name": "shop 2.4",
        "tags": ["shop", "env:prod"],
        "creator": "ci",
        "data": "bm90ZXM=",
    }
    assert found["alert"]["message"] == "it is warm"
    receiver.wait_for(lambda all_: any(one.title == "shop 2.4" for one in all_), 60)


def test_a_wrong_token_is_no_success(base, application):
    ran = node("-e", SPM, "wrong", EVENTS_RECEIVER_URL=base)
    said, _ = ran.communicate(timeout=60)
    assert said.splitlines()[-2:] == ["403", "403"]
    assert not [one for one in application.received if one.event["type"] == "deployment"]


def test_logagent_passes_on_what_github_tells(base, application, tmp_path, wait_until):
    port = free_port()
    settings = {
        "options": {"suppress": True},
        "input": {
            "github-webhook": {
                "module": "input-github-webhook",
                "port": port,
                "bindAddress": "127.0.0.1",
                "useIndexFromUrlPath": True,
            }
        },
        "outputFilter": {"github-events-format": {"module": "github-events-format"}},
        "output": {"st-events": {"module": "output-sematext-events", "receiver": base}},
    }
    (tmp_path / "logagent.yml").write_text(json.dumps(settings))
    program = "node_modules/@sematext/logagent/bin/logagent.js"
    ran = node(program, "--config", str(tmp_path / "logagent.yml"), LOGSENE_TMP_DIR=str(tmp_path))
    try:
        wait_until(lambda: tells(port))
        event = arrived(application, 1, {"GitHub"})["GitHub"]
    finally:
        ran.send_signal(signal.SIGKILL)
        ran.communicate(timeout=60)
    assert event["title"] == "GitHub | Issues Published"
    assert "issues #7" in event["message"]
    assert event["severity"] == "info"


def tells(port):
    """Tell logagent what GitHub would; return whether it listened."""
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            headers = {"X-GitHub-Event": "issues", "Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", f"/github/{TOKEN}", f"payload={json.dumps(RELEASE)}", headers)
            return connection.getresponse().status == http.HTTPStatus.OK
    except ConnectionError:
        return False
