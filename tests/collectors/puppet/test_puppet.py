"""The `puppet` collector on directories as Puppet fills them."""

import fcntl
import os
import signal
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from collectors._puppet.entry import PuppetConfig
from collectors._puppet.events import puppet_run
from collectors._puppet.report import parse_report
from collectors.collector import Scoped
from collectors.event import encode
from collectors.puppet import Puppet
from collectors.registry import COLLECTORS

REPORTS = Path(__file__).parent / "reports"


class Agent:
    """Puppet's side: where its reports lie, and runs that leave theirs."""

    def __init__(self, cache: Path):
        self.cache = cache
        self.reports = cache / "reports"
        self.last_run = cache / "state/last_run_report.yaml"
        self.minute = 202611210000

    def ran(self, report="changed", *, run="", second=0, stores=True, host="edge-01.example.com"):
        text = (REPORTS / f"{report}.yaml").read_text()
        lines = text.splitlines(keepends=True)
        for number, line in enumerate(lines):
            if run and line.startswith("transaction_uuid:"):
                lines[number] = f"transaction_uuid: {run}\n"
            elif line.startswith("time:"):
                lines[number] = f"time: '2026-11-21T00:16:{second:02}.851494340+00:00'\n"
        self.minute += 1
        places = [self.last_run]
        if stores:
            places.append(self.reports / host / f"{self.minute}.yaml")
        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_suffix(".draft")
            draft.write_text("".join(lines))
            draft.rename(place)


@pytest.fixture
def puppet(tmp_path):
    agent = Agent(tmp_path / "cache")
    agent.ran(run="before")
    return agent


@pytest.fixture
def watch(record, puppet):
    """Return a function that starts the collector and waits for its first look."""

    def start(memory=None, *entries, **config):
        chosen = entries or (Scoped(PuppetConfig(report_dir=puppet.reports, **config)),)
        recorder = record(memory)
        recorder.start(Puppet(chosen, settle_seconds=0.01, retry_seconds=0.05))
        recorder.wait_for_report("watching")
        return recorder

    return start


def runs(recorder):
    return [event.data["transaction_uuid"] for event in recorder.events if event.name == "puppet"]


def test_it_runs_only_where_it_is_asked_for():
    assert COLLECTORS["puppet"].default is None


def test_the_reports_of_before_the_first_look_are_silent(watch):
    recorder = watch()
    recorder.end()
    assert recorder.events == []


def test_a_run_is_one_event_though_two_files_hold_its_report(watch, puppet):
    recorder = watch()
    puppet.ran()
    recorder.wait_for_events(1)
    puppet.ran(run="next")
    recorder.wait_for_events(2)
    recorder.end()
    assert runs(recorder) == ["96da1f7a-2287-4872-9402-b244c21b2750", "next"]


def test_the_event_is_that_of_the_tutorial(watch, puppet):
    recorder = watch()
    puppet.ran(second=8)
    [event] = recorder.wait_for_events(1)
    wire = msgspec.json.decode(encode(event))
    assert event.name == "puppet"
    assert wire["event_type"] == "ConfigurationChangedEvent"
    assert wire["context"]["category"] == "Changes"
    assert wire["msg_title"] == "Puppet run for edge-01.example.com changed"
    assert wire["timestamp"] == 1795220168
    assert wire["tags"] == [
        "configuration_version:1795220168",
        "transaction_uuid:96da1f7a-2287-4872-9402-b244c21b2750",
        "catalog_uuid:34cbdefe-21c7-48fb-abc8-8c1ee09034cb",
        "environment:production",
        "status:changed",
    ]
    data = wire["context"]["data"]
    assert data["configuration_version"] == "1795220168"
    assert data["transaction_uuid"] == wire["context"]["source_identifier"]
    assert (data["status"], data["resources_changed"]) == ("changed", 2)
    assert wire["context"]["element_identifiers"] == ["urn:host:/edge-01.example.com"]
    assert 'Notify[hi "there" \\ x]' in wire["msg_text"]


def test_runs_while_the_agent_was_down_are_told_in_their_order(watch, puppet):
    first = watch()
    first.end()
    puppet.ran("failed", run="second", second=2)
    puppet.ran(run="third", second=3)
    puppet.ran("unchanged", run="fourth", second=4)
    again = watch(first.memory)
    again.end()
    assert runs(again) == ["second", "third"]
    assert again.events[0].alert_type == "error"


def test_a_restart_tells_nothing_again(watch, puppet):
    first = watch()
    puppet.ran(run="told")
    first.wait_for_events(1)
    first.end()
    again = watch(first.memory)
    again.end()
    assert again.events == []


def test_runs_that_changed_nothing_are_told_where_they_are_wanted(watch, puppet):
    recorder = watch(None, unchanged=True)
    puppet.ran("unchanged", run="quiet")
    recorder.wait_for_events(1)
    assert recorder.events[0].title == "Puppet run for edge-01.example.com unchanged"


def test_without_stored_reports_the_last_run_is_enough(watch, puppet):
    recorder = watch()
    for run in ("one", "two", "three"):
        puppet.ran(run=run, stores=False)
        recorder.wait_for(lambda run=run: run in runs(recorder))
    assert runs(recorder) == ["one", "two", "three"]


