"""What every test may rely on."""

import signal


def pytest_configure():
    """Let Ctrl-C work in what tests start, also where a shell runs the tests in the background and ignores it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
