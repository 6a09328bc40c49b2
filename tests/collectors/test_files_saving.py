"""However a file is saved, by whatever tool, it is one `modified` event with the old and the new hash."""

import hashlib
import os
import shutil
import subprocess

import pytest

from collectors._files.entry import FilesEntry
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector

OLD = "listen 80;\n"
NEW = "listen 8080;\n"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def truncate_and_write(file):
    file.write_text(NEW)


def append(file):
    with file.open("a") as handle:
        handle.write("x\n")


def temporary_and_rename(file):
    temporary = file.with_name(".tmp1234")
    temporary.write_text(NEW)
    temporary.rename(file)


def backup_rename_then_write(file):
    backup = file.with_name(file.name + "~")
    file.rename(backup)
    file.write_text(NEW)
    backup.unlink()


def backup_link_then_rename(file):
    backup = file.with_name(file.name + ".old")
    os.link(file, backup)
    temporary_and_rename(file)
    backup.unlink()


def unlink_and_write(file):
    file.unlink()
    file.write_text(NEW)


def as_dpkg(file):
    new = file.with_name(file.name + ".dpkg-new")
    new.write_text(NEW)
    backup = file.with_name(file.name + ".dpkg-tmp")
    os.link(file, backup)
    new.rename(file)
    backup.unlink()


def as_vim(file):
    probe = file.with_name("4913")
    probe.touch()
    probe.unlink()
    backup_rename_then_write(file)


def over_a_second_name(file):
    """Write through another hard link, which nobody watches."""
    other = file.parent.parent / "other-name"
    os.link(file, other)
    file.touch()
    other.write_text(NEW)


def by_sed(file):
    subprocess.run(["sed", "-i", "s/80/8080/", str(file)], check=True)


def by_cp(file):
    source = file.parent.parent / "source"
    source.write_text(NEW)
    shutil.copy2(source, file)


def by_moving_in(file):
    source = file.parent.parent / "source"
    source.write_text(NEW)
    source.rename(file)


def by_rsync_into_place(file):
    source = file.with_name(".app.conf.Ab3dEf")
    source.write_text(NEW)
    os.utime(source, (1_000_000_000, 1_000_000_000))
    source.rename(file)


def by_dd_in_place(file):
    """Leave size and mtime as they are, so that only ctime and content tell."""
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    with file.open("r+") as handle:
        handle.write("L")
    os.utime(file, ns=times)


WAYS = (
    truncate_and_write, append, temporary_and_rename, backup_rename_then_write, backup_link_then_rename,
    unlink_and_write, as_dpkg, as_vim, by_sed, by_cp, by_moving_in, by_rsync_into_place, by_dd_in_place,
)  # fmt: skip


@pytest.fixture
def etc(tmp_path):
    directory = tmp_path / "etc"
    directory.mkdir()
    (directory / "app.conf").write_text(OLD)
    return directory


def collector(*paths, **options):
    options.setdefault("settle", Duration(0.05))
    return FilesCollector([Scoped(FilesEntry(paths=tuple(map(str, paths)), **options))])


def run(record, memory=None, *paths, **options):
    recorder = record(memory).start(collector(*paths, **options))
    recorder.wait_for_report("watching")
    return recorder


def changes(recorder, count=1):
    recorder.wait_for_events(count)
    recorder.stop.wait(0.2)
    return [(event.data["change"], event.data["path"].rpartition("/")[2]) for event in recorder.events]


@pytest.mark.parametrize("save", WAYS)
def test_each_way_of_saving_is_one_modified_event(record, etc, save):
    recorder = run(record, None, f"{etc}/**")
    save(etc / "app.conf")
    assert changes(recorder) == [("modified", "app.conf")]
    (event,) = recorder.events
    assert event.data["old_sha256"] == sha256(OLD)
    assert event.data["new_sha256"] == sha256((etc / "app.conf").read_text())


@pytest.mark.parametrize("save", [*WAYS, over_a_second_name])
def test_each_way_of_saving_while_the_agent_is_down_is_one_modified_event(record, etc, save):
    first = run(record, None, f"{etc}/**")
    first.end()
    save(etc / "app.conf")
    second = run(record, first.memory, f"{etc}/**")
    assert changes(second) == [("modified", "app.conf")]
    assert second.events[0].data["old_sha256"] == sha256(OLD)
    assert second.events[0].data["while_agent_down"] is True


@pytest.mark.parametrize("save", WAYS)
def test_each_way_of_saving_a_file_that_is_named_literally(record, etc, save):
    recorder = run(record, None, etc / "app.conf")
    save(etc / "app.conf")
    assert changes(recorder) == [("modified", "app.conf")]


