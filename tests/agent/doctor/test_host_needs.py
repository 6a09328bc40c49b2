"""The doctor's look at the host: each finding says what to do, and nothing is changed by looking."""

import os
import pwd
import tempfile
import threading
from pathlib import Path

import pytest

from agent.doctor import host, watched
from agent.doctor.identity import CAPABILITIES, call_as
from collectors._files.entry import FilesEntry

MIB = 1024 * 1024


def limits(directory, watches, instances):
    (directory / "max_user_watches").write_text(f"{watches}\n")
    (directory / "max_user_instances").write_text(f"{instances}\n")
    return directory


def test_a_host_without_a_name_of_its_own_fails():
    assert host.look_at_name(None).level == "fail"
    assert "urn:host:/edge" in host.look_at_name("edge").text


def test_a_clock_that_no_time_server_has_set_is_a_warning():
    assert host.look_at_clock(is_trusted=True).level == "ok"
    found = host.look_at_clock(is_trusted=False)
    assert found.level == "warn"
    assert "has not been set by a time server" in found.text


def test_a_spool_that_may_be_written_is_well(tmp_path):
    assert [f.level for f in host.look_at_spool(tmp_path, MIB)] == ["ok", "ok"]


def test_a_spool_that_can_be_made_is_well_and_is_not_made(tmp_path):
    directory = tmp_path / "a" / "b"
    assert host.look_at_spool(directory, MIB)[0].level == "ok"
    assert not directory.exists()


def test_a_spool_that_is_a_file_fails(tmp_path):
    (tmp_path / "spool").touch()
    for directory in (tmp_path / "spool", tmp_path / "spool" / "below"):
        (finding,) = host.look_at_spool(directory, MIB)
        assert (finding.level, finding.text) == ("fail", f"{tmp_path / 'spool'} is no directory")


def test_less_room_than_the_cap_is_a_warning(tmp_path):
    room = host.look_at_spool(tmp_path, 1 << 60)[1]
    assert (room.check, room.level) == ("disk space", "warn")
    assert "max_size" in room.advice


@pytest.mark.parametrize(
    ("watches", "instances", "levels"),
    [
        (8192, 128, ["ok"]),
        (150, 128, ["warn"]),
        (99, 128, ["fail"]),
        (8192, 8, ["warn"]),
        (10, 8, ["fail", "warn"]),
    ],
)
def test_inotify_must_allow_as_many_watches_as_there_are_directories(tmp_path, watches, instances, levels):
    findings = host.look_at_inotify(100, limits(tmp_path, watches, instances))
    assert [f.level for f in findings] == levels
    assert all(f.advice.startswith("sysctl ") for f in findings if f.level != "ok")


def test_limits_that_cannot_be_read_are_a_warning(tmp_path):
    assert [f.level for f in host.look_at_inotify(1, tmp_path)] == ["warn"]


def test_a_bus_that_does_not_answer_fails_only_where_systemd_runs(tmp_path):
    def refuse():
        raise ConnectionRefusedError("refused")

    assert host.look_at_bus(refuse, tmp_path).level == "fail"
    assert host.look_at_bus(lambda: "252", tmp_path).level == "ok"
    assert host.look_at_bus(refuse, tmp_path / "none").level == "warn"


def look_at(*patterns, **entry):
    """Look at the paths of one entry of conf.d."""
    files = FilesEntry(paths=patterns, **entry)
    return watched.look_at_paths((path, files.leads_to(path)) for path in files.all_paths())


