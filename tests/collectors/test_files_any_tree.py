"""Whatever lies in a watched directory: the file beside it is told, every event can be sent, and a restart tells nothing twice.

Names, contents, times, modes, attributes and links of any bytes; a few here, ten minutes of it in `make torture`.
"""

import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors._files.entry import FilesEntry
from collectors.collector import Duration, Scoped
from collectors.event import MAX_EVENT_BYTES, encode
from collectors.files import FilesCollector

NAMES = st.binary(min_size=1, max_size=255).filter(
    lambda name: (
        not {0, ord("/")} & set(name) and not name.startswith(b"..") and name not in {b".", b"beside"}
    )
)
SUFFIXES = st.sampled_from([b"", b".json", b".yaml", b".toml", b".conf", b".ini"])
PIECES = st.sampled_from(
    [
        b"[", b"{", b"}", b"]", b'"', b"'", b": ", b"- ", b"? ", b"a", b".", b"=", b"\n", b" ", b"\\", b"0x", b"9" * 40,
        b'"\\ud800"', b"\xff", b"\xed\xa0\x80", b"&a ", b"*a ", b"!!x ", b"|\n", b"password=", b'psk="" ', b"Cookie: ",
        b"-----BEGIN X-----", b"<password>", b"#", b",", b"\x00", b"\xe2\x80\xa8", b"1e999", b"\r", b"\t", b"--- ",
    ]
)  # fmt: skip
REPEATED = st.tuples(PIECES, st.sampled_from([1, 2, 70, 5000])).map(lambda pair: pair[0] * pair[1])
CONTENTS = st.lists(REPEATED, max_size=8).map(b"".join) | st.binary(max_size=200)
NANOSECONDS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, -1, 10_413_792_000 * 10**9])
TARGETS = st.sampled_from([b"beside", b".", b"/", b"/dev/tty", b"/etc/shadow", b"/proc/self/mem"]) | (
    st.binary(min_size=1, max_size=300).filter(lambda target: 0 not in target)
)

FILES = st.fixed_dictionaries(
    {
        "name": st.tuples(NAMES, SUFFIXES).map(lambda pair: pair[0][: 255 - len(pair[1])] + pair[1]),
        "before": CONTENTS,
        "after": CONTENTS,
        "kind": st.sampled_from(["file", "file", "file", "file", "link", "hard link", "fifo", "directory"]),
        "target": TARGETS,
        "times": st.none() | NANOSECONDS,
        "mode": st.sampled_from([0o644, 0o600, 0o000, 0o7777]),
        "attribute": st.none() | st.tuples(st.binary(min_size=1, max_size=200), st.binary(max_size=50)),
    }
)


class Tree:
    """A directory with one file that is always the same kind of file, and whatever else is put beside it."""

    def __init__(self, root):
        self.root = root
        self.beside = root / "beside"
        self._count = 0

    def put(self, file, content):
        """Put one file there; what this file system cannot hold is left out."""
        path = os.fsencode(self.root) + b"/" + file["name"]
        with suppress(OSError, ValueError):
            self._remove(path)
            self._make(path, file, content)
            if file["kind"] == "file":
                self._dress(path, file)

    def _remove(self, path):
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - bytes
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)  # noqa: PTH108 - bytes

    def _make(self, path, file, content):
        match file["kind"]:
            case "file":
                with open(path, "wb") as out:  # noqa: PTH123 - bytes
                    out.write(content)
            case "link":
                os.symlink(file["target"], path)  # noqa: PTH211 - bytes
            case "hard link":
                os.link(os.fsencode(self.beside), path)
            case "fifo":
                os.mkfifo(path)
            case "directory":
                os.mkdir(path)  # noqa: PTH102 - bytes

    def _dress(self, path, file):
        os.chmod(path, file["mode"])  # noqa: PTH101 - bytes
        if file["attribute"] is not None:
            with suppress(OSError, ValueError):
                os.setxattr(path, b"user." + file["attribute"][0], file["attribute"][1])
        if file["times"] is not None:
            with suppress(OSError, OverflowError):
                os.utime(path, ns=(file["times"], file["times"]))

    def mark(self):
        """Replace the file beside everything; return what it holds now."""
        self._count += 1
        draft = self.root / "..draft"
        draft.write_text(f"mark {self._count}\n")
        draft.rename(self.beside)
        return str(self._count)


@contextmanager
def a_tree():
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "etc"
        root.mkdir()
        root.chmod(0o755)
        tree = Tree(root)
        tree.mark()
        yield tree


def start(record, tree, memory):
    entry = FilesEntry(paths=(f"{tree.root}/**",), settle=Duration(0.005), diff="always")
    recorder = record(memory).start(FilesCollector([Scoped(entry)]))
    recorder.wait_for_report("watching")
    return recorder


def wait_for_mark(recorder, tree):
    mark = f"mark {tree.mark()}\n"

    def is_told():
        return any(
            event.data["path"] == str(tree.beside) and mark in str(event.data.get("diff", ""))
            for event in recorder.events
        )

    recorder.wait_for(is_told, "the file beside")


def check(recorder):
    """Every event is one that a receiver takes, and nothing was a surprise."""
    for event in recorder.events:
        body = encode(event)
        assert len(body) <= MAX_EVENT_BYTES
        json.loads(body)
        assert event.event_type == "ConfigurationChangedEvent", event.data


@settings(max_examples=int(os.environ.get("STS_AGENT_TORTURE_EXAMPLES", "20")))
@given(files=st.lists(FILES, min_size=1, max_size=6))
def test_the_file_beside_is_told_whatever_else_lies_there_also_after_a_restart(files, make_recorders):
    with a_tree() as tree, make_recorders() as record:
        for file in files[::2]:
            tree.put(file, file["before"])
        recorder = start(record, tree, None)
        for file in files:
            tree.put(file, file["after"])
        wait_for_mark(recorder, tree)
        recorder.end()
        check(recorder)
        for file in files[::3]:
            tree.put(file, file["before"])
        again = start(record, tree, recorder.memory)
        wait_for_mark(again, tree)
        again.end()
        check(again)
        last = start(record, tree, again.memory)
        last.end()
        told = [(event.data["path"], event.data["change"]) for event in last.events]
        assert told == [], "nothing has changed since"
