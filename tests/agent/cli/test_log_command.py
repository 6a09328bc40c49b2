"""`sts-agent log`: what it shows of the history, in which order, and why things happened."""

import json
import time

import pytest

from agent import cli
from spool import Record, Spool, compress

MINUTE, HOUR = 60, 3600
NOW = int(time.time())


def event(
    title: str,
    happened: int,
    kind: str = "TestEvent",
    category: str = "Others",
    text: str = "",
    tags=(),
    **data,
):
    """Return an event's JSON object."""
    return {
        "context": {"category": category, "source": "sts-agent", "source_identifier": title, "data": data},
        "event_type": kind,
        "msg_title": title,
        "msg_text": text,
        "tags": [*tags],
        "timestamp": happened,
    }


def record(*events: dict, recorded: float | None = None) -> Record:
    """Return the record of events that were captured together."""
    times = [one["timestamp"] for one in events]
    return Record(
        name="custom",
        count=len(events),
        first_time=min(times),
        last_time=max(times),
        event_types=tuple(dict.fromkeys(one["event_type"] for one in events)),
        tags=tuple(dict.fromkeys(tag for one in events for tag in one["tags"])),
        hostname="h",
        boot_id="b",
        boottime=1.0,
        captured=float(max(times) if recorded is None else recorded),
        clock_trusted=True,
        segment=compress(b",".join(json.dumps(one).encode() for one in events)),
    )


@pytest.fixture
def keep(tmp_path):
    def run(*records):
        with Spool.open(tmp_path / "spool") as spool:
            for one in records:
                spool.records.append([one])

    return run


@pytest.fixture
def log(tmp_path, capsys):
    (tmp_path / "agent.yaml").write_text(f"spool: {{directory: {tmp_path}/spool}}\n")

    def run(*words, expect=0):
        found = cli.main(["--config", str(tmp_path / "agent.yaml"), "log", *words])
        said = capsys.readouterr()
        assert found == expect, said.err
        return said.err if expect else said.out.splitlines()

    return run


def titles(lines):
    """Return the titles of lines, each a word here."""
    return [line.split()[3] for line in lines]


@pytest.fixture
def three(keep):
    """Three events, of which the second became known last."""
    keep(
        record(event("first", NOW - 3 * HOUR)),
        record(event("third", NOW - HOUR)),
        record(event("second", NOW - 2 * HOUR), recorded=NOW - MINUTE),
    )


@pytest.mark.usefixtures("three")
class TestOrder:
    def test_events_stand_in_the_order_of_when_they_happened(self, log):
        assert titles(log()) == ["first", "second", "third"]

    def test_they_can_be_had_in_the_order_of_when_they_were_recorded(self, log):
        assert titles(log("--by", "recorded")) == ["first", "third", "second"]

    def test_what_became_known_late_says_when(self, log):
        first, second, third = log()
        assert "[late: recorded " in second
        assert "late" not in first + third

    def test_the_last_n_are_the_last_recorded_in_the_order_of_when_they_happened(self, log):
        assert titles(log("-n", "2")) == ["second", "third"]
        assert log("-n", "0") == []

    def test_json_is_one_event_a_line_in_the_same_order(self, log):
        assert [json.loads(line)["msg_title"] for line in log("--json")] == ["first", "second", "third"]


