"""Reports as Puppet 7.23 of Debian 12 wrote them, and the older shapes."""

import io
from pathlib import Path

import pytest
import yaml

from collectors._puppet.report import MAX_MESSAGE_CHARACTERS, NotAReport, parse_report, parse_time
from collectors._puppet.scalars import parse_scalars

REPORTS = Path(__file__).parent / "reports"

OLD = """--- !ruby/object:Puppet::Transaction::Report
  host: &id001 old.example.com
  time: 2013-01-31 13:01:59.250000 +01:00
  kind: apply
  configuration_version: 1359633719
  status: changed
  environment: *id001
  metrics:
    resources: !ruby/object:Puppet::Util::Metric
      name: resources
      values:
        - - total
          - Total
          - 30
        - - changed
          - Changed
          - 1
  resource_statuses:
    "File[/etc/motd]": !ruby/object:Puppet::Resource::Status
      changed: true
      failed: false
      tags: !ruby/object:Puppet::Util::TagSet
        hash: {file: true}
"""


def read(name):
    return parse_report((REPORTS / f"{name}.yaml").read_bytes())


def test_a_run_that_changed_something_says_what():
    report = read("changed")
    assert (report.host, report.status, report.environment) == (
        "edge-01.example.com",
        "changed",
        "production",
    )
    assert report.transaction_uuid == "96da1f7a-2287-4872-9402-b244c21b2750"
    assert report.catalog_uuid == "34cbdefe-21c7-48fb-abc8-8c1ee09034cb"
    assert report.configuration_version == "1795220168"
    assert report.time == 1795220168
    assert report.changed == ["File[/etc/motd.puppet]", 'Notify[hi "there" \\ x]']
    assert report.counts["changed"] == 2
    assert report.failed == []


def test_a_run_that_failed_says_what_and_why():
    report = read("failed")
    assert report.status == "failed"
    assert report.failed == ["File[/nonexistent/dir/file]"]
    assert report.first_error.startswith("Could not set 'file' on ensure")


def test_a_run_that_changed_nothing():
    assert read("unchanged").status == "unchanged"


def test_ruby_objects_aliases_and_times_of_old_reports_are_understood():
    report = parse_report(OLD.encode())
    assert report.host == report.environment == "old.example.com"
    assert report.time == 1359633719
    assert report.counts == {"total": 30, "changed": 1}
    assert report.changed == ["File[/etc/motd]"]
    assert report.identity == "old.example.com:1359633719"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "just text",
        "- a\n- b\n",
        "host: x\nstatus: changed\n",
        "host: [",
        "time: yesterday\n",
        "\x00",
    ],
)
def test_what_is_no_report_is_said_to_be_none(text):
    with pytest.raises(NotAReport):
        parse_report(text.encode())


def test_a_report_that_was_cut_inside_a_string_is_none():
    data = (REPORTS / "changed.yaml").read_bytes()
    with pytest.raises(NotAReport):
        parse_report(data[: data.rindex(b"'")])


def test_bytes_that_are_no_text_are_no_report():
    with pytest.raises(NotAReport):
        parse_report(b"host: \xff\xfe\xfa")


def test_nothing_in_a_report_is_ever_made_into_an_object():
    text = f"--- !!python/object/apply:os.system ['false']\n{OLD.removeprefix('---')}"
    with pytest.raises(NotAReport):
        parse_report(text.encode())
    harmless = OLD + "evil: !!python/object/apply:os.abort []\n".replace("evil", "  evil")
    assert parse_report(harmless.encode()).status == "changed"


def test_a_long_error_is_cut_and_says_so():
    text = OLD + f"  logs:\n    - level: err\n      message: {'x' * 5000}\n"
    report = parse_report(text.encode())
    assert report.first_error.endswith("… (cut)")
    assert len(report.first_error) < MAX_MESSAGE_CHARACTERS + 10


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T00:13:57.362842999+00:00",
        "2026-11-21 00:13:57.362842999 +00:00",
        "2026-11-21 00:13:57.362842 Z",
        "2026-11-21T01:13:57.3+01:00",
    ],
)
def test_every_spelling_of_a_time_is_the_same_moment(text):
    assert parse_time(text) == 1795220037


def test_each_scalar_comes_with_the_keys_that_lead_to_it():
    text = "a: {b: [x, {c: y}]}\n? [complex]\n: z\nd: &i w\ne: *i\n"
    events = yaml.parse(io.StringIO(text), Loader=yaml.BaseLoader)
    assert list(parse_scalars(events)) == [
        (["a", "b", "0"], "x"),
        (["a", "b", "1", "c"], "y"),
        (["", "0"], "complex"),
        ([""], "z"),
        (["d"], "w"),
        (["e"], "w"),
    ]


@pytest.mark.parametrize("text", [b"- " * 32_000, b"[" * 60_000, b"? " * 32_000, b"{a: " * 15_000])
def test_what_is_nested_deeper_than_any_report_is_none(text):
    with pytest.raises(NotAReport, match=r"nested more than 64 levels deep|flow level"):
        parse_report(text)
