"""What every test may rely on."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

_SLOW_IS_THE_MACHINE = [HealthCheck.too_slow]
settings.register_profile(
    "the same every time", derandomize=True, deadline=None, suppress_health_check=_SLOW_IS_THE_MACHINE
)
if examples := os.environ.get("STS_AGENT_TORTURE_EXAMPLES"):
    settings.register_profile(
        "torture", max_examples=int(examples), deadline=None, suppress_health_check=_SLOW_IS_THE_MACHINE
    )
    settings.load_profile("torture")
elif not os.environ.get("STS_AGENT_TORTURE_KILLS"):
    # What a change broke shows at once and to everybody; `make torture` looks for what is new.
    settings.load_profile("the same every time")


def pytest_configure():
    """Let Ctrl-C work in what tests start, also where a shell runs the tests in the background and ignores it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes():
    """Before several processes run the tests, make the place of the test hosts, which they share, layers and all."""
    from harness import image, namespace

    if image.missing() is None:
        namespace.scratch()
