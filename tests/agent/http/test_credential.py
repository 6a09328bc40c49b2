"""A credential's file: nobody waits for what is no file, and what takes its place is read."""

import os

import pytest

from agent.http.credential import Credential
from agent.http.errors import ClientError
from agent.intake.wanted import read_token


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["a FIFO", "a device"]
)
def test_what_is_no_file_is_refused_at_once_and_a_key_that_takes_its_place_is_used(tmp_path, make):
    make(tmp_path / "key")
    credential = Credential(None, tmp_path / "key")
    with pytest.raises(ClientError, match="cannot be read: it is no regular file"):
        credential.get()
    (tmp_path / "key").unlink()
    (tmp_path / "key").write_text("k\n")
    assert credential.has_changed()
    assert credential.get() == "k"


def test_a_token_of_the_port_that_is_no_file_lets_nobody_in_and_nobody_waits(tmp_path, caplog):
    os.mkfifo(tmp_path / "token")
    assert read_token(tmp_path / "token") == ""
    assert "it is no regular file" in caplog.text
