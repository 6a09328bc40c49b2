"""A source of a remote system is configured in conf.d like a collector, and loaded only when it is named there."""

import subprocess
import sys

from agent.configuration.show import as_yaml, effective

SERVER = "sensu_api: {url: 'http://u:s3cr3t@sensu.example.com:4567', interval: 5s}\n"


def test_an_entry_counts_with_the_tags_of_its_file(written):
    configuration = written.application("a.yaml", f"tags: [from:sensu]\n{SERVER}").load()
    [entry] = configuration.collectors["sensu_api"]
    assert entry.tags == ("from:sensu",)
    assert entry.config.interval == 5


def test_its_password_is_not_shown(written):
    configuration = written.application("a.yaml", SERVER).load()
    shown = as_yaml(effective(configuration, "h"))
    assert "sensu.example.com:4567" in shown
    assert "s3cr3t" not in shown + repr(configuration)


def test_what_is_wrong_with_it_is_told_where_it_stands(written):
    text = "sensu_api:\n  url: sensu:4567\n  intervall: 1s\n"
    found = written.application("a.yaml", text).problems()
    assert [problem.partition(": ")[0] for problem in found] == ["conf.d/a.yaml:2", "conf.d/a.yaml:3"]
    for interval in ("1ms", "36500d"):
        text = f"sensu_api:\n  url: http://sensu:4567\n  interval: {interval}\n"
        [problem] = written.application("a.yaml", text).problems()
        assert "interval must be at least 100ms and at most 1d" in problem


def test_in_agent_yaml_it_is_told_where_it_belongs(written):
    [problem] = written.agent(SERVER).problems()
    assert "sensu_api: unknown key here: it belongs into a file in conf.d" in problem


def test_its_system_is_loaded_only_where_it_is_named(written):
    script = (
        "import sys, pathlib; from agent.configuration.load import load;"
        f" load(pathlib.Path({str(written.file)!r}), environ={{}});"
        " print('agent.systems.sensu' in sys.modules, 'agent.http' in sys.modules)"
    )

    def loaded():
        ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
        return ran.stdout.split()

    written.application("a.yaml", "packages: [{names: [nginx]}]\n")
    assert loaded() == ["False", "False"]
    written.application("b.yaml", SERVER)
    assert loaded() == ["True", "False"]
