"""The spool's modes: its user sees all of it, its group may put files into `incoming/`, nobody else anything."""

import os
import stat

import pytest
from spool_examples import record_of

from spool import Spool, leave_in_incoming


def modes(directory):
    return {
        str(path.relative_to(directory)): oct(stat.S_IMODE(path.lstat().st_mode))
        for path in (directory, *directory.rglob("*"))
    }


def as_member(step):
    """Return with which status a process ends that takes a step as a user of the group 4242."""
    import ctypes  # noqa: F401 - what the step needs, and another user cannot read

    child = os.fork()
    if child == 0:
        try:
            os.setgroups([4242])
            os.setresgid(4240, 4240, 4240)
            os.setresuid(4241, 4241, 4241)
            step()
        except BaseException:  # noqa: BLE001 - it is the answer
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def expected(found):
    special = {".": "0o710", "incoming": "0o730"}
    return {
        name: special.get(name, "0o700" if name in {"damaged", "damaged/1"} else "0o600") for name in found
    }


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_spool_is_for_its_user_alone_whatever_the_umask(open_spool, tmp_path, umask):
    before = os.umask(umask)
    try:
        open_spool().records.append([record_of("a")])
    finally:
        os.umask(before)
    open_spool()
    found = modes(tmp_path / "spool")
    assert found == expected(found)


def test_wrong_modes_are_repaired_at_each_start(open_spool, tmp_path):
    open_spool().close()
    directory = tmp_path / "spool"
    (directory / "damaged/1").mkdir(parents=True)
    (directory / "damaged/1/spool.db").touch()
    for path, mode in (("", 0o750), ("incoming", 0o2770), ("spool.db", 0o644), ("damaged/1", 0o755)):
        (directory / path).chmod(mode)
    open_spool()
    found = modes(directory)
    assert found == expected(found)


def test_what_others_left_and_what_a_link_leads_to_keep_their_modes(open_spool, tmp_path):
    open_spool().close()
    directory = tmp_path / "spool"
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "elsewhere/file").touch(mode=0o644)
    (directory / "link").symlink_to(tmp_path / "elsewhere")
    (directory / "incoming/left").touch(mode=0o644)
    open_spool()
    assert oct((tmp_path / "elsewhere").stat().st_mode)[-3:] == "755"
    assert oct((tmp_path / "elsewhere/file").stat().st_mode)[-3:] == "644"
    assert oct((directory / "incoming/left").stat().st_mode)[-3:] == "644"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_member_of_the_group_leaves_an_event_and_sees_nothing_of_what_others_left(open_spool, tmp_path):
    open_spool().close()
    directory = tmp_path / "spool"
    tmp_path.chmod(0o755)
    for path in (directory, directory / "incoming"):
        os.chown(path, 0, 4242)
    assert as_member(lambda: leave_in_incoming(directory, "0001", b"of a member")) == 0
    assert as_member(lambda: list((directory / "incoming").iterdir())) != 0
    assert as_member(lambda: list(directory.iterdir())) != 0
    assert list(open_spool().incoming.waiting()) == [("0001", b"of a member")]


def test_a_volatile_spool_is_made_where_the_service_may_write(tmp_path):
    (tmp_path / "file").touch()
    place = tmp_path / "run/volatile"
    with Spool.open(tmp_path / "file/spool", volatile_directory=place) as spool:
        assert spool.directory == place
        assert modes(place)["."] == "0o710"
        spool.records.append([record_of("a")])
    assert not place.exists()


def test_what_a_killed_agent_left_of_a_volatile_spool_goes_when_the_real_one_is_back(tmp_path, caplog):
    (tmp_path / "volatile").mkdir()
    with Spool.open(tmp_path / "spool", volatile_directory=tmp_path / "volatile") as spool:
        assert not spool.volatile
    assert not (tmp_path / "volatile").exists()
    assert "a killed agent left" in caplog.text
