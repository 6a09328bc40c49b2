"""The demo shows the main job, and leaves nothing behind."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from agent.cli import main

PROGRAM = str(Path(sys.executable).with_name("sts-agent"))


def test_the_demo_shows_changes_an_outage_and_the_catch_up_and_leaves_nothing_behind():
    with tempfile.TemporaryDirectory(prefix="sts-") as outer:
        directory = Path(outer) / "sts-agent-demo-yng5by1a"  # masked in every path, as a random name may be
        directory.mkdir()
        Path(outer).chmod(0o755)
        ran = subprocess.run(
            [PROGRAM, "demo", "--seconds", "1", "--json"],
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            env={**os.environ, "TMPDIR": str(directory)},
        )
        assert ran.returncode == 0, ran.stderr
        assert [*directory.iterdir()] == []
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    changes = [
        event["context"]["data"].get("change") for event in events if "path" in event["context"]["data"]
    ]
    assert changes == ["created", "modified", "created", "deleted", "modified"]
    assert any("+workers = 16" in event["context"]["data"].get("diff", "") for event in events)
    types = [event["event_type"] for event in events]
    assert types.index("DeploymentEvent") < types.index("RestartEvent") < types.index("AgentStoppedEvent")
    assert any("<masked:" in event["msg_title"] for event in events)
    assert "2 events wait on the agent's disk" in ran.stderr
    assert "sts-agent check" in ran.stderr


@pytest.mark.parametrize("seconds", ["nan", "inf", "-3", "soon", "1e9"])
def test_so_many_seconds_as_there_are_none_are_wrong_usage(seconds, capfd):
    assert main(["demo", f"--seconds={seconds}"]) == 2
    assert "is no number of seconds from 0 to 3600" in capfd.readouterr().err
