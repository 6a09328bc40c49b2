"""Tell whether this version can take the place of the one that runs: what the packages ask before they do it.

Given the pid of the running one, it sees the environment and the credentials of that. Exit status 2: the configuration
that would be used is wrong, told on stderr; anything else but 0: the version itself cannot run.
"""

import sys
from importlib import import_module
from pathlib import Path

sys.path.append("/opt/sts-agent/lib")

import agent.cli.run
import agent.runtime.daemon  # noqa: F401 - what every start loads
from agent.configuration.load import load_whole
from agent.configuration.problem import ConfigurationError
from collectors.registry import COLLECTORS

for collector in COLLECTORS:  # each is loaded when it runs
    import_module(f"collectors.{collector}")


def environment(pid: str) -> dict[str, str]:
    """Return the variables of the running one; its credentials are seen through its own mounts."""
    text = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    variables = dict(line.split("=", 1) for line in text.split("\0") if "=" in line)
    if credentials := variables.get("CREDENTIALS_DIRECTORY"):
        variables["CREDENTIALS_DIRECTORY"] = f"/proc/{pid}/root{credentials}"
    return variables


if pids := sys.argv[1:]:
    try:
        load_whole(environ=environment(pids[0]), strict=False)
    except ConfigurationError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        sys.exit(2)
