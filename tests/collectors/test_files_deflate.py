"""Texts are compressed by either library: any zlib reads both, and whether a file changed never hangs on which it was."""

import os
import platform
import random
import subprocess
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._files import diff
from collectors._files.diff import compress, decompress, was_strict
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector, FilesEntry

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def compressing_by(library):
    """Compress by isal, or without it, as on a processor that it is not made for."""
    if library == "isal" and platform.machine() not in {"x86_64", "aarch64"}:
        pytest.skip("made for other processors")
    with pytest.MonkeyPatch.context() as patched:
        if library == "zlib":
            for name in ("isal", "isal.isal_zlib"):
                patched.setitem(sys.modules, name, None)
        diff._quickest.cache_clear()
        yield
    diff._quickest.cache_clear()


@pytest.mark.parametrize("library", ["isal", "zlib"])
def test_the_library_that_is_to_be_had_compresses(library):
    with compressing_by(library):
        assert (diff._quickest() is diff._by_zlib) is (library == "zlib")


def test_where_no_descriptor_is_left_to_read_the_library_by_zlib_compresses():
    """In a process of its own: what is loaded once needs none."""
    script = (
        "import resource, sys; from collectors._files import diff;"
        " resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); made = diff.compress(b'a' * 5000);"
        " print(diff._quickest() is diff._by_zlib, 'isal' in sys.modules, len(diff.decompress(made)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT)
    assert ran.stdout.split() == ["True", "False", "5000"]


@pytest.mark.parametrize("library", ["isal", "zlib"])
@given(st.text(max_size=2000) | st.text(min_size=1, max_size=50).map(lambda text: text * 3000), st.booleans())
def test_any_zlib_reads_what_was_compressed(library, text, is_strict):
    with compressing_by(library):
        stored = compress(text.encode(), is_strict=is_strict)
    assert decompress(stored) == text
    assert was_strict(stored) is is_strict
    if stored[:1] in b"zZ":
        assert zlib.decompressobj(-12).decompress(stored[1:]) == text.encode()


@pytest.mark.parametrize("library", ["isal", "zlib"])
@pytest.mark.parametrize("repeats_after", [1, 258, 4095, 4096, 4097, 5000, 32_768])
def test_nothing_in_a_text_refers_further_back_than_the_window_of_who_reads_it(library, repeats_after):
    part = random.Random(repeats_after).randbytes(repeats_after).hex()[:repeats_after]
    text = part * (100_000 // repeats_after)
    with compressing_by(library):
        assert decompress(compress(text.encode())) == text


@pytest.mark.parametrize(("first", "then"), [("zlib", "isal"), ("isal", "zlib")])
def test_a_text_that_the_other_library_compressed_is_no_change_and_the_next_change_has_its_diff(
    record, open_path, first, then
):
    """As after an update, or where isal is gone: a restart, and a look at each file anew."""
    lines = [f"option{number} = {number * 7919}\n" for number in range(200)]
    file = open_path / "x"
    file.write_text("".join(lines))
    file.chmod(0o644)
    entry = FilesEntry(paths=(f"{open_path}/**",), settle=Duration(0.03))
    with compressing_by(first):
        before = record().start(FilesCollector([Scoped(entry)]))
        before.wait_for_report("watching")
        before.end()
    [(key, text)] = before.memory.texts.items()
    os.utime(file)
    with compressing_by(then):
        after = record(before.memory).start(FilesCollector([Scoped(entry)]))
        after.wait_for_report("watching")
        after.wait_for(lambda: after.memory.texts[key] != text, "the text as the other library writes it")
        file.chmod(0o664)
        after.wait_for_events(1)
        file.write_text("".join(["option0 = 1\n", *lines[1:]]))
        after.wait_for_events(2)
        after.end()
    assert before.events == []
    assert [event.data["change"] for event in after.events] == ["attributes", "modified"]
    assert "diff" not in after.events[0].data
    assert "-option0 = 0\n+option0 = 1\n" in after.events[1].data["diff"]
