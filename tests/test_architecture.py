"""The shape of the code: who may import whom, what the documents claim, and whose names these are."""

import ast
import re
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

import pytest

from agent.systems.registry import DEFAULT_TYPE, SYSTEMS
from collectors.registry import COLLECTORS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("agent", "collectors", "spool")

LAW = {"collectors.event", "collectors.collector", "collectors._portable"}
"""What every collector may import besides its own private parts."""

SHARED = {
    "collectors._braces": {"files", "processes", "services"},
    "collectors._dbus": {"host", "origin", "processes", "services"},
    "collectors._inotify": {"packages", "puppet"},
    "collectors._later": {"files"},
    "collectors._locked": {"packages"},
    "collectors._nesting": {"files", "puppet"},
    "collectors._origin": {"collector", "files", "packages", "services"},
    "collectors._redaction": {
        "files",
        "host",
        "origin",
        "packages",
        "processes",
        "puppet",
        "services",
        "troubles",
    },
    "collectors._regular": {"collector", "files", "origin", "processes", "puppet", "troubles"},
    "collectors._sha256": {"files", "host", "troubles"},
    "collectors._troubles": {"files", "packages", "processes", "puppet", "services"},
    "collectors._utmp": {"host", "origin", "processes"},
}
"""Parts that more than one collector uses; see docs/decisions/0004-shared-dbus-reader.md."""

QUICKER = {"spool.deflate": {"isal"}}
"""What one module of the spool takes where it is to be had; see docs/decisions/0129-deflate-by-vector-instructions.md."""

HEAVY = {
    "isal",
    "watchdog",
    "jeepney",
    "psutil",
    "requests",
    "yaml",
    "rich",
    "schedule",
    "httptools",
    "prometheus_client",
}


def modules():
    """Yield (dotted name, path) of every module of ours."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path):
    """Yield every module that a module imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here, so that this test can read them"
            yield node.module
            yield from (
                f"{node.module}.{alias.name}" for alias in node.names if is_module(node.module, alias.name)
            )


def is_module(package, name):
    directory = ROOT.joinpath(*package.split("."))
    return (directory / f"{name}.py").exists() or (directory / name / "__init__.py").exists()


def top(name):
    return name.partition(".")[0]


def collector_modules():
    """Return the names of the collectors: the public modules beside the law and the table."""
    names = {path.stem for path in (ROOT / "collectors").glob("[!_]*.py")}
    return names - {"event", "collector", "registry"}


@pytest.mark.parametrize(("name", "path"), [pair for pair in modules() if top(pair[0]) == "spool"])
def test_the_spool_imports_the_standard_library_and_itself(name, path):
    known = sys.stdlib_module_names | {"spool"} | QUICKER.get(name, set())
    foreign = {m for m in imports(path) if top(m) not in known}
    assert not foreign, f"{name} stores opaque bytes and needs nothing else"


@pytest.mark.parametrize(("name", "path"), [pair for pair in modules() if top(pair[0]) == "collectors"])
def test_a_collector_imports_the_law_and_its_own_parts(name, path):
    ours = {m for m in imports(path) if top(m) in PACKAGES}
    if name == "collectors.registry":
        assert all(top(m) == "collectors" for m in ours)
        return
    owner = name.split(".")[1].removeprefix("_") if "." in name else ""
    own = f"collectors._{owner}"
    shared = {m for m in SHARED if owner in SHARED[m] or name == m}
    allowed = LAW | shared | {"collectors", f"collectors.{owner}"}
    wrong = {m for m in ours if m not in allowed and m != own and not m.startswith((f"{own}.", *shared))}
    assert not wrong, f"{name} knows no other collector, no agent and no spool"


def test_the_table_of_collectors_names_every_module_beside_it():
    assert set(COLLECTORS) == collector_modules()


SEAMS = (
    "agent.systems.system",
    "agent.systems.finding",
    "agent.systems.http_destination",
    "agent.systems.http_outcome",
    "agent.systems.probing",
    "agent.delivery.destination",
    "agent.delivery.outcome",
    "agent.delivery.outgoing",
    "agent.intake.dialect",
    "agent.intake.listeners",
    "agent.intake.odd",
    "agent.intake.open_listeners",
    "agent.http",
    "agent.events",
    "agent.stand_in",
    "agent.configuration.types",
    "agent.configuration.values",
    "agent.configuration.nodes",
    "agent.configuration.plain_yaml",
    "collectors.collector",
    "collectors.event",
    "collectors._troubles",
    "spool",
)
"""What a remote system may import besides its own parts."""


