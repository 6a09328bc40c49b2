"""`event send`: what it makes of its words, and where that goes."""

import json
import socket
import subprocess
import sys
import threading
from argparse import Namespace
from datetime import datetime

import pytest

from agent import cli
from agent.cli import event
from agent.http import Response
from agent.intake.listeners import SocketListener


@pytest.fixture
def configuration(tmp_path):
    path = tmp_path / "agent.yaml"
    path.write_text(f"spool: {{directory: {tmp_path}/spool}}\nintake: {{socket: {tmp_path}/s}}\n")
    return path


@pytest.fixture
def send(configuration, capsys):
    def run(*words, expect=0):
        status = cli.main(["--config", str(configuration), "event", "send", *words])
        said = capsys.readouterr()
        assert status == expect, said.err
        return said

    return run


@pytest.fixture
def daemon(tmp_path):
    """Answer at the socket as the test says, and keep what was posted."""

    class Daemon:
        def __init__(self):
            self.answer = Response(200, b"{}")
            self.posted = []

        def __call__(self, request):
            self.posted.append(json.loads(request.body))
            return self.answer

    daemon = Daemon()
    server = SocketListener(tmp_path / "s", daemon)
    server.start()
    yield daemon
    server.stop()


def test_every_option_finds_its_field(send, daemon):
    said = send(
        "DeploymentEvent", "--title", "Deployed", "--text", "all of it", "-i", "urn:a", "urn:b", "-s", "ci",
        "-c", "deployments", "-d", '{"version": 2, "ok": true}', "--links", "notes: http://x/", "--tags", "a:b", "c:d",
        "--name", "deploy", "--timestamp", "1700000000", "--source-identifier", "once",
    )  # fmt: skip
    assert said.out == "once\n"
    assert daemon.posted == [
        {
            "origin": "event send",
            "events": {
                "deploy": [
                    {
                        "context": {
                            "category": "Deployments",
                            "source": "ci",
                            "source_identifier": "once",
                            "element_identifiers": ["urn:a", "urn:b"],
                            "source_links": [{"title": "notes", "url": "http://x/"}],
                            "data": {"version": 2, "ok": True},
                        },
                        "event_type": "DeploymentEvent",
                        "msg_title": "Deployed",
                        "msg_text": "all of it",
                        "source_type_name": "deploy",
                        "host": "",
                        "tags": ["a:b", "c:d"],
                        "timestamp": 1700000000,
                    }
                ]
            },
        }
    ]


def test_iso_time_is_taken(send, daemon):
    send("X", "--title", "y", "--timestamp", "2023-11-14T22:13:20+00:00")
    assert daemon.posted[0]["events"]["custom"][0]["timestamp"] == 1700000000


def test_the_result_can_be_had_as_json(send, daemon):
    said = json.loads(send("X", "--title", "y", "--json").out)
    assert said == {
        "source_identifier": daemon.posted[0]["events"]["custom"][0]["context"]["source_identifier"],
        "kept_by": "daemon",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        ["--title", ""],
        ["--title", " "],
        ["--title", "y", "-c", "Nonsense"],
        ["--title", "y", "-d", "no json"],
        ["--title", "y", "-d", "[1]"],
        ["--title", "y", "-d", '{"nested": {}}'],
        ["--title", "y", "-d", '{"a": 1e999}'],
        ["--title", "y", "-d", '{"a": NaN}'],
        ["--title", "y", "-d", '{"a": 99999999999999999999}'],
        ["--title", "y", "-d", '{"a": "\\ud800"}'],
        ["--title", "y", "-d", "[" * 100_000],
        ["--title", "y", "--tags", "k:\udcff"],
        ["--title", "y", "--links", "nothing"],
        ["--title", "y", "--tags", "no-colon"],
        ["--title", "y", "--timestamp", "yesterday-ish"],
        ["--title", "y", "--timestamp", "1700000000000"],
        ["--title", "y", "--name", "hostname"],
        ["--title", "y", "--text", "x" * 300_000],
        ["--title", "\udcff"],
        ["--title", "y", "-i", ""],
        ["--title", "y", "-i", "urn:a", " "],
        ["--title", "y", "--source-identifier", ""],
        ["--title", "y", "--data", "@/no/such/file"],
        ["--title", "y", "--data", "@/"],
        ["--title", "y", "--timestamp", "99999999"],
        ["--title", "y", "--timestamp", ""],
    ],
)
def test_bad_input_is_refused_with_2_and_nothing_is_recorded(send, daemon, tmp_path, wrong):
    said = send("X", *wrong, expect=2)
    assert said.err.startswith("sts-agent: ")
    assert daemon.posted == []
    assert not (tmp_path / "spool").exists()


def test_a_title_is_required(configuration, capsys):
    assert cli.main(["--config", str(configuration), "event", "send", "X"]) == 2
    assert "--title" in capsys.readouterr().err