def test_a_backup_that_stays_is_a_file_that_was_created(record, etc):
    recorder = run(record, None, f"{etc}/**")
    subprocess.run(["sed", "-i.bak", "s/80/8080/", str(etc / "app.conf")], check=True)
    assert sorted(changes(recorder, 2)) == [("created", "app.conf.bak"), ("modified", "app.conf")]


def test_writing_through_one_name_of_a_file_is_a_change_of_its_other_names(record, etc):
    (etc / "a").mkdir()
    os.link(etc / "app.conf", etc / "a" / "same.conf")
    recorder = run(record, None, f"{etc}/**")
    (etc / "app.conf").write_text(NEW)
    assert sorted(changes(recorder, 2)) == [("modified", "app.conf"), ("modified", "same.conf")]


def test_a_link_that_comes_to_point_elsewhere_is_modified(record, etc):
    (etc / "link").symlink_to("/nowhere/a")
    recorder = run(record, None, f"{etc}/**")
    (etc / "new").symlink_to("/nowhere/b")
    (etc / "new").rename(etc / "link")
    assert changes(recorder) == [("modified", "link")]
    data = recorder.events[0].data
    assert (data["old_target"], data["new_target"]) == ("/nowhere/a", "/nowhere/b")
    assert data["old_sha256"] != data["new_sha256"]


def test_a_file_behind_a_link_is_watched_where_it_lies(record, etc, tmp_path):
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv" / "site.conf").write_text(OLD)
    (etc / "site.conf").symlink_to("../srv/site.conf")
    recorder = run(record, None, f"{etc}/**")
    temporary_and_rename(tmp_path / "srv" / "site.conf")
    assert changes(recorder) == [("modified", "site.conf")]
    assert recorder.events[0].data["path"] == str(etc / "site.conf")
    assert recorder.events[0].data["old_sha256"] == sha256(OLD)
    assert recorder.events[0].data["new_sha256"] == sha256(NEW)


def test_a_link_to_a_file_that_is_watched_itself_does_not_tell_its_changes_again(record, etc):
    (etc / "link").symlink_to("app.conf")
    recorder = run(record, None, f"{etc}/**")
    (etc / "app.conf").write_text(NEW)
    assert changes(recorder) == [("modified", "app.conf")]


def kubernetes_volume(directory, content, generation):
    """Publish files as the kubelet does: a new directory, then one rename of the link `..data`."""
    (directory / generation).mkdir()
    (directory / generation / "app.conf").write_text(content)
    (directory / "..data_tmp").symlink_to(generation)
    old = (directory / "..data").resolve() if (directory / "..data").exists() else None
    (directory / "..data_tmp").rename(directory / "..data")
    if old is not None:
        shutil.rmtree(old)


@pytest.mark.parametrize("pattern", ["**", "*.conf", "app.conf"])
def test_a_kubernetes_swap_is_one_modified_event_of_the_file_the_application_reads(record, tmp_path, pattern):
    volume = tmp_path / "config"
    volume.mkdir()
    kubernetes_volume(volume, OLD, "..2026_01")
    (volume / "app.conf").symlink_to("..data/app.conf")
    recorder = run(record, None, f"{volume}/{pattern}")
    kubernetes_volume(volume, NEW, "..2026_02")
    assert changes(recorder) == [("modified", "app.conf")]
    assert recorder.events[0].data["old_sha256"] == sha256(OLD)
    assert recorder.events[0].data["new_sha256"] == sha256(NEW)
    kubernetes_volume(volume, OLD, "..2026_03")
    assert changes(recorder, 2) == [("modified", "app.conf")] * 2


def test_a_release_that_a_link_of_the_configured_path_is_swapped_to_is_modified_files(record, tmp_path):
    for release, content in (("1", OLD), ("2", NEW)):
        (tmp_path / "releases" / release).mkdir(parents=True)
        (tmp_path / "releases" / release / "app.conf").write_text(content)
    current = tmp_path / "current"
    current.symlink_to("releases/1")
    recorder = run(record, None, f"{current}/*.conf")
    (tmp_path / "next").symlink_to("releases/2")
    (tmp_path / "next").rename(current)
    assert changes(recorder) == [("modified", "app.conf")]
    assert recorder.events[0].data["path"] == str(current / "app.conf")
    (tmp_path / "releases" / "2" / "app.conf").write_text(OLD)
    assert changes(recorder, 2) == [("modified", "app.conf")] * 2
