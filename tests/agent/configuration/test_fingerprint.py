"""The hash of a configuration: equal where the files are, another where something else counts, free of secrets."""

import pytest

from agent.configuration.fingerprint import configuration_hash
from agent.configuration.load import load

AGENT = """
tags: [env:prod]
destinations:
  main: {url: 'https://user:pass@sts.example.com/stsAgent', api_key: %s}
  other: {type: otlp, url: 'http://127.0.0.1:4318', headers: {X-Key: %s}}
"""
APPLICATION = "tags: [app:nginx]\nfiles: [{paths: [/etc/nginx], exclude: ['*.bak'], diff: strict}]\n"


@pytest.fixture
def hashed(tmp_path):
    """Return the hash of files that lie in a directory of their own."""
    number = iter(range(100))

    def hashed(agent=AGENT % ("k", "h"), application=APPLICATION, environ=None):
        directory = tmp_path / str(next(number))
        (directory / "conf.d").mkdir(parents=True)
        (directory / "agent.yaml").write_text(agent)
        (directory / "conf.d" / "nginx.yaml").write_text(application)
        return configuration_hash(load(directory / "agent.yaml", environ=environ or {}, strict=False))

    return hashed


def test_the_same_files_have_the_same_hash_wherever_they_lie_and_however_they_are_written(hashed):
    assert hashed() == hashed()
    assert hashed(application=f"# a comment\n{APPLICATION}") == hashed()
    assert len(hashed()) == 16


@pytest.mark.parametrize(
    "changed",
    [
        {"agent": AGENT.replace("prod", "test") % ("k", "h")},
        {"agent": AGENT.replace("4318", "4319") % ("k", "h")},
        {"agent": AGENT % ("k", "h") + "packages: false\n"},
        {"agent": AGENT % ("k", "h") + "metrics: {listen: '127.0.0.1:9464'}\n"},
        {"application": APPLICATION.replace("app:nginx", "app:web")},
        {"application": APPLICATION.replace("strict", "auto")},
        {"application": APPLICATION.replace("*.bak", "*.old")},
        {"application": "fils: []\n"},
        {"environ": {"STS_HOSTNAME": "edge-7"}},
    ],
)
def test_whatever_else_counts_has_another_hash(hashed, changed):
    assert hashed(**changed) != hashed()


def test_no_secret_goes_into_it(hashed):
    assert hashed(agent=AGENT % ("other", "another")) == hashed()
    assert hashed(agent=AGENT.replace("user:pass", "user:word") % ("k", "h")) == hashed()