def test_a_puppet_installed_later_is_noticed(record, tmp_path):
    later = Agent(tmp_path / "not/yet/there")
    (tmp_path / "not").mkdir()
    recorder = record().start(
        Puppet([Scoped(PuppetConfig())], default_directories=[later.reports], settle_seconds=0.01)
    )
    recorder.wait_for_report("watching 0 reports")
    later.ran(run="first")
    recorder.wait_for_events(1)
    assert runs(recorder) == ["first"]


@pytest.mark.parametrize("named", ["reports", "state", "."])
def test_an_operator_may_name_the_reports_the_state_or_what_holds_both(record, puppet, named):
    directory = (puppet.cache / named).resolve()
    recorder = record().start(Puppet([Scoped(PuppetConfig(report_dir=directory))], settle_seconds=0.01))
    recorder.wait_for_report("watching")
    puppet.ran(run="seen")
    recorder.wait_for_events(1)
    assert runs(recorder) == ["seen"]


def test_two_files_that_name_the_same_reports_give_one_event_with_both_their_tags(watch, puppet):
    entries = [
        Scoped(PuppetConfig(report_dir=puppet.reports), ("team:a",), ("urn:component:/a",)),
        Scoped(PuppetConfig(report_dir=puppet.cache), ("team:b",), ("urn:component:/a",)),
    ]
    recorder = watch(None, *entries)
    puppet.ran(run="shared", stores=False)
    [event] = recorder.wait_for_events(1)
    recorder.end()
    assert event.tags[-2:] == ("team:a", "team:b")
    assert event.element_identifiers == ("urn:component:/a", "urn:host:/edge-01.example.com")
    assert len(recorder.events) == 1


def test_a_spool_that_takes_nothing_loses_no_run(watch, puppet):
    recorder = watch()
    recorder.full = True
    puppet.ran(run="kept")
    recorder.full = False
    recorder.wait_for_events(1)
    assert runs(recorder) == ["kept"]


def test_a_file_that_is_no_report_disturbs_nothing(watch, puppet):
    recorder = watch()
    puppet.last_run.write_text("host: [")
    puppet.ran(run="good")
    recorder.wait_for_events(1)
    assert runs(recorder) == ["good"]


def test_reports_that_cannot_be_listed_for_a_while_are_not_told_again(watch, puppet):
    first = watch()
    for number in range(70):  # more than the short list of told runs holds
        puppet.ran(run=f"run-{number:02}", second=number % 60)
    first.wait_for_events(70)
    first.end()
    aside = puppet.reports.rename(puppet.cache / "unmounted")
    without = watch(first.memory)
    without.end()
    aside.rename(puppet.reports)
    again = watch(first.memory)
    again.end()
    assert without.events == again.events == []


def test_what_is_remembered_of_a_report_goes_when_it_is_tidied(watch, puppet):
    recorder = watch()
    puppet.ran(run="old")
    recorder.wait_for_events(1)
    [stored] = [path for path in puppet.reports.rglob("*.yaml") if b"old" in path.read_bytes()[:300]]
    key = f"file/{stored}"
    assert key in recorder.memory.kept
    stored.unlink()
    puppet.ran(run="new")  # a removal alone wakes nobody
    recorder.wait_for(lambda: key not in recorder.memory.kept)


def test_what_is_no_regular_file_holds_no_report_up(watch, puppet):
    recorder = watch()
    host = puppet.reports / "edge-01.example.com"
    os.mkfifo(host / "202611220000.yaml")
    (host / "202611220001.yaml").symlink_to("/dev/tty")
    puppet.ran(run="after")
    recorder.wait_for(lambda: runs(recorder) == ["after"])


def test_a_report_that_is_one_of_the_agents_own_files_is_never_opened(record, puppet, tmp_path):
    """Nobody else may write the file meanwhile: what is opened to be read breaks this lease, and that shows."""
    own = tmp_path / "own"
    own.write_text("host: edge-01\n")
    recorder = record(is_own=lambda status: status.st_ino == own.stat().st_ino)
    recorder.start(Puppet((Scoped(PuppetConfig(report_dir=puppet.reports)),), settle_seconds=0.01))
    recorder.wait_for_report("watching")
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # what tells of a broken lease
    lease = os.open(own, os.O_WRONLY)
    fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    try:
        (puppet.reports / "edge-01.example.com" / "202611220000.yaml").symlink_to(own)
        puppet.ran(run="after")
        recorder.wait_for(lambda: runs(recorder) == ["after"])
        assert fcntl.fcntl(lease, fcntl.F_GETLEASE) == fcntl.F_WRLCK
    finally:
        os.close(lease)
        signal.signal(signal.SIGIO, before)


def test_no_secret_in_the_name_or_the_error_of_a_resource_is_told():
    report = parse_report((REPORTS / "failed.yaml").read_bytes())
    secret = "hun" + "ter2"
    hostile = replace(
        report,
        changed=(f"Exec[mysql -u root -p{secret}]",),
        failed=(f"File[/x?token={secret}]",),
        first_error=f"curl -u me:{secret} failed",
    )
    event = puppet_run(hostile, (), ())
    assert secret not in event.text
    assert event.text.count("<masked:") == 3
