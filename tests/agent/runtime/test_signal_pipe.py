"""Signals arrive as values in the thread that waits for them."""

import os
import signal
import threading

import pytest

from agent.runtime.signal_pipe import SignalPipe


@pytest.fixture
def signals():
    signals = SignalPipe((signal.SIGHUP, signal.SIGUSR1))
    yield signals
    signals.close()


def test_a_signal_wakes_and_is_named(signals):
    os.kill(os.getpid(), signal.SIGHUP)
    assert signals.wait(30) == {signal.SIGHUP}


def test_signals_that_come_together_are_all_named(signals):
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert signals.wait(30) | signals.wait(0) == {signal.SIGHUP, signal.SIGUSR1}


def test_a_ring_from_another_thread_wakes_without_a_signal(signals):
    ringing = threading.Thread(target=signals.ring)
    ringing.start()
    assert signals.wait(30) == set()
    ringing.join()


def test_the_time_is_over(signals):
    assert signals.wait(0.001) == set()


def test_signals_go_back_to_whoever_had_them():
    before = signal.getsignal(signal.SIGHUP)
    SignalPipe((signal.SIGHUP,)).close()
    assert signal.getsignal(signal.SIGHUP) is before