def test_without_a_daemon_it_is_left_for_it(send, tmp_path):
    identifier = send("X", "--title", "y").out.strip()
    (left,) = (tmp_path / "spool" / "incoming").iterdir()
    (event,) = json.loads(left.read_bytes())["events"]["custom"]
    assert event["context"]["source_identifier"] == identifier


@pytest.fixture
def mute(tmp_path):
    """Something that listens at the socket and never says a word."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(0)
        yield listener


@pytest.mark.usefixtures("mute")
def test_a_daemon_that_does_not_answer_in_time_finds_it_among_its_files(send, tmp_path):
    identifier = send("X", "--title", "y").out.strip()
    (left,) = (tmp_path / "spool" / "incoming").iterdir()
    assert json.loads(left.read_bytes())["events"]["custom"][0]["context"]["source_identifier"] == identifier


@pytest.mark.usefixtures("mute")
def test_a_daemon_that_takes_no_more_connections_finds_it_among_its_files(send, tmp_path):
    with socket.socket(socket.AF_UNIX) as first:
        first.connect(str(tmp_path / "s"))
        assert json.loads(send("X", "--title", "y", "--json").out)["kept_by"] == "incoming"


def test_a_daemon_that_ends_in_the_middle_finds_it_among_its_files(send, mute, tmp_path):
    def end() -> None:
        mute.accept()[0].close()

    ending = threading.Thread(target=end)
    ending.start()
    assert json.loads(send("X", "--title", "y", "--json").out)["kept_by"] == "incoming"
    ending.join()
    assert len([*(tmp_path / "spool" / "incoming").iterdir()]) == 1


def test_two_events_with_the_same_identifier_are_both_left(send, tmp_path):
    for _ in range(2):
        send("X", "--title", "y", "--source-identifier", "../same")
    assert len([*(tmp_path / "spool" / "incoming").iterdir()]) == 2


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Response(400, b"why"), 2),
        (Response(413, b"why"), 2),
        (Response(500, b"why"), 1),
    ],
)
def test_a_refusal_of_the_daemon_is_told_and_nothing_goes_another_way(send, daemon, tmp_path, answer, status):
    daemon.answer = answer
    assert "why" in send("X", "--title", "y", expect=status).err
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("status", [429, 503, 507])
def test_a_daemon_that_has_no_room_just_now_finds_it_among_its_files(send, daemon, tmp_path, status):
    """What others posted has filled their share, or came too fast: what somebody does by hand is not lost for that."""
    daemon.answer = Response(status, b"busy, come again")
    said = json.loads(send("X", "--title", "y", "--json").out)
    assert said["kept_by"] == "incoming"
    (left,) = (tmp_path / "spool" / "incoming").iterdir()
    (event,) = json.loads(left.read_bytes())["events"]["custom"]
    assert event["context"]["source_identifier"] == said["source_identifier"]


def test_where_it_cannot_be_left_either_the_words_of_the_busy_daemon_are_told(send, daemon, tmp_path):
    daemon.answer = Response(503, b"busy, come again")
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "incoming").symlink_to("nowhere")
    assert "busy, come again" in send("X", "--title", "y", expect=1).err


def test_at_best_effort_a_failure_is_a_warning(send, daemon):
    daemon.answer = Response(500, b"why")
    said = send("X", "--title", "y", "--best-effort")
    assert "warning" in said.err
    assert "why" in said.err


def test_a_wrong_configuration_does_not_matter_while_the_socket_can_be_found(send, daemon, configuration):
    configuration.write_text(configuration.read_text() + "nonsense: 1\n")
    send("X", "--title", "y")
    assert len(daemon.posted) == 1


def test_neither_requests_nor_rich_is_loaded(configuration, daemon):
    code = (
        "import sys; from agent import cli;"
        f"cli.main(['--config', {str(configuration)!r}, 'event', 'send', 'X', '--title', 'y']);"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.splitlines()[1].split())
    assert len(daemon.posted) == 1
    assert not loaded & {
        "requests",
        "rich",
        "watchdog",
        "psutil",
        "jeepney",
        "schedule",
        "sqlite3",
        "platformdirs",
    }


NOT_TO_POST_ONE = {
    "datetime",
    "gettext",
    "locale",
    "msgspec",
    "pathlib",
    "platform",
    "shutil",
    "socket",
    "uuid",
    "yaml",
    "collectors.event",
}


def test_nothing_is_loaded_to_compose_and_post_an_event_that_takes_longer_than_that(daemon, tmp_path):
    code = (
        "import sys; before = {*sys.modules}; from agent.cli import make_parser;"
        " from agent.cli.words_of_event import compose; from agent.cli.daemon_client import ask;"
        " arguments = make_parser(['event'], others=False).parse_args(['event', 'send', 'X', '--title', 'y']);"
        f" ask({str(tmp_path / 's')!r}, 'POST', '/stsAgent/intake', compose(arguments)[1]);"
        " print(*{*sys.modules} - before)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(daemon.posted) == 1
    assert not NOT_TO_POST_ONE & set(ran.stdout.split())


def test_what_a_type_of_another_system_requires_is_said_before_anything_is_recorded(send, daemon):
    data = '{"deploymentName": "shop"}'
    said = send("CUSTOM_DEPLOYMENT", "--title", "shop is out", "--data", data, expect=2)
    assert "deploymentVersion" in said.err
    assert not daemon.posted
    send("CUSTOM_DEPLOYMENT", "--title", "t", "-d", '{"deploymentName": "shop", "deploymentVersion": "2"}')
    assert len(daemon.posted) == 1


def posted(daemon):
    return daemon.posted[0]["events"]["custom"][0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--text", "-"], "one\ntwo ü\n"),
        (["--data", "-"], '{"version": "2.1"}'),
        (["--data", "@-"], '{"version": "2.1"}'),
    ],
)
def test_text_or_data_can_come_from_stdin(configuration, daemon, words, said):
    command = [sys.executable, "-m", "agent.cli", "--config", str(configuration), "event", "send", "X"]
    ran = subprocess.run(
        [*command, "--title", "y", *words], input=said.encode(), capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    event = posted(daemon)
    assert said in {event["msg_text"] + "\n", json.dumps(event["context"]["data"])}


def test_what_comes_from_stdin_and_is_no_text_is_refused(configuration, daemon):
    command = [sys.executable, "-m", "agent.cli", "--config", str(configuration), "event", "send", "X"]
    ran = subprocess.run(
        [*command, "--title", "y", "--text", "-"], input=b"\xff", capture_output=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (2, b"sts-agent: stdin is not UTF-8\n")
    assert not daemon.posted


def test_data_can_come_from_a_file(send, daemon, tmp_path):
    (tmp_path / "data.json").write_text('{"version": "2.1"}')
    send("X", "--title", "y", "--data", f"@{tmp_path}/data.json")
    assert posted(daemon)["context"]["data"] == {"version": "2.1"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-26", (2026, 11, 26)),
        ("20261126", (2026, 11, 26)),
        ("2026-11-26 14:03", (2026, 11, 26, 14, 3)),
    ],
)
def test_a_date_without_a_zone_is_of_this_host(send, daemon, written, meant):
    send("X", "--title", "y", "--timestamp", written)
    assert posted(daemon)["timestamp"] == int(datetime(*meant).timestamp())  # noqa: DTZ001 - that is what is meant


@pytest.mark.parametrize(
    "words",
    [
        ["--best-effort"],
        ["X", "--best-effort"],
        ["X", "--title", "y", "--nonsense", "--best-effort"],
        ["X", "--title", "", "--best-effort"],
        ["X", "--title", "y", "--timestamp", "soon", "--best-effort"],
        ["X", "--title", "y", "-i", "", "--best-effort"],
        ["X", "--title", "y", "--data", "@/no/such/file", "--best-effort"],
    ],
)
def test_at_best_effort_wrong_usage_is_a_warning_too(send, daemon, words):
    assert "warning" in send(*words).err
    assert not daemon.posted


def test_at_best_effort_a_configuration_that_cannot_be_found_is_a_warning(tmp_path, capsys):
    words = [
        "--config",
        str(tmp_path / "missing.yaml"),
        "event",
        "send",
        "X",
        "--title",
        "y",
        "--best-effort",
    ]
    assert cli.main(words) == 0
    assert "warning" in capsys.readouterr().err


@pytest.mark.parametrize("is_there", [True, False])
def test_what_is_wrong_with_the_configuration_is_told_once(configuration, capsys, is_there):
    configuration.write_text(f"intake:\n  socket: {configuration.parent}/s\nhostname: [\n")
    if not is_there:
        configuration.unlink()
    for words in (["event", "send", "DeploymentEvent", "--title", "x"], ["log"]):
        assert cli.main(["--config", str(configuration), *words]) != 0
        said = capsys.readouterr().err
        assert said.count(str(configuration)) == 1


def test_what_is_not_recorded_for_want_of_a_configuration_is_said(configuration, capsys, tmp_path):
    configuration.write_text(f"intake:\n  socket: {tmp_path}/s\nhostname: [\n")
    assert cli.main(["--config", str(configuration), "event", "send", "DeploymentEvent", "--title", "x"]) == 2
    told = capsys.readouterr().err.splitlines()[1]
    assert told.startswith(f"sts-agent: no daemon answers at {tmp_path}/s: ")
    assert "nothing was recorded: where to leave the event stands in agent.yaml" in told


@pytest.mark.parametrize("words", [[], ["--config", "named"]])
def test_the_usual_socket_is_asked_once_also_where_a_configuration_is_named(tmp_path, monkeypatch, words):
    monkeypatch.delenv("STS_AGENT_CONFIG", raising=False)
    named = tmp_path / "agent.yaml"
    named.write_text("hostname: h\n")
    arguments = Namespace(config=named if words else None, user=False)
    assert [*event._sockets(arguments)] == [event.DEFAULT_SOCKET]
