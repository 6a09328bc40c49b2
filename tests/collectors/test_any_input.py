"""Whatever a host holds, a collector reads it, tells what can be told, and goes on.

Packages, reports of Puppet, processes and journals are written by others; what they hold must never end the
collector of a whole host. Every event that comes of it can be encoded and read again by any reader of JSON.
"""

import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._host.boot_history import is_newer
from collectors._host.previous_shutdown import parse_journal
from collectors._packages.comparison import changes_of, differences
from collectors._packages.dpkg import Dpkg, parse_log, parse_status
from collectors._packages.entry import PackagesConfig
from collectors._packages.rpm import parse_query
from collectors._packages.version import compare_dpkg, compare_rpm
from collectors._processes.match import Process, Wanted
from collectors._processes.proc import Ending, parse_ticks
from collectors._processes.transitions import Running, Sight, State, compare, encode, take_up
from collectors._puppet.entry import PuppetConfig
from collectors._puppet.events import puppet_run
from collectors._puppet.report import NotAReport, parse_report
from collectors._utmp import parse_entries, parse_run_level
from collectors.collector import Scoped, recall
from collectors.event import encode as encode_event
from collectors.packages import PackageWatch
from collectors.puppet import Puppet

BYTES = st.binary(max_size=300)
NAMES = st.binary(max_size=60).map(os.fsdecode)
"""What the OS calls a text: any bytes."""
VERSIONS = st.text(st.sampled_from("0123456789.:-+~^ab²٣é\x85 \u2028\x00"), max_size=40) | st.text(
    max_size=20
)
LONG_VERSION = "1." + "9" * 20_000


