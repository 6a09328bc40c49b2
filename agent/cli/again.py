"""How this very program is started again, whatever the current directory holds."""

import sys


def command() -> list[str]:
    """Return the words before the arguments."""
    if sys.flags.no_site:  # as a package's launcher runs it: the interpreter alone would not find the modules
        return [sys.argv[0]]
    return [sys.executable, "-P", "-m", "agent.cli"]