def test_what_overlaps_in_time_is_sorted_across_records(keep, log):
    keep(
        record(event("a", NOW - 500), event("d", NOW - 100)),
        record(event("c", NOW - 200), event("b", NOW - 300)),
        *(record(event(f"e{number:03}", NOW - 90 + number // 10)) for number in range(150)),
    )
    assert titles(log()) == ["a", "b", "c", "d", *(f"e{number:03}" for number in range(150))]


def test_the_zone_of_every_time_is_shown_and_understood_by_since(keep, log, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    keep(record(event("x", NOW)))
    try:
        (line,) = log()
        shown = " ".join(line.split()[:2])
        assert shown.endswith("+05:30")
        assert len(log("--since", shown)) == 1
        assert log("--until", shown) == []
    finally:
        monkeypatch.undo()
        time.tzset()


AROUND = (("long-before", -31), ("before", -29), ("at", 0), ("after", 2), ("long-after", 4))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ((), ["before", "at", "after"]),
        (("--window", "60m"), ["long-before", "before", "at", "after", "long-after"]),
        (("--window", "10m"), ["at"]),
    ],
)
def test_around_shows_what_led_to_a_moment_and_a_tenth_of_that_after_it(keep, log, words, shown):
    moment = NOW - 2 * HOUR
    keep(*(record(event(name, moment + minutes * MINUTE)) for name, minutes in AROUND))
    assert titles(log("--around", str(moment), *words)) == shown


@pytest.mark.parametrize(
    "words",
    [
        ("--around", "14:03", "--since", "1h"),
        ("--window", "5m"),
        ("--since", "1h", "--until", "2h"),
        ("--since", "soon"),
        ("--around", "14:03", "--window", "long"),
        ("-n", "few"),
        ("-n", "-1"),
        ("--by", "chance"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(keep, log, words):
    keep(record(event("x", NOW)))
    assert log(*words, expect=2)


@pytest.fixture
def varied(keep):
    keep(
        record(
            event(
                "edit",
                NOW,
                "ConfigurationChangedEvent",
                "Changes",
                path="/etc/nginx/nginx.conf",
                tags=["App:Nginx"],
            )
        ),
        record(
            event("gone", NOW, "ServiceFailedEvent", "Alerts", unit="nginx.service", text="Needle in text")
        ),
        record(
            event(
                "moved", NOW, "ConfigurationChangedEvent", "Changes", path="/b", renamed_from="/etc/nginx/a"
            )
        ),
        record(event("other", NOW, "DeploymentEvent", "Deployments", note="a NEEDLE in data")),
    )


@pytest.mark.usefixtures("varied")
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("--type", "servicefailedevent"), ["gone"]),
        (("--type", "*event", "--category", "CHANGES"), ["edit", "moved"]),
        (("--type", "ServiceFailedEvent", "--type", "DeploymentEvent"), ["gone", "other"]),
        (("--tag", "app:nginx"), ["edit"]),
        (("--tag", "APP:*"), ["edit"]),
        (("--unit", "nginx"), ["gone"]),
        (("--unit", "NGINX.service"), ["gone"]),
        (("--unit", "ng*"), ["gone"]),
        (("--path", "/etc/nginx"), ["edit", "moved"]),
        (("--path", "/etc/nginx/"), ["edit", "moved"]),
        (("--path", "/ETC/*/nginx.conf"), ["edit"]),
        (("--path", "/etc/ngin"), []),
        (("--grep", "needle"), ["gone", "other"]),
        (("--grep", "nginx", "--category", "alerts"), ["gone"]),
        (("--grep", "nothing"), []),
    ],
)
def test_filters_look_at_no_case_and_have_to_match_all_together(log, words, shown):
    assert sorted(titles(log(*words))) == shown


@pytest.mark.usefixtures("three", "log")
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_where_no_event_fits_that_is_said_beside_the_empty_result(tmp_path, capsys, more):
    asked = ["--config", str(tmp_path / "agent.yaml"), "log", "--unit", "no-such-unit", *more]
    assert cli.main(asked) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "sts-agent: no event recorded here fits\n")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"change": "renamed", "renamed_from": "/old"}, "from /old"),
        ({"change": "attributes", "attributes": "mode, owner", "old_mode": "0644", "new_mode": "0600", "old_owner": "root:root", "new_owner": "www:root"}, "mode 0644 -> 0600, owner root:root -> www:root"),
        ({"change": "attributes", "attributes": "acl"}, "acl"),
        ({"change": "modified", "changes": [{"key": "port", "old": 80, "new": 81}]}, "port: 80 -> 81"),
        ({"change": "modified", "changes": [{"key": "port", "old": None, "new": 81}, {"key": "user", "old": "www", "new": None}]}, "added port: 81, removed user: www"),
        ({"change": "modified", "diff": "--- a\n+++ b\n@@ -1 +1,2 @@\n-x\n+y\n+z\n"}, "+2 -1 lines"),
        ({"change": "modified", "old_size": 10, "new_size": 12}, "10 -> 12 bytes"),
        ({"change": "modified", "old_size": 10, "new_size": 10}, "content"),
        ({"change": "unreadable", "reason": "Permission denied"}, "Permission denied"),
        ({"unit": "x.service", "result": "signal", "signal": "SIGKILL", "restarts": 2}, "by SIGKILL, restart 2"),
        ({"unit": "x.service", "result": "exit-code", "exit_code": 3, "restarts": 0}, "exit status 3"),
        ({"unit": "x.service", "result": "timeout"}, "result timeout"),
        ({"destination": "d", "count": 9, "reason": "full"}, "9 for d, full"),
        ({"first_problem": "f:1: x: is missing", "effect": "The old one goes on."}, "f:1: x: is missing, the old one goes on"),
        ({"downtime_seconds": 600, "previous_shutdown": "unclean"}, "the boot before ended without a shutdown, after 10 min"),
        ({"origin": "person", "origin_login_user": "alice", "origin_program": "vim"}, "by alice with vim"),
        ({"origin": "package", "origin_name": "nginx 1.2"}, "by package nginx 1.2"),
        ({"origin": "timer", "origin_unit": "logrotate.timer"}, "by timer logrotate.timer"),
        ({"origin": "package", "origin_name": "nginx 2", "origin_login_user": "alice"}, "by package nginx 2 for alice"),
        (
            {"origin": "package", "origin_name": "nginx 2", "package": "nginx", "origin_program": "apt-get"},
            "with apt-get",
        ),
        ({"origin": "manager"}, "by systemd"),
        (
            {"origin": "unknown", "origin_how": "package-log", "origin_name": "package nginx 2"},
            "during package nginx 2",
        ),
        ({"origin": "unknown", "origin_how": "session", "origin_name": "alice on pts/0"}, ""),
        ({"origin": "unknown"}, ""),
        ({"while_agent_down": True}, "while the agent was not running"),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_line_says_why(keep, log, data, why):
    keep(record(event("x", NOW, **data)))
    (line,) = log()
    assert line.endswith(f"x ({why})" if why else "  x")


