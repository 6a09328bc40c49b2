"""One thread does what is to be done, one thing after another, and keeps its number and its name."""

import threading
from pathlib import Path

import pytest

from collectors._origin.listener import NAME, Listener


@pytest.fixture
def listener():
    listener = Listener()
    listener.start()
    yield listener
    listener.end()


def test_the_kernel_knows_it_by_its_name_as_soon_as_it_has_started(listener):
    assert Path(f"/proc/self/task/{listener.native_id}/comm").read_text() == f"{NAME}\n"


def test_it_does_one_thing_after_another_in_the_one_thread(listener):
    found = []
    for number in range(3):
        done = listener.do(lambda number=number: found.append((number, threading.get_native_id())))
    assert done.wait(30)
    assert found == [(number, listener.native_id) for number in range(3)]
    assert listener.is_free


def test_as_long_as_something_does_not_come_back_it_is_not_free(listener):
    goes_on = threading.Event()
    done = listener.do(goes_on.wait)
    assert not listener.is_free
    goes_on.set()
    assert done.wait(30)
    assert listener.is_free


def test_a_thread_that_nobody_gave_a_priority_is_not_said_to_run_at_once(listener):
    assert not listener.is_at_once
    assert not Listener().is_at_once
