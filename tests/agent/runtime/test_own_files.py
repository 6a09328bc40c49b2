"""Which files are the agent's own: all in the spool directory at the moment of the question, by whatever name they are met."""

import os
import time

from agent.runtime.own_files import OwnFiles


def test_a_file_is_known_as_soon_as_it_is_there(tmp_path):
    spool = tmp_path / "spool"
    (spool / "incoming").mkdir(parents=True)
    is_own = OwnFiles(spool)
    stranger = tmp_path / "stranger"
    stranger.touch()
    for number in range(20):
        for directory in (spool, spool / "incoming"):
            mine = directory / f"{number}"
            mine.touch()
            assert is_own(mine.stat())
            assert not is_own(stranger.stat())


def test_one_by_another_name_is_known_also_when_nothing_has_changed_for_long_until_something_does(tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    is_own = OwnFiles(spool)
    inner = spool / "inner"
    inner.mkdir()
    (inner / "mine").touch()
    os.link(inner / "mine", tmp_path / "planted")
    until = time.monotonic() + 0.2  # far longer than a listing is doubted
    while time.monotonic() < until:
        assert is_own((tmp_path / "planted").stat())
        assert not is_own(tmp_path.stat())
    (inner / "later").touch()
    assert is_own((inner / "later").stat())


def test_what_was_taken_out_of_the_directory_and_a_directory_that_is_gone_are_nobodys(tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "mine").touch()
    is_own = OwnFiles(spool)
    assert is_own((spool / "mine").stat())
    (spool / "mine").rename(tmp_path / "given-away")
    assert not is_own((tmp_path / "given-away").stat())
    spool.rename(tmp_path / "moved")
    assert not is_own((tmp_path / "given-away").stat())
