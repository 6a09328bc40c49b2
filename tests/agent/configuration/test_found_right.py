"""The daemon's word that agent.yaml is right: who goes by it looks at the file no more, and says all the same what he said."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from agent import cli
from agent.configuration import found_right
from agent.configuration.load import load
from agent.configuration.location import locate
from agent.configuration.start import Start
from agent.http import Response
from agent.intake.listeners import SocketListener
from agent.runtime.status import Document
from spool import Spool

KEY = "5ecret-of-the-receiver"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give a desktop's own agent its directories, and no variable a say."""
    for name in filter(found_right.has_a_say, [*os.environ]):
        monkeypatch.delenv(name)
    monkeypatch.delenv("STS_AGENT_CONFIG", raising=False)
    for name in ("CONFIG_HOME", "STATE_HOME", "RUNTIME_DIR"):
        place = tmp_path / name[0] / "sts-agent"  # the address of a socket is short
        place.mkdir(parents=True)
        monkeypatch.setenv(f"XDG_{name}", str(place.parent))
    return tmp_path


@pytest.fixture
def configure(home):
    """Return a function that writes agent.yaml, and waits until a later change of it is seen."""

    def configure(text: str) -> Path:
        file = home / "C/sts-agent/agent.yaml"
        file.write_text(text)
        while not found_right.state_of(locate(user=True), {}):
            time.sleep(0.01)
        return file

    return configure


@pytest.fixture
def start(home):
    """Return a function that does what a daemon does with its configuration."""

    def start(environ: Mapping[str, str] = os.environ) -> None:
        it = Start(user=True, environ=environ)
        it.first()
        it.keep()

    start.word = home / "R/sts-agent" / found_right.NAME
    return start


def is_known(environ: Mapping[str, str] = os.environ) -> str:
    return found_right.where_the_spool_is(locate(user=True), environ)


def test_what_a_daemon_found_right_is_known_to_be_right(configure, start):
    configure("hostname: a\n")
    assert is_known() == ""
    start()
    assert is_known() == found_right.USUAL


def test_where_the_spool_lies_elsewhere_that_is_known(configure, start, tmp_path):
    configure(f"spool: {{directory: {tmp_path}/elsewhere}}\n")
    start()
    assert is_known() == found_right.OTHER


