"""Keys that others may read, and a configuration that others may write, are told; nothing else is."""

import pytest

from agent.configuration.load import load_whole
from agent.doctor import capability, privacy


@pytest.fixture
def doubts(tmp_path):
    def doubts(text, *, mode=0o644, key_mode=0o600, environ=None):
        (tmp_path / "key").write_text("k")
        (tmp_path / "key").chmod(key_mode)
        (tmp_path / "agent.yaml").write_text(text)
        (tmp_path / "agent.yaml").chmod(mode)
        loaded = load_whole(tmp_path / "agent.yaml", environ=environ or {})
        return [one.replace(f"{tmp_path}/", "") for one in privacy.doubts(loaded)]

    return doubts


INLINE = "destinations: {main: {url: 'https://h/stsAgent', api_key: k}}\n"
IN_FILE = "destinations: {main: {url: 'https://h/stsAgent', api_key_file: key}}\n"


@pytest.mark.parametrize(
    ("text", "modes", "told"),
    [
        (INLINE, {"mode": 0o640}, []),
        (INLINE, {"mode": 0o644}, ["agent.yaml has mode 0644: every user may read the key in it"]),
        (INLINE, {"mode": 0o646}, ["agent.yaml has mode 0646: every user may read and write the key in it"]),
        (IN_FILE, {"mode": 0o644}, []),
        (IN_FILE, {"mode": 0o666}, ["agent.yaml has mode 0666: every user may write it"]),
        (IN_FILE, {"key_mode": 0o640}, []),
        (
            IN_FILE,
            {"key_mode": 0o644},
            ["destinations.main.api_key_file: key has mode 0644: every user may read it"],
        ),
        (
            IN_FILE,
            {"key_mode": 0o622},
            ["destinations.main.api_key_file: key has mode 0622: every user may write it"],
        ),
        ("tags: []\n", {"mode": 0o644}, []),
    ],
)
def test_others_may_neither_read_a_key_nor_write_what_decides_on_it(doubts, text, modes, told):
    assert [one.partition("; ")[0] for one in doubts(text, **modes)] == told


def test_a_key_of_the_environment_is_in_no_file(doubts):
    environ = {"STS_URL": "https://h/stsAgent", "STS_API_KEY": "k"}
    assert doubts("host: false\n", environ=environ) == []


def test_a_match_by_exe_is_doubted_until_a_drop_in_gives_the_capability(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "agent.yaml").touch()
    (tmp_path / "conf.d/a.yaml").write_text(
        "processes: [{name: a, match: {exe: /a}}, {name: b, match: {name: b}}]\n"
    )
    collectors = load_whole(tmp_path / "agent.yaml", environ={}).configuration.collectors
    places = [tmp_path / "units"]
    (doubt,) = capability.doubts(collectors, places)
    assert doubt.startswith("processes a: match.exe")
    (tmp_path / "units/sts-agent.service.d").mkdir(parents=True)
    (tmp_path / "units/sts-agent.service.d/x.conf").write_text(
        "[Service]\nAmbientCapabilities=CAP_SYS_PTRACE\n"
    )
    assert capability.doubts(collectors, places) == []