def test_full_adds_the_text_and_diff_what_changed(keep, log):
    data = {"diff": "-a\n+b\n", "changes": [{"key": "k", "old": 1, "new": 2}]}
    keep(record(event("x", NOW, text="one\ntwo", **data)))
    assert log("--full")[1:] == ["    one", "    two"]
    assert log("--diff")[1:] == ["    -a", "    +b", "    k: 1 -> 2"]


def test_what_a_terminal_would_obey_is_still_json_that_says_the_same(keep, log):
    title = "a\x1b[2J\u202e\u2028\x85\U000e0001 ü 漢"
    keep(record(event(title, NOW)))
    (line,) = log("--json")
    assert line.isprintable()
    assert json.loads(line)["msg_title"] == title


@pytest.mark.parametrize("wrong", ["nonsense: 1\n", "hostname: [\n", "\tx\n", "log_level: {{ level }}\n"])
def test_a_wrong_agent_yaml_hinders_nobody(keep, log, tmp_path, wrong):
    keep(record(event("x", NOW)))
    with (tmp_path / "agent.yaml").open("a") as file:
        file.write(wrong)
    assert titles(log()) == ["x"]


def test_what_is_no_moment_of_a_calendar_is_shown_all_the_same(keep, log):
    keep(record(event("x", 10**12)))
    assert log()[0].startswith("@1000000000000")


def test_what_a_daemon_keeps_that_cannot_use_its_directory_is_shown_and_where_it_is(tmp_path, capsys):
    (tmp_path / "file").touch()
    agent_yaml = tmp_path / "agent.yaml"
    agent_yaml.write_text(
        f"spool: {{directory: {tmp_path}/file/spool}}\nintake: {{socket: {tmp_path}/run/s}}\n"
    )
    page = tmp_path / "page.html"
    words = (["log"], ["rejected", "list"], ["report", "-o", str(page)])
    for one in words:
        assert cli.main(["--config", str(agent_yaml), *one]) == 1
        assert f"there is no spool in {tmp_path}/file/spool" in capsys.readouterr().err
    with Spool.open(tmp_path / "run" / "volatile-spool") as spool:
        spool.records.append([record(event("kept beside the socket", NOW - MINUTE))])
    for one in words:
        assert cli.main(["--config", str(agent_yaml), *one]) == 0
        said = capsys.readouterr()
        told = f"what follows is of {tmp_path}/run/volatile-spool: the daemon could not use {tmp_path}/file/spool"
        assert told in said.err
        assert one != ["log"] or "kept beside the socket" in said.out
    assert "kept beside the socket" in page.read_text()
