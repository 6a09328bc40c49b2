"""Jobs run when they are due, whatever the wall clock does."""

import logging
from datetime import datetime, timedelta

import pytest
import schedule

from agent.runtime.schedule import Housekeeping, Job


class Time:
    """A monotonic clock and a wall clock that can part; `schedule` sees the wall clock only."""

    def __init__(self) -> None:
        self.monotonic = 1000.0
        self.wall = datetime(2026, 3, 29, 1, 30)  # noqa: DTZ001 - schedule counts in naive local time

    def go_on(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += timedelta(seconds=seconds)


@pytest.fixture
def time(monkeypatch):
    time = Time()

    class Naive(datetime):
        @classmethod
        def now(cls, tz=None):
            assert tz is None
            return time.wall

    class Module:
        datetime = Naive
        timedelta = timedelta

    monkeypatch.setattr(schedule, "datetime", Module)
    return time


def housekeeping(time, **jobs):
    return Housekeeping(jobs, monotonic=lambda: time.monotonic, local=lambda: time.wall)


def test_a_job_runs_when_its_time_has_come_and_not_before(time):
    done = []
    keeping = housekeeping(time, tidy=Job(3600, lambda: done.append("tidy")))
    time.go_on(3599)
    keeping.run_due()
    assert not done
    time.go_on(1)
    keeping.run_due()
    assert done == ["tidy"]


def test_the_wait_lasts_until_the_next_job(time):
    keeping = housekeeping(time, tidy=Job(3600, lambda: None), tell=Job(60, lambda: None))
    time.go_on(20)
    assert keeping.wait_seconds() == 40


def test_nothing_to_do_is_nothing_to_wait_for(time):
    assert housekeeping(time).wait_seconds() is None


@pytest.mark.parametrize("step_seconds", [-315_360_000, -3600, 3600, 315_360_000])
def test_a_step_of_the_clock_neither_stops_jobs_nor_changes_the_wait(time, step_seconds):
    done = []
    keeping = housekeeping(time, tidy=Job(3600, lambda: done.append("tidy")))
    time.go_on(600)
    time.wall += timedelta(seconds=step_seconds)
    assert keeping.wait_seconds() == pytest.approx(3000)
    time.go_on(3000)
    keeping.run_due()
    assert done == ["tidy"]
    assert keeping.wait_seconds() == 3600


def test_a_job_that_fails_takes_no_other_with_it(time, caplog):
    done = []

    def fail():
        raise ZeroDivisionError

    keeping = housekeeping(time, bad=Job(60, fail), good=Job(60, lambda: done.append("good")))
    time.go_on(60)
    with caplog.at_level(logging.ERROR):
        keeping.run_due()
    assert done == ["good"]
    assert "bad failed" in caplog.text
