"""What a daemon has loaded when it says READY: each module there is time that whoever starts it waits."""

import subprocess
import sys

YAML = {"yaml._yaml", "yaml.constructor", "yaml.emitter", "yaml.reader", "yaml.representer", "yaml.resolver"}
OTHERS = {
    "_hashlib",
    "gettext",
    "locale",
    "platform",
    "hashlib",
    "inspect",
    "prometheus_client",
    "requests",
    "ssl",
    "urllib3",
}
COLLECTORS = {
    f"collectors.{name}" for name in ("files", "host", "packages", "processes", "puppet", "services")
}
LATER = YAML | OTHERS | COLLECTORS

_UNTIL_READY = """\
import os, sys
sys.modules["typing_extensions"] = None  # the tests' own tools bring it, and msgspec uses what is there
def look(event, arguments):
    if event == "socket.sendto":
        import gc
        print(gc.get_threshold()[0], *sys.modules, flush=True)
        os._exit(0)
from agent.cli import main
sys.addaudithook(look)
sys.exit(main(["--config", sys.argv[1], "run"]))
"""


def test_ready_waits_for_no_module_that_is_needed_later_and_for_no_search_for_garbage(tmp_path):
    configuration = tmp_path / "agent.yaml"
    configuration.write_text(
        f"spool: {{directory: {tmp_path / 'spool'}}}\nintake: {{socket: {tmp_path / 'socket'}}}\n"
        "destinations: {a: {url: 'http://127.0.0.1:9/stsAgent', api_key: k}}\n"
    )
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/system.yaml").write_text("files: [{paths: [/etc/hosts]}]\n")
    threshold, *loaded = until_ready(tmp_path, configuration)
    assert LATER & set(loaded) == set()
    assert int(threshold) > 100_000


def until_ready(tmp_path, configuration):
    """Run a daemon until it says READY; return what it said then."""
    ran = subprocess.run(
        [sys.executable, "-c", _UNTIL_READY, str(configuration)],
        env={"NOTIFY_SOCKET": str(tmp_path / "nobody"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.split()
