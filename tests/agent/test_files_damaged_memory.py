"""The files collector on a spool of which single rows are damaged: found when they are asked for, and never told as a change."""

import sqlite3
import time
from functools import partial

import pytest

from agent.events.capture import Capture, Clocks
from agent.events.identity import Identity
from agent.runtime.supervisor import CollectorServices, Supervisor, Timeouts, begin_anew
from collectors._files.entry import FilesEntry
from collectors._files.fingerprint import directory_key, file_key
from collectors.collector import Duration, Registration, Scoped
from collectors.files import FilesCollector
from spool import Spool

PATIENCE_SECONDS = 120


class Watching:
    """The collector at work on a spool until it is ended, started again by the agent's own supervisor."""

    def __init__(self, directory, etc):
        self.told = []
        self.spool = Spool.open(directory)
        capture = Capture(self.spool, Identity("edge-01"), Clocks(boot_id="b"))

        def keep(events, owner, remember, texts):
            capture.keep(events, owner, remember, texts)
            self.told += [(event.data["change"], event.data["path"].rpartition("/")[2]) for event in events]

        lent = CollectorServices(
            memory=partial(self.spool.memory, on_lost=begin_anew), keep=keep, flush=lambda _: None
        )
        # By its clock no file was changed just now: so each digest of a directory counts.
        create = partial(FilesCollector, wall=lambda: time.time() + 60)
        self.supervisor = Supervisor({"files": Registration(FilesEntry, create)}, lent, Timeouts(0.001))
        self.supervisor.reconfigure(
            {"files": (Scoped(FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.02))),)}
        )
        self.wait_for(lambda: "watching" in self.state.detail)

    @property
    def state(self):
        return self.supervisor.states()["files"]

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, f"{self.state}; {self.told}"
            time.sleep(0.01)

    def end(self):
        self.supervisor.stop()
        self.spool.close()


@pytest.fixture
def watch(tmp_path):
    """Run the collector anew, after whatever statement was done to its memory meanwhile."""
    running = []

    def start(statement="", key=""):
        while running:
            running.pop().end()
        if statement:
            with sqlite3.connect(tmp_path / "spool" / "spool.db") as connection:
                assert connection.execute(statement, (key.encode(),)).rowcount == 1
            connection.close()
        running.append(Watching(tmp_path / "spool", tmp_path / "etc"))
        return running[-1]

    yield start
    for one in running:
        one.end()


@pytest.fixture
def etc(tmp_path):
    for name in ("etc/a", "etc/b"):
        (tmp_path / name).mkdir(parents=True)
        for file in ("one", "two", "three"):
            (tmp_path / name / f"{file}.conf").write_text("x = 1\n")
    return tmp_path / "etc"


ROWS = {
    "changed": "UPDATE memory SET value = x'77' WHERE owner = 'files' AND key = ?",
    "gone": "DELETE FROM memory WHERE owner = 'files' AND key = ?",
}


@pytest.mark.parametrize("damage", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("damaged", ["one", "two"])
def test_a_damaged_row_is_found_when_its_directory_changes_and_all_is_learnt_anew_without_a_wrong_word(
    watch, etc, damage, damaged
):
    watch()
    path = etc / "a/one.conf"
    agent = watch(damage, file_key(str(etc / f"a/{damaged}.conf")))
    (etc / "b/one.conf").write_text("x = 22\n")
    agent.wait_for(lambda: agent.told)
    assert agent.told == [("modified", "one.conf")], "of another directory is told as ever"
    assert not agent.spool.notices.recoveries()
    path.write_text("x = 333\n")
    agent.wait_for(lambda: agent.state.restarts == 1 and "watching 6 files" in agent.state.detail)
    (recovery,) = agent.spool.notices.recoveries()
    assert recovery.memory_lost == ("files",)
    assert agent.told == [("modified", "one.conf")], "what changed meanwhile is part of the new baseline"
    path.write_text("x = 4444\n")
    agent.wait_for(lambda: len(agent.told) > 1)
    assert agent.told[1:] == [("modified", "one.conf")]


@pytest.mark.parametrize("damage", ROWS.values(), ids=ROWS)
def test_a_damaged_row_of_a_directory_that_changed_while_the_agent_was_down_is_found_by_the_start(
    watch, etc, damage
):
    watch().end()
    (etc / "a/one.conf").write_text("x = 22\n")
    (etc / "a/new.conf").write_text("x = 22\n")
    agent = watch(damage, file_key(str(etc / "a/two.conf")))
    agent.wait_for(lambda: agent.state.restarts == 1 and "watching 7 files" in agent.state.detail)
    assert agent.told == []
    assert [found.memory_lost for found in agent.spool.notices.recoveries()] == [("files",)]


@pytest.mark.parametrize("damage", ROWS.values(), ids=ROWS)
def test_a_damaged_row_of_a_directory_itself_has_everything_learnt_anew_by_the_start(watch, etc, damage):
    watch()
    agent = watch(damage, directory_key(str(etc / "a")))
    assert [found.memory_lost for found in agent.spool.notices.recoveries()] == [("files",)]
    assert (agent.told, agent.state.restarts) == ([], 0)


def test_totals_of_a_directory_that_are_gone_cost_neither_an_event_nor_the_memory(watch, etc):
    watch()
    key = file_key(f"{etc}/a/one.conf").removesuffix("one.conf")
    agent = watch("DELETE FROM memory WHERE owner = 'files/groups' AND key = ?", key)
    (etc / "a/one.conf").write_text("x = 22\n")
    agent.wait_for(lambda: agent.told)
    assert agent.told == [("modified", "one.conf")]
    assert not agent.spool.notices.recoveries()
