"""The size of a file is found without its times, and found all the same where the kernel or the C library has no call for that."""

import pytest

from spool import file_size

STATX_SIZE = 0x200  # statx(2)


@pytest.fixture(params=["statx", "no statx", "a statx that is refused"])
def asked_of(request, monkeypatch):
    if request.param == "no statx":
        monkeypatch.setattr(file_size.ctypes, "CDLL", lambda _: object())
    refused = (lambda *_: -1) if request.param == "a statx that is refused" else None
    return lambda path: file_size.asked_of(path, refused)


def test_a_size_is_that_of_the_file_as_it_is_now(asked_of, tmp_path):
    path = tmp_path / "a\udcff\N{EURO SIGN}"
    size = asked_of(path)
    assert size() == 0
    path.write_bytes(b"x" * 5_000)
    assert size() == 5_000
    with path.open("ab") as file:
        file.truncate(5_000_000_000)
    assert size() == 5_000_000_000
    path.unlink()
    assert size() == 0


def test_nothing_but_the_size_is_asked_for(tmp_path):
    wanted = []
    file_size.asked_of(tmp_path, lambda _at, _name, _flags, mask, _into: wanted.append(mask) or 0)()
    assert wanted == [STATX_SIZE]
