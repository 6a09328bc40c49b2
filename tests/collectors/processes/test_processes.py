"""Real processes, watched by the real collector."""

import os
import resource
import subprocess
import sys
import time
import uuid
from pathlib import Path

import msgspec
import pytest
from made_to_raise import Fault

from collectors._processes.entry import ProcessEntry, ProcessMatch
from collectors._processes.match import Wanted
from collectors._processes.proc import _REAPED_WITHIN_SECONDS, read_process
from collectors._processes.scanner import ProcessScanner
from collectors.collector import Scoped
from collectors.processes import Processes


class Program:
    """Processes that carry a mark in their command line; each ends when its standard input does."""

    def __init__(self):
        self.mark = f"mark-{uuid.uuid4().hex}"
        self.processes = []

    def start(self, end="pass"):
        script = f"import sys, os; sys.stdin.read(); {end}"
        process = subprocess.Popen([sys.executable, "-c", script, self.mark], stdin=subprocess.PIPE)
        self.processes.append(process)
        return process

    def collector(self, **match):
        match.setdefault("cmdline", f"*{self.mark}*")
        entry = ProcessEntry(name="worker", match=ProcessMatch(**match))
        return Processes(
            [Scoped(entry, ("app:w",))], scan_seconds=0.02, is_going_down=lambda: self.going_down
        )

    going_down = False


@pytest.fixture
def program():
    program = Program()
    yield program
    for process in program.processes:
        process.kill()
        process.communicate()


def kinds(recorder):
    return [event.event_type for event in recorder.events]


def test_a_start_and_an_end_are_told_with_the_exit_status(record, program):
    recorder = record().start(program.collector())
    recorder.wait_for_report("watching 0 processes")
    process = program.start("os._exit(3)")
    [started] = recorder.wait_for_events(1)
    assert started.data["pid"] == process.pid
    assert Path(started.data["exe"]).samefile(sys.executable)
    process.communicate()
    [_, stopped] = recorder.wait_for_events(2)
    assert kinds(recorder) == ["ProcessStartedEvent", "ProcessStoppedEvent"]
    assert stopped.data.get("exit_code", 3) == 3  # kernels before 6.15 do not tell


def test_what_ran_before_is_silent_and_its_end_is_told(record, program):
    process = program.start()
    recorder = record().start(program.collector())
    recorder.wait_for_report("watching 1 processes")
    process.kill()
    process.communicate()
    [stopped] = recorder.wait_for_events(1)
    assert stopped.data.get("signal", "SIGKILL") == "SIGKILL"


def test_what_happened_while_the_collector_alone_was_away_is_not_told_as_while_the_agent_was_down(
    record, program
):
    first = record().start(program.collector())
    first.wait_for_report("watching 0 processes")
    first.end()
    program.start()
    second = record(first.memory, absence=first.runtime.absence).start(program.collector())
    [started] = second.wait_for_events(1)
    assert "while_agent_down" not in started.data
    second.end()


def test_what_happened_between_two_runs_is_told_at_the_next_once(record, program):
    first = record()
    old = program.start()
    first.start(program.collector()).wait_for_report("watching 1 processes")
    first.end()
    old.communicate()
    program.start()
    second = record(first.memory).start(program.collector())
    assert [event.data["while_agent_down"] for event in second.wait_for_events(2)] == [True, True]
    second.end()
    third = record(first.memory).start(program.collector())
    third.wait_for_report("watching 1 processes")
    assert third.events == []


def test_an_end_that_was_not_kept_is_told_when_it_can_be(record, program):
    process = program.start()
    recorder = record().start(program.collector())
    recorder.wait_for_report("watching 1 processes")
    recorder.full = True
    process.communicate()
    recorder.full = False
    recorder.wait_for_events(1)
    assert kinds(recorder) == ["ProcessStoppedEvent"]


def test_the_ends_of_a_shutdown_are_no_news_and_not_forgotten(record, program):
    process = program.start()
    recorder = record().start(program.collector())
    recorder.wait_for_report("watching 1 processes")
    program.going_down = True
    process.communicate()
    recorder.end()
    assert recorder.events == []
    again = record(recorder.memory)
    program.going_down = False
    again.start(program.collector())
    assert [event.event_type for event in again.wait_for_events(1)] == ["ProcessStoppedEvent"]


def test_a_process_that_becomes_another_program_is_found(record, program):
    recorder = record().start(program.collector())
    recorder.wait_for_report("watching 0 processes")
    script = (
        f"import os, sys; sys.stdin.read(1); os.execv('/bin/sh', ['sh', '-c', 'read x; : {program.mark}'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script.replace(program.mark, "' + sys.argv[1][::-1] + '"), program.mark[::-1]],
        stdin=subprocess.PIPE,
    )
    program.processes.append(process)
    process.stdin.write(b"x")
    process.stdin.flush()
    [started] = recorder.wait_for_events(1)
    assert started.data["pid"] == process.pid


def eyes_on(program):
    """Return eyes that have seen the program's processes."""
    eyes = ProcessScanner([Wanted(label="worker", cmdline=f"*{program.mark}*")])
    eyes.scan()
    return eyes


def test_what_ended_and_was_told_does_not_run_any_more_although_no_scan_came_between(program):
    process = program.start()
    eyes = eyes_on(program)
    process.communicate()
    assert eyes.take_ends(list(eyes.descriptors()))
    eyes.forget_endings()
    assert eyes.running == {}
    eyes.close()


def test_many_ends_that_nobody_asks_for_take_one_moment_together(program):
    processes = [program.start() for _ in range(20)]
    eyes = eyes_on(program)
    for process in processes:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is over, and not reaped
    began = time.monotonic()
    assert eyes.take_ends(list(eyes.descriptors()))
    assert time.monotonic() - began < len(processes) * _REAPED_WITHIN_SECONDS, "not one after another"
    assert len(eyes.endings) == 20
    eyes.close()


def test_whatever_one_process_makes_a_scan_raise_the_others_are_seen_and_their_ends_are_waited_for(program):
    odd, other = program.start(), program.start()

    def scan(at):
        eyes = ProcessScanner([Wanted(label="worker", cmdline=f"*{program.mark}*")])
        fault = Fault(rf"\b{odd.pid}\b", rf"\b{other.pid}\b", at)
        with fault.here():
            eyes.scan()
        seen = {running.process.pid for running in eyes.running.values()}
        assert other.pid in seen, fault.raised
        assert odd.pid in seen | eyes.odd.keys(), fault.raised
        assert len(list(eyes.descriptors())) >= 1, fault.raised
        eyes.close()
        return fault

    calls = scan(0).calls
    raised = {scan(at).raised for at in range(1, calls + 1)}
    assert "_processes/scanner.py: ProcessScanner._hold" in raised


def test_without_descriptors_nothing_is_told_as_ended(program):
    process = program.start()
    eyes = eyes_on(program)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))  # what is open stays open, and nothing more can be
    try:
        with pytest.raises(OSError, match="Too many open files"):
            read_process(process.pid)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    eyes.scan()
    assert [running.process.pid for running in eyes.running.values()] == [process.pid]
    eyes.close()


def test_a_match_that_says_nothing_is_refused():
    with pytest.raises(msgspec.ValidationError, match="at least one of name, exe, cmdline and user"):
        msgspec.convert({"name": "worker", "match": {}}, ProcessEntry)