def is_within(module, package):
    return module == package or module.startswith(f"{package}.")


def system_modules():
    """Yield (name of the system, name of the module, path) of every module in a system's folder."""
    for name, path in modules():
        if is_within(name, "agent.systems") and path.parent.name != "systems":
            yield name.split(".")[2], name, path


@pytest.mark.parametrize(("system", "name", "path"), [*system_modules()])
def test_a_system_imports_the_seams_and_never_another_system(system, name, path):
    allowed = (*SEAMS, f"agent.systems.{system}")
    ours = {m for m in imports(path) if top(m) in PACKAGES} - set(PACKAGES[:2])
    packages = {
        m for m in ours if any(is_within(seam, m) for seam in SEAMS)
    }  # `from a.b import c` names a.b too
    wrong = {m for m in ours - packages if not any(is_within(m, one) for one in allowed)}
    assert not wrong, f"{name} knows the seams and itself"


@pytest.mark.parametrize(("name", "path"), [*modules()])
def test_nothing_outside_a_system_imports_it(name, path):
    wrong = {
        m
        for m in imports(path)
        for system in SYSTEMS
        if is_within(m, f"agent.systems.{system}") and not is_within(name, f"agent.systems.{system}")
    }
    assert not wrong, f"{name} asks the table of systems"


def test_the_table_of_systems_names_every_folder_beside_it():
    folders = {path.parent.name for path in (ROOT / "agent" / "systems").glob("*/__init__.py")}
    assert SYSTEMS.keys() == folders


def test_nothing_of_a_system_that_is_not_configured_is_loaded(tmp_path):
    (tmp_path / "agent.yaml").write_text("destinations: {a: {url: 'http://h/stsAgent', api_key: k}}\n")
    script = (
        "import sys, pathlib; from agent.configuration.load import load;"
        f" load(pathlib.Path({str(tmp_path / 'agent.yaml')!r}), environ={{}}); print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.split()
    assert {m.split(".")[2] for m in loaded if m.startswith("agent.systems.")} & SYSTEMS.keys() == {
        DEFAULT_TYPE
    }
    assert not [m for m in loaded if is_within(m, "agent.http") or is_within(m, "agent.delivery")]


def test_every_path_that_the_documents_name_exists():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    missing = [f"{document.name}: {path}" for document in documents for path in paths_named_in(document)]
    assert not [line for line in missing if not (ROOT / line.partition(": ")[2]).exists()]


def paths_named_in(document):
    text = document.read_text()
    starts = "|".join(map(re.escape, (*PACKAGES, "tests", "packaging", "docs", "bench", ".ci")))
    yield from re.findall(rf"`((?:{starts})/[\w./-]*[\w/])`", text)
    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text):
        yield str((document.parent / link).resolve().relative_to(ROOT))


def test_the_picture_shows_exactly_the_imports_between_its_boxes():
    boxes, drawn = picture()
    real = set()
    for name, path in modules():
        importer = box_of(name, boxes)
        targets = {box_of(imported, boxes) for imported in imports(path) if top(imported) in PACKAGES}
        real |= {(importer, target) for target in targets - {importer}}
    assert drawn == real


def picture():
    """Return the boxes (package -> box) and the arrows of the Mermaid flowchart in ARCHITECTURE.md."""
    chart = re.search(r"```mermaid\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(), re.DOTALL)[1]
    boxes = {
        package: box
        for box, packages in re.findall(r'^\s*(\w+)\["(.+)"\]$', chart, re.MULTILINE)
        for package in packages.split(", ")
    }
    arrows = re.findall(r"^\s*(\w+) --> (.+)$", chart, re.MULTILINE)
    return boxes, {(start, end.strip()) for start, ends in arrows for end in ends.split("&")}


def box_of(module, boxes):
    parts = module.split(".")
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next(boxes[prefix] for prefix in prefixes if prefix in boxes)


@pytest.mark.parametrize("module", ["agent.cli", "collectors.registry", "spool"])
def test_importing_the_frame_loads_nothing_heavy(module):
    script = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert not HEAVY & set(loaded.stdout.split())


def test_the_table_of_collectors_loads_none_of_them_and_an_upgrade_tries_them_all():
    table = "import sys, collectors.registry; print(*sys.modules)"
    fit = f"import sys; sys.argv[1:] = []; exec(open({str(ROOT / 'packaging/share/fit.py')!r}).read()); print(*sys.modules)"
    for script, wanted in ((table, set()), (fit, {f"collectors.{name}" for name in COLLECTORS})):
        loaded = subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
        )
        assert {f"collectors.{name}" for name in COLLECTORS} & set(loaded.stdout.split()) == wanted


