"""What every test may rely on."""

import os
import signal

from hypothesis import settings

settings.register_profile("the same every time", derandomize=True)
if not os.environ.get("STS_AGENT_TORTURE_KILLS"):
    # What a change broke shows at once and to everybody; `make torture` looks for what is new.
    settings.load_profile("the same every time")


def pytest_configure():
    """Let Ctrl-C work in what tests start, also where a shell runs the tests in the background and ignores it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
