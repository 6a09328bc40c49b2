"""Whether the kernel says who changes a file: on, or off and why."""

import errno
import os
import threading
from pathlib import Path

import pytest

from agent.cli.status_screen import lines
from agent.configuration.types import Who
from agent.doctor.who import look_at_who
from agent.runtime import at_once
from agent.runtime.status import Document, WhoState
from agent.runtime.stored_descriptors import CHANGES, REFUSED
from agent.runtime.who import WhoChanged

IN_UNIT = {"NOTIFY_SOCKET": "/run/systemd/notify"}


def why(descriptors, environ=IN_UNIT, asked=True, directory="/tmp"):
    who = WhoChanged(descriptors, environ)
    assert not who.reconfigure(asked, directory)
    state = who.state()
    assert not state.on
    assert who.of("/etc/a").missed == state.why
    return state.why


@pytest.mark.parametrize(
    ("descriptors", "environ", "asked", "said"),
    [
        ({}, {}, True, "not started by its unit"),
        ({}, IN_UNIT, True, "no step"),
        ({}, IN_UNIT, Who(execs=True), "no step"),
        ({CHANGES: 9}, IN_UNIT, False, "switched off by `who: false`"),
    ],
)
def test_where_it_is_off_the_reason_is_known(descriptors, environ, asked, said):
    assert said in why(descriptors, environ, asked)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (str(errno.EPERM), "not permitted here"),
        (str(errno.EINVAL), "too old"),
        (str(errno.EIO), os.strerror(errno.EIO)),
        ("", "no step"),
    ],
)
def test_where_the_kernel_refused_the_step_has_left_why(left, said):
    fd = os.memfd_create("who")
    os.write(fd, left.encode())
    assert said in why({REFUSED: fd})
    os.close(fd)


def test_what_is_no_group_names_nobody_and_the_self_test_finds_it(tmp_path):
    fd = os.memfd_create("no group")
    assert "watches no directory" in why({CHANGES: fd}, directory=tmp_path)
    os.close(fd)


def test_the_thread_that_listens_is_there_before_it_is_known_what_is_asked_for_and_stays_the_same(tmp_path):
    fd = os.memfd_create("no group")
    before = {*threading.enumerate()}
    who = WhoChanged({CHANGES: fd}, IN_UNIT)
    [thread] = {*threading.enumerate()} - before
    assert Path(f"/proc/self/task/{thread.native_id}/comm").read_bytes() == at_once.NAME
    for asked in (False, True, Who(execs=True), False, True):
        who.reconfigure(asked, tmp_path)
    assert {*threading.enumerate()} - before == {thread}
    who.stop()
    thread.join(5)
    assert not thread.is_alive()
    os.close(fd)


def test_before_it_has_begun_and_after_its_end_nobody_is_named():
    who = WhoChanged({}, {})
    assert not who.state().on
    who.stop()
    who.looking(("/etc/a",))
    who.watch_directory("/etc", 0)
    who.forget("/etc")
    assert who.executions("systemctl", 0, 1) == ()
    assert who.of("/etc/a").missed == "the agent ends"


@pytest.mark.parametrize(
    ("state", "line", "level"),
    [
        (WhoState(on=True, directories=1), "who: on, when a processor is free, 1 directory", "ok"),
        (WhoState(on=True, at_once=True, directories=7), "who: on, at once, 7 directories", "ok"),
        (
            WhoState(on=True, at_once=True, directories=2, execs=True),
            "who: on, at once, 2 directories and what begins to be executed",
            "ok",
        ),
        (
            WhoState(
                on=True, at_once=True, directories=2, not_marked=1, why_not_marked="No space left on device"
            ),
            "who: on, at once, 2 directories; 1 not: No space left on device",
            "warn",
        ),
        (WhoState(on=False, why="not permitted here"), "who: off: not permitted here", "warn"),
        (
            WhoState(on=False, why="switched off by `who: false`"),
            "who: off: switched off by `who: false`",
            "ok",
        ),
    ],
)
def test_status_and_doctor_say_it(state, line, level):
    assert line in [*lines(Document(running=True, who=state))]
    said = {name: getattr(state, name) for name in state.__struct_fields__}
    found = look_at_who(said)
    assert found.level == level
    assert f"who: {found.text}".startswith(line.partition(", ")[0])
    assert ("at once" in found.text) == ("at once" in line)


def test_the_doctor_says_that_it_is_tried_at_the_start_where_no_daemon_runs():
    assert "tried when the agent starts" in look_at_who(None).text