@pytest.mark.parametrize("package", PACKAGES)
def test_the_three_generic_names_are_ours_in_this_environment(package):
    assert Path(util.find_spec(package).origin).parent == ROOT / package
    others = {
        distribution.name
        for distribution in metadata.distributions()
        for file in distribution.files or ()
        if file.parts[0] == package and distribution.name != "sts-agent"
    }
    assert not others, (
        f"{others} installs a package of the same name; give the agent an environment of its own"
    )


def test_packaging_is_no_python_package():
    assert not (ROOT / "packaging/__init__.py").exists(), "it would shadow the PyPI package of that name"


def test_tests_are_no_python_packages():
    assert not list((ROOT / "tests").rglob("__init__.py"))


NOT_BEFORE_IT_IS_NEEDED = {
    "difflib",
    "email",
    "hashlib",
    "inspect",
    "shutil",
    "ssl",
    "subprocess",
    "tempfile",
    "zipfile",
}
"""Of the standard library: together they are a sixth of what a recorder takes."""


def test_a_daemon_without_a_destination_loads_no_client_no_tls_and_no_tool_of_rare_events(tmp_path):
    (tmp_path / "agent.yaml").write_text("hostname: edge-01\n")
    script = (
        "import sys; sys.modules['typing_extensions'] = None;"  # the tests' own tools bring it, and msgspec uses what is there
        " import pathlib, agent.cli.late_inspect, agent.cli.run, agent.runtime.daemon; from agent.configuration.start import Start;"
        f" first = Start(pathlib.Path({str(tmp_path / 'agent.yaml')!r}), environ={{}}).first();"
        " from agent.configuration.fingerprint import configuration_hash;"
        " configuration_hash(first); print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert not (NOT_BEFORE_IT_IS_NEEDED | {"requests", "urllib3", "jeepney"}) & set(loaded.stdout.split())


def test_a_destination_is_there_without_what_its_first_request_and_the_first_scrape_load(tmp_path):
    (tmp_path / "agent.yaml").write_text("destinations: {a: {url: 'https://h/stsAgent', api_key: k}}\n")
    script = (
        "import pathlib, sys, agent.cli.late_inspect, agent.runtime.daemon;"
        " from agent.configuration.start import Start; from agent.systems.registry import make_destination;"
        " from agent.systems.system import Surroundings;"
        f" first = Start(pathlib.Path({str(tmp_path / 'agent.yaml')!r}), environ={{}}).first();"
        " made = make_destination('a', first.settings.destinations['a'], Surroundings()); made.identity; print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    later = {"ssl", "requests", "urllib3", "prometheus_client", "agent.runtime.metrics"}
    assert not later & set(loaded.stdout.split())


def test_no_dataclass_has_inspect_loaded_to_write_its_docstring():
    assert not [
        f"{path.relative_to(ROOT)}: {node.name}"
        for room in ("agent", "collectors", "spool")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and any("dataclass" in ast.unparse(one) for one in node.decorator_list)
        and ast.get_docstring(node) is None
    ]


def test_who_imports_platform_after_uuid_was_loaded_without_it_has_it_whole():
    script = (
        "import sys, agent.cli.late_platform, uuid; print('platform' in sys.modules, uuid.uuid4().version);"
        " import platform; print(platform.python_implementation(), platform.system())"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT)
    assert ran.stdout.splitlines() == ["False 4", "CPython Linux"]


def test_who_imports_inspect_after_dataclasses_was_loaded_without_it_has_it_whole():
    script = (
        "import sys, agent.cli.late_inspect, dataclasses; assert 'inspect' not in sys.modules; made = dataclasses.make_dataclass;"
        " documented = made('A', ['x'], namespace={'__doc__': 'said'}); assert 'inspect' not in sys.modules;"
        " print(documented(1).x, made('B', ['x']).__doc__); import inspect; print(inspect.signature(documented))"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT)
    assert ran.stdout.splitlines()[0].startswith("1 B(x")
    assert ran.stdout.splitlines()[1].startswith("(x")
