"""Whatever happens to a tree, with and without an agent: the events make one unbroken story, and it ends at the truth."""

import hashlib
import random
import shutil
import time

import pytest

from collectors._files.entry import FilesEntry
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector

NAMES = ("a", "b", "c", "d.conf", "e.conf")


class Tree:
    """Does random things to a directory."""

    def __init__(self, root, seed):
        self._root = root
        self._lots = random.Random(seed)

    def steps(self, count):
        for _ in range(count):
            getattr(self, self._lots.choice(ACTIONS))()

    def _directory(self):
        directories = [
            self._root,
            *(path for path in self._root.rglob("*") if path.is_dir() and not path.is_symlink()),
        ]
        return self._lots.choice(directories)

    def _file(self):
        files = [path for path in self._root.rglob("*") if path.is_file() and not path.is_symlink()]
        return self._lots.choice(files) if files else None

    def _content(self):
        return f"value = {self._lots.randrange(5)}\n"

    def write(self):
        path = self._directory() / self._lots.choice(NAMES)
        if not path.is_dir():
            path.write_text(self._content())

    def replace(self):
        if (file := self._file()) is not None:
            temporary = file.with_name("..tmp")
            temporary.write_text(self._content())
            temporary.rename(file)

    def move(self):
        source = self._file()
        target = self._directory() / self._lots.choice(NAMES)
        if source is not None and not target.is_dir():
            source.rename(target)

    def remove(self):
        if (file := self._file()) is not None:
            file.unlink()

    def make_directory(self):
        directory = self._directory()
        if len(directory.relative_to(self._root).parts) < 4:
            path = directory / self._lots.choice(("x", "y"))
            if not path.exists():
                path.mkdir()

    def move_directory(self):
        source, target = self._directory(), self._directory() / self._lots.choice(("x", "y"))
        if source != self._root and not target.exists() and not target.is_relative_to(source):
            source.rename(target)

    def remove_directory(self):
        directory = self._directory()
        if directory != self._root:
            shutil.rmtree(directory)

    def change_mode(self):
        if (file := self._file()) is not None:
            file.chmod(self._lots.choice((0o600, 0o644)))

    def pause(self):
        time.sleep(self._lots.choice((0.001, 0.03)))


ACTIONS = (
    "write", "write", "write", "replace", "replace", "move", "remove", "make_directory", "make_directory",
    "move_directory", "remove_directory", "change_mode", "pause", "pause",
)  # fmt: skip


def content_of(root):
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith("..")
    }


class Story:
    """What somebody who knows the beginning and hears every event believes to be there."""

    def __init__(self, root):
        self._believed = content_of(root)
        self._heard = set()

    def hear(self, event):
        if event.source_identifier in self._heard:
            return
        self._heard.add(event.source_identifier)
        data = event.data
        path, source = data["path"], data.get("renamed_from")
        before = self._believed.pop(source if source is not None else path, None)
        if source is not None:
            assert path not in self._believed, f"{path} was there, and something was renamed to it"
        assert before == data["old_sha256"], f"{data['change']} of {path}: {data} does not follow {before}"
        if data["new_sha256"] is not None:
            self._believed[path] = data["new_sha256"]

    def reaches_the_truth(self, recorder, root):
        def agrees():
            for event in recorder.events:
                self.hear(event)
            return self._believed == content_of(root)

        recorder.wait_for(agrees, "the truth")


@pytest.mark.parametrize("seed", range(6))
def test_the_events_tell_one_unbroken_story_that_ends_at_the_truth(record, tmp_path, seed):
    root = tmp_path / "root"
    root.mkdir()
    tree = Tree(root, seed)
    tree.steps(40)

    def start(memory=None):
        entry = FilesEntry(paths=(f"{root}/**",), settle=Duration(0.02))
        recorder = record(memory).start(FilesCollector([Scoped(entry)], refused_seconds=0.05))
        recorder.wait_for_report("watching")
        return recorder

    recorder = start()
    story = Story(root)
    for _ in range(3):
        tree.steps(60)
        recorder.full = True
        tree.steps(20)
        recorder.full = False
        tree.steps(20)
        story.reaches_the_truth(recorder, root)
        recorder.end()
        tree.steps(20)
        recorder = start(recorder.memory)
        story.reaches_the_truth(recorder, root)