def is_for_all_readers(event):
    """Read an event as a strict reader does: no constants beyond JSON, no half surrogate pairs."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    body = encode_event(event)
    json.loads(body.decode("utf-8"), parse_constant=refuse)
    return True


@given(VERSIONS, VERSIONS)
def test_any_two_versions_are_ordered_and_the_order_is_its_own_mirror(one, other):
    for order in (compare_dpkg, compare_rpm):
        assert (order(one, other) > 0) == (order(other, one) < 0)
    is_newer(one, other)


@pytest.mark.parametrize("compare_versions", [compare_dpkg, compare_rpm])
def test_versions_with_more_digits_than_python_makes_a_number_of_are_ordered(compare_versions):
    assert compare_versions(LONG_VERSION, "1.5") > 0
    assert compare_versions(LONG_VERSION, LONG_VERSION.replace("1.", "1.000")) == 0
    assert compare_versions("1." + "8" * 20_000, LONG_VERSION) < 0


@given(st.lists(BYTES), st.lists(BYTES))
def test_any_status_files_of_dpkg_come_to_changes(before, after):
    def packages(stanzas):
        lines = b"\n\n".join(b"Package: p%d\nVersion: " % n + s for n, s in enumerate(stanzas))
        return {key: version for key, version in parse_status(io.BytesIO(lines), {}) if version}

    for difference in differences(packages(before), packages(after)):
        for change in changes_of(difference, compare_dpkg):
            assert change.old != change.new


@given(st.text())
def test_any_output_of_rpm_and_any_log_of_dpkg_is_read(text):
    parse_query(text)
    parse_query(f"name\tarch\t{text}\t(none)\n")
    list(parse_log(text))


def test_a_package_of_rpm_whose_time_is_not_known_is_a_package_all_the_same():
    packages, installed = parse_query("bash\tx86_64\t5.2-1\t(none)\nsed\tx86_64\t4.9-1\t1764000000\n")
    assert packages == {"bash:x86_64": ("5.2-1",), "sed:x86_64": ("4.9-1",)}
    assert installed == {"sed:x86_64": 1764000000}


def test_one_package_with_a_version_of_any_length_hides_no_other(record, tmp_path):
    database = tmp_path / "var/lib/dpkg"
    (database / "updates").mkdir(parents=True)
    status = database / "status"

    def write(*versions):
        stanzas = [
            f"Package: p{n}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n"
            for n, version in enumerate(versions)
        ]
        draft = database / "status-new"
        draft.write_bytes("\n".join(stanzas).encode("utf-8", "surrogateescape"))
        draft.replace(status)

    write("1.0", "1.0", "1.0")
    recorder = record().start(
        PackageWatch(
            [Scoped(PackagesConfig())], [Dpkg(tmp_path)], quiet_seconds=0.01, unreadable_seconds=0.01
        )
    )
    recorder.wait_for_report("watching 3 packages")
    os.utime(status, (1 << 62, 1 << 62)) if _holds_any_time(tmp_path) else None
    write("2" * 300_000, "1.0 \x85 with\u2028 odd \udcff bytes", "2.0")
    events = {event.data["package"]: event for event in recorder.wait_for_events(3)}
    assert events["p2"].data["new_version"] == "2.0"
    assert len(events["p0"].data["new_version"]) < 600
    assert all(map(is_for_all_readers, events.values()))
    write("2" * 300_000, "1.0 \x85 with\u2028 odd \udcff bytes", "3.0")
    assert recorder.wait_for_events(4)[-1].data["new_version"] == "3.0"


def _holds_any_time(directory):
    probe = directory / "probe"
    probe.touch()
    try:
        os.utime(probe, (1 << 62, 1 << 62))
    except (OSError, OverflowError):
        return False
    return True


@given(BYTES)
def test_any_bytes_are_a_report_of_puppet_or_none(data):
    try:
        report = parse_report(data)
    except NotAReport:
        return
    is_for_all_readers(puppet_run(report, (), ()))


@pytest.mark.parametrize(
    "line",
    [
        "time: '1960-01-01T00:00:00+00:00'",
        "time: '9998-01-01T00:00:00+00:00'",
        "time: '0001-01-01T00:00:00+23:59'",
        "deep: " + "[" * 3000 + "]" * 3000,
        "- " * 40_000,
    ],
)
def test_a_report_that_cannot_be_one_is_refused(line):
    with pytest.raises(NotAReport):
        parse_report(f"host: a\nstatus: changed\ntime: '2026-11-21T00:16:00+00:00'\n{line}\n".encode())


def test_a_report_with_values_of_any_size_makes_an_event():
    counts = "metrics:\n  resources:\n    values:\n    - - total\n      - Total\n      - " + "9" * 5000
    text = f"host: {'h' * 300_000}\nstatus: changed\ntime: '2026-11-21T00:16:00+00:00'\n{counts}\n"
    event = puppet_run(parse_report(text.encode()), (), ())
    assert event.data["certname"].endswith("(cut)")
    assert is_for_all_readers(event)


def test_a_report_that_is_none_hides_no_other_also_after_a_restart(record, tmp_path):
    reports = tmp_path / "reports"
    good = "host: edge\nstatus: changed\ntime: '2026-11-21T00:16:0{}+00:00'\ntransaction_uuid: run-{}\n"

    def collector():
        return Puppet([Scoped(PuppetConfig(report_dir=reports))], settle_seconds=0.01, retry_seconds=0.05)

    odd = reports / os.fsdecode(b"\xff\xfe")
    odd.mkdir(parents=True)
    first = record()
    first.start(collector()).wait_for_report("watching")
    (odd / "202611210001.yaml").write_text("- " * 40_000)
    (odd / "202611210002.yaml").write_text("host: a\nstatus: b\ntime: '1950-01-01T00:00:00+00:00'\n")
    (odd / "202611210003.yaml").write_text(good.format(1, 1))
    for name in ("202611210001.yaml", "202611210002.yaml"):
        os.utime(odd / name, (1_700_000_000, 1_700_000_000))  # not being written any more
    events = first.wait_for_events(3)
    told = {event.data.get("path", event.source_identifier) for event in events}
    assert told == {
        "run-1",
        *(f"{reports}/\\xff\\xfe/{name}" for name in ("202611210001.yaml", "202611210002.yaml")),
    }
    assert all(event.data["reason"] for event in events if event.event_type == "WatchDegradedEvent")
    first.wait_for_report("2 are none, as ")
    first.end()
    (odd / "202611210004.yaml").write_text(good.format(2, 2))
    first.memory.kept["file//nowhere"] = b"no longer what it was"
    again = record(first.memory).start(collector())
    [event] = again.wait_for_events(1)
    assert event.source_identifier == "run-2"
    again.wait_for_report("2 are none, as ")


def test_a_report_that_is_half_written_is_not_told_as_none(record, tmp_path):
    collector = Puppet([Scoped(PuppetConfig(report_dir=tmp_path))], settle_seconds=0.01, retry_seconds=0.05)
    recorder = record().start(collector)
    recorder.wait_for_report("watching")
    (tmp_path / "edge").mkdir()
    path = tmp_path / "edge/202611210001.yaml"
    path.write_text("host: edge\nstatus: changed\n")
    recorder.wait_for_report("1 cannot be read, as ")
    with path.open("a") as file:
        file.write("time: '2026-11-21T00:16:00+00:00'\ntransaction_uuid: whole\n")
    [event] = recorder.wait_for_events(1)
    assert event.source_identifier == "whole"


@given(
    name=NAMES, exe=NAMES, arguments=st.lists(NAMES, max_size=5), user=NAMES, ticks=st.integers(0, 1 << 63)
)
def test_processes_of_any_name_are_told_and_remembered(name, exe, arguments, user, ticks):
    from collectors._processes import proc

    process = Process(
        pid=7,
        ticks=ticks,
        name=proc.readable(name),
        exe=proc.readable(exe),
        cmdline=proc.arguments(arguments),
        user=proc.readable(user),
    )
    wanted = [Wanted(label="worker", name="*")]
    known = take_up(encode(State({}, {}, frozenset(entry.signature for entry in wanted))), "boot")
    sight = Sight(running={process.key: Running(process, tuple(wanted))}, endings={}, now=1.0)
    state, [started] = compare(known, sight, wanted, "boot")
    gone = Sight(running={}, endings={process.key: Ending(2.0)}, now=2.0)
    _, [stopped] = compare(take_up(encode(state), "boot"), gone, wanted, "boot")
    assert is_for_all_readers(started)
    assert is_for_all_readers(stopped)


def test_of_a_process_with_megabytes_of_arguments_a_few_thousand_characters_are_kept():
    from collectors._processes import proc

    kept = proc.arguments(["worker", "x" * 2_000_000, "y"])
    assert sum(map(len, kept)) <= proc.MOST_ARGUMENT_CHARACTERS
    assert kept[0] == "worker"


@given(st.dictionaries(st.sampled_from(["process/1:1", "expected/worker", "scope", "other"]), BYTES))
def test_any_memory_of_processes_is_taken_up(kept):
    take_up(kept, "boot")


@given(BYTES)
def test_any_bytes_are_memory_or_none(data):
    recall(data, dict[str, int])


@given(st.text(max_size=60))
def test_any_name_of_a_process_leaves_its_start_time_readable(name):
    assert parse_ticks(f"1 ({name}) S " + " ".join(map(str, range(4, 30)))) == 22


@given(st.binary(max_size=2000), st.sampled_from(["x86_64", "aarch64"]))
def test_any_bytes_are_login_accounting(data, machine):
    list(parse_entries(data, machine))
    parse_run_level(data, machine)


@given(st.lists(st.text(max_size=40) | BYTES.map(lambda data: data.decode(errors="replace"))))
def test_any_lines_are_a_journal(lines):
    parse_journal("\n".join(["{" + line for line in lines] + lines), 0)


def test_entries_of_a_journal_with_fields_of_other_types_hide_no_shutdown():
    entries = [
        {
            "UNIT": ["reboot.target", "x"],
            "__MONOTONIC_TIMESTAMP": "5000000",
            "__REALTIME_TIMESTAMP": "1764000000000000",
        },
        {"UNIT": [1, 2], "__MONOTONIC_TIMESTAMP": "no number", "__REALTIME_TIMESTAMP": None},
        {"UNIT": "poweroff.target", "MESSAGE": "a\u2028b", "__MONOTONIC_TIMESTAMP": "6000000"},
    ]
    lines = "\n".join([*(json.dumps(entry, ensure_ascii=False) for entry in entries), '{"UNIT": "cut'])
    [ending] = parse_journal(lines, 1)
    assert (ending.kind, ending.timestamp) == ("poweroff", 1764000000)
