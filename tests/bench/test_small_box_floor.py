"""The floor of the small box does what its figures are said to be of: it keeps, and answers only then."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
import small_box_figures
import small_box_floor

PATIENCE_SECONDS = 30
PAGE = small_box_floor.PAGE_BYTES


@contextlib.contextmanager
def floor(directory, *arguments):
    """Yield the socket of a running one."""
    what, *more = arguments
    name = directory / "floor.sock"
    program = Path(small_box_floor.__file__)
    with subprocess.Popen([sys.executable, program, what, directory, name, *more]) as process:
        try:
            yield name
        finally:
            process.kill()


def connected(name):
    return small_box_figures.connected(name, PATIENCE_SECONDS)


@pytest.fixture
def watched(tmp_path):
    directory = tmp_path / "watched"
    directory.mkdir()
    return directory


def test_a_post_is_answered_once_its_page_is_written(tmp_path):
    with floor(tmp_path, "posts") as name:
        for number in range(3):
            with connected(name) as connection:
                connection.sendall(b"post %d" % number)
                assert connection.recv(PAGE) == b"kept\n"
            page = (tmp_path / "floor").read_bytes()[number * PAGE :][:PAGE]
            assert page.rstrip(b"\0") == b"post %d" % number


def test_whoever_only_connects_is_no_post(tmp_path):
    with floor(tmp_path, "posts") as name:
        connected(name).close()
        with connected(name) as connection:
            connection.sendall(b"the first post")
            assert connection.recv(PAGE) == b"kept\n"
        assert (tmp_path / "floor").read_bytes().startswith(b"the first post")


def test_a_change_is_told_once_what_the_file_holds_is_written(tmp_path, watched):
    with floor(tmp_path, "changes", watched, "10") as name, connected(name) as connection:
        for number in range(3):
            (watched / f"file-{number}").write_text(f"key = {number}\n")
            assert connection.recv(PAGE) == b"kept\n"
            page = (tmp_path / "floor").read_bytes()[number * PAGE :][:PAGE]
            assert page.rstrip(b"\0") == b"key = %d\n" % number


def test_its_file_keeps_its_size_so_that_no_sync_has_a_journal_to_commit(tmp_path):
    keep = small_box_floor.opened(tmp_path)
    size = (tmp_path / "floor").stat().st_size
    for _ in range(size // PAGE + 1):
        keep(b"more")
    assert (tmp_path / "floor").stat().st_size == size
