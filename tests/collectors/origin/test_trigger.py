"""Which timer started a service: asked of systemd, and only of a service that has one."""

from collectors._origin.trigger import read_trigger, units_of_timers


def test_a_timer_starts_the_service_of_its_name_or_the_one_that_it_names(tmp_path):
    for name, text in (
        ("etc/systemd/system/a.timer", "[Timer]\nOnCalendar=daily\n"),
        ("run/systemd/transient/run-1.timer", "[Timer]\nUnit = job.service\n"),
        ("usr/lib/systemd/system/broken.timer", "\udcff\0Unit"),
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert units_of_timers(tmp_path) >= {"a.service", "run-1.service", "job.service", "broken.service"}
    assert units_of_timers(tmp_path / "none") == frozenset()


def test_a_service_without_a_timer_was_started_by_none_and_nobody_is_asked(tmp_path):
    assert read_trigger("nginx.service", tmp_path) == ""


def test_what_systemd_does_not_say_is_not_known(tmp_path, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/no-bus")
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/systemd/system/a.timer").touch()
    assert read_trigger("a.service", tmp_path) is None
