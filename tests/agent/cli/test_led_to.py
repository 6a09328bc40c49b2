"""What `log --around` and `report --around` say led to a moment: what a failure carries, or the same ranking made now."""

import json
import time

import pytest

from agent import cli
from agent.cli.led_to import led_to
from agent.events.preceding import Facts
from agent.events.stored_event import read
from spool import Record, Spool, compress

NOW = int(time.time()) - 3600
NEAR = (NOW - 1800, NOW + 180)


def body(title, ago, kind="ConfigurationChangedEvent", category="Changes", **data):
    context = {"category": category, "source_identifier": f"id-{title}", "data": data}
    event = {"event_type": kind, "msg_title": title, "timestamp": NOW - ago, "context": context}
    return json.dumps(event).encode()


def failure(title="nginx.service failed", ago=0, *, unit="nginx.service", named=()):
    preceded_by = [
        {"source_identifier": f"id-{one}", "title": one, "seconds_before": 60, "reason": "its own"}
        for one in named
    ]
    return body(title, ago, "ServiceFailedEvent", "Alerts", unit=unit, preceded_by=preceded_by)


CHANGES = [
    body("yesterday", 90_000, path="/etc/nginx/nginx.conf"),
    body("site", 7000, path="/etc/nginx/sites-enabled/shop"),
    body("env", 5000, path="/srv/shop.env"),
    body("motd", 60, path="/etc/motd"),
    body("started", 30, "ServiceStartedEvent", "Activities", unit="nginx.service"),
    body("later", -60, path="/etc/nginx/nginx.conf"),
]


def facts(unit):
    return Facts(frozenset({"/srv/shop.env"})) if unit == "shop.service" else Facts()


def led(*bodies, units=()):
    return led_to(map(read, [*CHANGES, *bodies]), NOW, NEAR, units, facts)


def titles(found):
    return [one["title"] for one in found.named]


def test_a_failure_near_the_moment_says_it_as_it_was_ranked_when_it_happened():
    found = led(failure(named=["env", "site"]))
    assert (found.to, titles(found)) == ("nginx.service failed", ["env", "site"])


def test_of_several_failures_the_nearest_one_that_is_asked_about_counts():
    several = (
        failure(ago=900, named=["site"]),
        failure("shop failed", 5, unit="shop.service", named=["env"]),
    )
    assert titles(led(*several)) == ["env"]
    assert titles(led(*several, units=("nginx.service",))) == ["site"]
    assert titles(led(*several, units=("ngi*",))) == ["site"]
    assert led(*several, units=("other.service",)).to == ""


def test_a_failure_farther_away_is_not_what_is_asked_about():
    assert led(failure(ago=7200, named=["site"])).to == ""


def test_without_a_failure_the_changes_of_the_day_before_are_ranked_by_what_ties_them_to_the_unit():
    assert titles(led()) == ["motd", "env", "site"]
    assert titles(led(units=("nginx.service",))) == ["site", "motd", "env"]
    assert titles(led(units=("shop.service",))) == ["env", "motd", "site"]
    assert led(units=("shop.service",)).named[0]["reason"] == "a file that the unit names"


@pytest.fixture
def log(tmp_path, capsys):
    (tmp_path / "agent.yaml").write_text(f"spool: {{directory: {tmp_path}/spool}}\n")

    def run(*words, bodies):
        with Spool.open(tmp_path / "spool") as spool:
            for one in bodies:
                event = json.loads(one)
                record = Record(
                    name="config",
                    count=1,
                    first_time=event["timestamp"],
                    last_time=event["timestamp"],
                    event_types=(event["event_type"],),
                    tags=(),
                    hostname="h",
                    boot_id="b",
                    boottime=1.0,
                    captured=float(event["timestamp"]),
                    clock_trusted=True,
                    segment=compress(one),
                )
                spool.records.append([record])
        assert cli.main(["--config", str(tmp_path / "agent.yaml"), "log", "--around", str(NOW), *words]) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_log_says_below_what_happened_around_a_moment_what_led_to_it(log):
    lines = log("--unit", "nginx", bodies=[*CHANGES, failure(named=["env", "site\x1b[31m"])])
    assert lines[-4] == ""
    assert lines[-3].startswith("Before nginx.service failed (")
    assert lines[-2].endswith("  env (its own)")
    assert "\x1b" not in lines[-1], "nothing of an event moves the cursor"


def test_log_says_nothing_more_as_json_or_where_nothing_changed(log):
    assert all(map(json.loads, log("--json", bodies=CHANGES)))


def test_log_says_nothing_more_where_nothing_changed(log):
    assert log(bodies=[CHANGES[4]])[-1:] != [""]
    assert not any(line.startswith("Before ") for line in log(bodies=[]))