def test_no_change_is_too_small(configure, start):
    file = configure("hostname: a\n")
    start()
    before = file.stat()
    file.write_text("hostname: b\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert is_known() == ""
    start()
    file.rename(file.with_name("old"))
    assert is_known() == ""


def test_what_was_written_just_now_may_be_written_again_unseen_so_that_nothing_is_said_of_it(configure):
    file = configure("hostname: a\n")
    file.write_text("hostname: b\n")
    assert found_right.state_of(locate(user=True), {}) == ""


@pytest.mark.parametrize("variable", ["STS_LOG_LEVEL", "https_proxy", "NO_PROXY", "CREDENTIALS_DIRECTORY"])
def test_a_variable_that_has_a_say_leaves_nothing_known(configure, start, variable):
    configure("hostname: a\n")
    start({**os.environ, variable: "info"})
    assert not start.word.exists()
    start()
    assert is_known({**os.environ, variable: "info"}) == ""


class Asked(dict[str, str]):
    """An environment that remembers which variables somebody asked for."""

    def __init__(self, *known: str) -> None:
        super().__init__(dict.fromkeys(known, ""))
        self.names: set[str] = set()

    def get(self, name: str, default: object = None) -> object:
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("whoever looks at all of them says which count")


def test_every_variable_that_loading_asks_for_has_a_say(tmp_path):
    file = tmp_path / "agent.yaml"
    kinds = {"stackstate": "api_key: k", "otlp": "token: t", "dynatrace": "api_token: t, attach: {tags: [a]}"}
    kinds |= {"sematext": "token: t", "sensu": ""}
    lines = [f"  {kind}: {{type: {kind}, url: 'https://h', {rest}}}\n" for kind, rest in kinds.items()]
    file.write_text("destinations:\n" + "".join(lines))
    environ = Asked()
    load(file, environ=environ)
    (tmp_path / "agent.yaml").write_text("destinations: {stackstate: {url: 'http://h'}}\n")
    with pytest.raises(Exception, match="api_key"):
        load(file, environ=environ)
    assert {"STS_TAGS", "https_proxy", "CREDENTIALS_DIRECTORY", "STS_API_KEY"} <= environ.names
    assert not [name for name in environ.names if not found_right.has_a_say(name)]


def test_everybody_may_read_it_and_no_value_is_in_it(configure, start, tmp_path):
    configure(
        f"hostname: edge-01\nspool: {{directory: {tmp_path}/x}}\n"
        f"destinations: {{a: {{url: 'http://h', api_key: {KEY}}}}}\n"
    )
    start()
    assert stat.S_IMODE(start.word.stat().st_mode) == 0o644
    assert not [word for word in (KEY, "edge-01", f"{tmp_path}/x") if word in start.word.read_text()]


def test_a_daemon_with_a_socket_of_its_own_says_nothing_where_anothers_lies(configure, start, tmp_path):
    configure(f"intake: {{socket: {tmp_path}/s}}\n")
    start()
    assert not start.word.exists()


def test_a_wrong_file_leaves_the_word_of_the_right_one_which_nobody_believes(configure, start):
    configure("hostname: a\n")
    start()
    configure("nonsense: 1\n")
    start()
    assert is_known() == ""


@pytest.mark.parametrize("text", ["hostname: a\n", "spool: {directory: PLACE}\n"])
def test_a_command_shows_the_same_whether_or_not_the_word_is_there(configure, start, capsys, tmp_path, text):
    configure(text.replace("PLACE", str(tmp_path / "elsewhere")))
    directory = load(user=True, strict=False).spool_directory
    Spool.open(directory).close()
    start()
    for words in (["log"], ["status"], ["rejected", "list"]):
        with_word = (cli.main(["--user", *words]), *capsys.readouterr())
        start.word.rename(start.word.with_name("away"))
        assert (cli.main(["--user", *words]), *capsys.readouterr()) == with_word
        start.word.with_name("away").rename(start.word)


@pytest.mark.parametrize("command", ["log", "status"])
def test_a_file_that_is_wrong_since_then_is_told_as_ever(configure, start, capsys, command):
    configure("hostname: a\n")
    start()
    Spool.open(locate(user=True).spool_directory).close()
    file = configure("nonsense: 1\n")
    cli.main(["--user", command])
    said = capsys.readouterr().err
    assert f"{file}:1: nonsense: " in said
    assert "(this goes by the last agent.yaml that was right)" in said


CHECKING = {"yaml", "agent.configuration.load", "agent.configuration.types", "collectors.registry"}
WRITING = {"spool.spool", "spool.engine", "spool.leaving"}
RECOVERING = {"agent.cli.time_argument", "logging", "spool.state", "spool.status", "spool.store", "traceback"}
SELDOM = {"gettext", "inspect", "platform", "requests", "rich", "shutil", "subprocess"}


@pytest.mark.parametrize("command", ["log", "rejected list"])
def test_who_goes_by_it_loads_nothing_that_checks_a_configuration_or_writes_a_spool(
    configure, start, command
):
    configure("hostname: a\n")
    start()
    Spool.open(locate(user=True).spool_directory).close()
    unwanted = CHECKING | WRITING | SELDOM | (RECOVERING if command == "log" else set())
    assert not unwanted & loaded_by(command)


def test_status_loads_no_spool_either_where_a_daemon_answers(configure, start):
    configure("hostname: a\n")
    start()
    document = Document(running=True, hostname="a", clock_trusted=True)
    server = SocketListener(locate(user=True).socket, lambda _: Response(200, msgspec.json.encode(document)))
    server.start()
    try:
        loaded = loaded_by("status")
    finally:
        server.stop()
    assert not (CHECKING | WRITING | SELDOM | {"spool", "sqlite3", "dataclasses", "logging"}) & loaded


def loaded_by(command: str) -> set[str]:
    """Return the modules that a command has loaded, besides those that any Python has."""
    code = (
        "import sys; sys.modules['typing_extensions'] = None;"  # the tests' own tools bring it, and msgspec uses what is there
        " import platformdirs; before = {*sys.modules}; from agent import cli;"  # `--user` asks that where things are
        f" status = cli.main(['--user', *{command!r}.split()]);"
        " print('loaded', *{*sys.modules} - before); sys.exit(status)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.splitlines()[-1].split())