class TestWatchedPaths:
    def test_a_pattern_is_looked_at_from_its_fixed_beginning_down(self, tmp_path):
        (tmp_path / "a" / "b" / "c").mkdir(parents=True)
        findings, directories = look_at(f"{tmp_path}/a/**", f"{tmp_path}/a/*.conf")
        assert [f.level for f in findings] == ["ok", "ok"]
        assert directories == 3

    def test_a_directory_means_all_below_it(self, tmp_path):
        (tmp_path / "a" / "b" / "c").mkdir(parents=True)
        assert look_at(f"{tmp_path}/a")[1] == 3

    def test_only_directories_that_a_pattern_leads_to_are_counted(self, tmp_path):
        for name in ("cron.d/deep", "cron.daily", "other/deep", "other/cron.d"):
            (tmp_path / name).mkdir(parents=True)
        (found,), directories = look_at(f"{tmp_path}/cron.*/**")
        assert found.text == "readable, 4 directories"
        assert directories == 4

    def test_what_is_excluded_is_not_counted(self, tmp_path):
        (tmp_path / "a" / "b" / "c").mkdir(parents=True)
        assert look_at(f"{tmp_path}/**", exclude=("b",))[1] == 2

    def test_a_single_file_needs_its_directory_watched(self, tmp_path):
        (tmp_path / "x.conf").touch()
        findings, directories = look_at(f"{tmp_path}/x.conf")
        assert (findings[0].level, directories) == ("ok", 1)

    def test_what_does_not_exist_is_a_warning(self, tmp_path):
        (found,) = look_at(f"{tmp_path}/none/*")[0]
        assert (found.check, found.level) == (f"watch {tmp_path}/none/*", "warn")
        assert found.text == f"{tmp_path}/none does not exist (yet)"

    def test_all_that_does_not_exist_is_one_warning_that_names_each(self, tmp_path):
        (tmp_path / "there").mkdir()
        there, missing = look_at(f"{tmp_path}/none/*", f"{tmp_path}/there", f"{tmp_path}/{{a,b}}")[0]
        assert there.level == "ok"
        assert (missing.check, missing.level) == ("watch", "warn")
        assert missing.text == (f"3 paths do not exist (yet): {tmp_path}/none/*, {tmp_path}/a, {tmp_path}/b")
        assert missing.advice

    def test_links_are_not_followed_in_circles(self, tmp_path):
        (tmp_path / "again").symlink_to(tmp_path)
        assert look_at(f"{tmp_path}/**")[1] == 1

    def test_a_file_system_that_does_not_answer_fails_and_holds_up_no_other(self, tmp_path):
        (tmp_path / "hangs").mkdir()
        lives = threading.Event()

        def ask(root):
            return lives.wait() if root.name == "hangs" else root.stat()

        patterns = [(f"{tmp_path}/{name}", lambda _: True) for name in ("hangs/**", "*")]
        findings, _ = watched.look_at_paths(patterns, ask, 0.05)
        lives.set()
        assert [finding.level for finding in findings] == ["fail", "ok"]
        assert "does not answer" in findings[0].text


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user; run the tests as root")


@needs_root
class TestAsTheServicesUser:
    NOBODY = pwd.getpwnam("nobody")

    def test_things_are_tried_as_that_user_and_the_parent_stays_who_it_is(self):
        def who():
            return f"{os.getuid()} {os.getgid()} {os.getgroups()}".encode()

        tried = call_as(self.NOBODY, who)
        assert tried.decode().split()[:2] == [str(self.NOBODY.pw_uid), str(self.NOBODY.pw_gid)]
        assert os.geteuid() == 0

    def test_the_capabilities_of_the_unit_are_kept_and_no_others(self):
        def capabilities():
            lines = Path("/proc/self/status").read_bytes().splitlines()
            return next(line for line in lines if line.startswith(b"CapEff"))

        kept = int(call_as(self.NOBODY, capabilities).split()[1], 16)
        assert kept & ~sum(1 << number for number in CAPABILITIES.values()) == 0

    def test_a_directory_of_roots_may_not_be_written(self):
        with tempfile.TemporaryDirectory() as name:
            Path(name).chmod(0o755)

            def look():
                return host.look_at_spool(Path(name), MIB)[0].level.encode()

            assert call_as(self.NOBODY, look) == b"fail"

    def test_a_child_that_breaks_is_told(self):
        def end():
            os._exit(3)

        with pytest.raises(ChildProcessError, match="3"):
            call_as(self.NOBODY, end)


def test_the_capabilities_are_those_that_the_unit_grants():
    unit = (Path(__file__).parents[3] / "sts-agent.service").read_text()
    granted = next(line for line in unit.splitlines() if line.startswith("AmbientCapabilities="))
    assert set(granted.partition("=")[2].split()) == set(CAPABILITIES)
