"""`sts-agent receiver` as a user runs it."""

import json
import signal
import subprocess
import sys
import urllib.request

import pytest

BODY = json.dumps(
    {
        "internalHostname": "h",
        "events": {"custom": [{"msg_title": "hello", "msg_text": "", "event_type": "E"}]},
    }
).encode()


@pytest.fixture
def command():
    started = []

    def start(*arguments):
        words = [sys.executable, "-m", "agent.cli", "receiver", "--listen", "127.0.0.1:0", *arguments]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        line = process.stderr.readline()
        return process, line.rpartition(" ")[2].strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def post(url, body=BODY):
    headers = {"Content-Type": "application/json", "sts-api-key": "k"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/intake", body, headers), timeout=20) as answer:
        return answer.status


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_shows_each_event_as_it_arrives_and_ends_with_the_report(command, ending):
    process, url = command()
    assert post(url) == 200
    assert "h E: hello" in process.stdout.readline()
    process.send_signal(ending)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "1 requests, 1 events accepted" in out
    assert "E 'hello': events.custom(0): Without a context newer platforms do not show it" in out


def test_it_records_and_speaks_json(command, tmp_path):
    record = tmp_path / "events.jsonl"
    process, url = command("--json", "--record", str(record))
    post(url)
    assert json.loads(process.stdout.readline())["event"]["msg_title"] == "hello"
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert json.loads(out)["report"]["accepted"] == 1
    assert json.loads(record.read_text())["name"] == "custom"


def test_only_the_right_key_is_taken(command):
    _, url = command("--api-key", "other")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        post(url)


def test_a_record_that_cannot_be_written_is_named_and_not_the_address(tmp_path):
    words = [
        sys.executable,
        "-m",
        "agent.cli",
        "receiver",
        "--listen",
        "127.0.0.1:0",
        "--record",
        str(tmp_path),
    ]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stderr) == (
        1,
        f"sts-agent receiver: --record {tmp_path}: Is a directory\n",
    )


@pytest.mark.parametrize(("listen", "status"), [("nonsense", 2), ("127.0.0.1:99999", 1), ("256.0.0.1:1", 1)])
def test_an_address_that_cannot_be_listened_on_is_an_error_in_words(listen, status):
    words = [sys.executable, "-m", "agent.cli", "receiver", "--listen", listen]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == status
    assert ended.stderr.startswith("sts-agent receiver: ")
    assert "Traceback" not in ended.stderr
