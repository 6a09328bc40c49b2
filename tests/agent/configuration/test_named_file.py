"""A file that the configuration names: whatever lies there, nothing happens but that it is read or refused."""

import os
import socket
import threading
from pathlib import Path

import pytest

from agent.configuration.named_file import must_be_regular, read_named


def test_a_regular_file_is_read_through_a_link(tmp_path):
    (tmp_path / "key").write_bytes(b"secret\n")
    (tmp_path / "link").symlink_to("key")
    assert read_named(tmp_path / "link") == b"secret\n"
    must_be_regular(tmp_path / "link")


@pytest.mark.parametrize("look", [read_named, must_be_regular])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, look):
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        for path in (tmp_path / "fifo", tmp_path / "s", tmp_path, Path("/dev/zero"), Path("/dev/tty")):
            with pytest.raises(OSError, match=r"no regular file|Is a directory"):
                look(path)
    with pytest.raises(FileNotFoundError):
        look(tmp_path / "absent")


@pytest.mark.parametrize("look", [read_named, must_be_regular])
def test_what_is_no_regular_file_is_not_even_opened(tmp_path, look):
    """Who waits to write to a FIFO goes on waiting for its reader; a device that acts when it is opened does not."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    written = []

    def write():
        try:
            fifo.write_bytes(b"for its reader")
        except OSError as error:
            written.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    wait_until_it_sleeps(writer)
    with pytest.raises(OSError, match="no regular file"):
        look(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        writer.join()
        assert (os.read(reader, 100), written) == (b"for its reader", [])
    finally:
        os.close(reader)


def wait_until_it_sleeps(thread):
    while True:
        stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text()
        if stat.rpartition(")")[2].split()[0] == "S":
            return
