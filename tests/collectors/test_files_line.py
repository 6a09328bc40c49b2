"""The files collector between its steps: a stop in the middle, a spool that takes nothing, and the shape of the code itself."""

import ast
from pathlib import Path

import pytest
from msgspec.structs import replace

import collectors._files
from collectors._files.entry import FilesEntry
from collectors.collector import Duration, NotKept, Scoped
from collectors.files import FilesCollector

PARTS = Path(collectors._files.__file__).parent
MAX_PARAMETERS = 6
MAX_LINES = 300


def collector(etc):
    return FilesCollector([Scoped(FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.02)))])


@pytest.fixture
def etc(tmp_path):
    directory = tmp_path / "etc"
    for number in range(30):
        inner = directory / f"{number:02}"
        inner.mkdir(parents=True)
        for name in range(50):
            (inner / f"{name}").write_text(f"{number}")
    return directory


class StoppedAtTheFirstCommit:
    """Runs a collector that is asked to end as soon as it has kept anything."""

    def __init__(self, inner):
        self._inner = inner

    def run(self, runtime):
        def emit(*args):
            runtime.emit(*args)
            runtime.stop.set()

        self._inner.run(replace(runtime, emit=emit))


def test_a_stop_in_the_middle_of_the_first_compare_ends_it_and_the_rest_is_learnt_silently_at_the_next_start(
    record, etc
):
    first = record().start(StoppedAtTheFirstCommit(collector(etc)))
    first.wait_for_end()
    first.end()
    learnt = [key for key in first.memory.kept if key.startswith("f")]
    assert 0 < len(learnt) < 1500
    again = record(first.memory).start(collector(etc))
    again.wait_for_report("watching 1500 files")
    assert again.events == []
    again.end()
    assert len([key for key in first.memory.kept if key.startswith("f")]) == 1500


class MemoryThatIsAsked:
    """Lends a memory, and notes the prefixes that are walked."""

    def __init__(self, memory, walked):
        self._memory = memory
        self._walked = walked

    def __getattr__(self, name):
        return getattr(self._memory, name)

    def items(self, prefix=""):
        self._walked.append(prefix)
        return self._memory.items(prefix)


class RunWithMemoryThatIsAsked:
    """Runs a collector on such a memory."""

    def __init__(self, inner):
        self._inner = inner
        self.walked = []

    def run(self, runtime):
        self._inner.run(replace(runtime, memory=MemoryThatIsAsked(runtime.memory, self.walked)))


def test_a_change_of_one_file_has_nothing_walked_of_what_is_remembered(record, etc):
    running = RunWithMemoryThatIsAsked(collector(etc))
    recorder = record().start(running)
    recorder.wait_for_report("watching 1500 files")
    (etc / "00/1").write_text("first")
    recorder.wait_for_events(1)
    running.walked.clear()
    (etc / "00/2").write_text("second")
    recorder.wait_for_events(2)
    recorder.end()
    assert running.walked == []


class RefusedOnce:
    """Runs a collector whose first commit the spool does not take."""

    def __init__(self, inner):
        self._inner = inner

    def run(self, runtime):
        refusals = [NotKept("the spool is full")]

        def emit(*args):
            if refusals:
                raise refusals.pop()
            runtime.emit(*args)

        self._inner.run(replace(runtime, emit=emit))


def test_the_key_of_the_masks_is_remembered_also_when_the_spool_took_nothing_at_first(record, tmp_path):
    (tmp_path / "app.conf").write_text("a")
    entry = FilesEntry(paths=(f"{tmp_path}/*.conf",))
    recorder = record().start(RefusedOnce(FilesCollector([Scoped(entry)], refused_seconds=0.01)))
    recorder.wait_for_report("watching 1 files")
    recorder.end()
    assert len(recorder.memory.kept["=key"]) == 32


def functions():
    for module in (*PARTS.glob("*.py"), PARTS.parent / "files.py"):
        tree = ast.parse(module.read_text())
        yield from ((module.name, node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_no_function_of_the_files_collector_takes_more_than_six_parameters():
    many = [
        (module, function.name)
        for module, function in functions()
        if len([*function.args.args, *function.args.kwonlyargs])
        - (function.args.args[:1] != [] and function.args.args[0].arg in {"self", "cls"})
        > MAX_PARAMETERS
    ]
    assert many == []


def test_no_module_of_the_files_collector_is_longer_than_three_hundred_lines():
    long = [module.name for module in PARTS.glob("*.py") if len(module.read_text().splitlines()) > MAX_LINES]
    assert long == []
