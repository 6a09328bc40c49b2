import subprocess
import sys
import threading

from collectors._later import bare_package, later, without_stand_ins


def run(script):
    return subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()


def test_what_is_stood_in_for_is_loaded_when_something_asks_for_it_and_not_before(tmp_path):
    (tmp_path / "library.py").write_text(
        "import colorsys, tabnanny\nfrom sndhdr import what\nclass Mine(colorsys.Yours): pass\n"
        "def hue(): return colorsys.rgb_to_hls(0, 1, 0)[1]\n"
    )
    said = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from collectors._later import later\n"
        "with later('colorsys', 'tabnanny', 'sndhdr'): import library\n"
        "names = {'colorsys', 'tabnanny', 'sndhdr'}\n"
        "print(*names & sys.modules.keys(), library.hue(), *names & sys.modules.keys(), library.what('/dev/null'))"
    )
    assert said == ["0.5", "colorsys", "None"]


def test_whoever_imports_it_afterwards_has_the_module_itself():
    script = (
        "from collectors._later import later\nwith later('colorsys'): import colorsys as stood_in\n"
        "import colorsys; print(colorsys.__file__ != '', stood_in.hls_to_rgb is colorsys.hls_to_rgb)"
    )
    assert run(script) == ["True", "True"]


def test_a_module_that_is_there_already_stays():
    with later("subprocess"):
        import subprocess as seen
    assert seen is subprocess is sys.modules["subprocess"]


def test_a_library_that_cannot_be_loaded_leaves_no_stand_in_behind():
    script = (
        "import sys; from collectors._later import later\n"
        "try:\n with later('colorsys'): import no_such_library\n"
        "except ImportError: print('colorsys' in sys.modules)"
    )
    assert run(script) == ["False"]


def test_two_libraries_are_not_loaded_at_the_same_time():
    seen = []

    def load():
        with later("colorsys"):
            seen.append("second")

    with later("colorsys"):
        other = threading.Thread(target=load)
        other.start()
        other.join(0.05)
        seen.append("first")
    other.join()
    assert seen == ["first", "second"]


def test_nobody_who_loads_without_stand_ins_meets_one():
    seen = []

    def load():
        with without_stand_ins():
            seen.append("colorsys" in sys.modules)

    with later("colorsys"):
        other = threading.Thread(target=load)
        other.start()
        other.join(0.05)
        assert not seen
    other.join()
    assert seen == [False]


def test_modules_of_a_package_are_loaded_before_its_own_code_runs_and_are_the_same_afterwards(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text(
        "print('runs')\nfrom .part import One\nfrom . import other\n"
    )
    (tmp_path / "package/part.py").write_text("class One: pass\n")
    (tmp_path / "package/other.py").write_text("import package\nfound = package.part.One\n")
    said = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from collectors._later import bare_package\n"
        "with bare_package('package'): from package.part import One\n"
        "import package\nprint('loaded')\n"
        "print(package.One is One, package.other.found is One, hasattr(package, 'none'), package.__name__)"
    )
    assert said == ["loaded", "runs", "True", "True", "False", "package"]


def test_whoever_asks_a_package_for_something_while_its_code_runs_waits_for_the_end_of_it(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("import start\nstart.other()\nthing = 1\n")
    (tmp_path / "package/part.py").write_text("")
    (tmp_path / "start.py").write_text(
        "import threading, package\nfound = []\nthreads = []\n"
        "def look(): found.append(package.thing)\n"
        "def other():\n thread = threading.Thread(target=look)\n threads.append(thread)\n thread.start()\n thread.join(0.05)\n"
    )
    said = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from collectors._later import bare_package\n"
        "with bare_package('package'): import package.part\n"
        "import package, start\nprint(package.thing)\nstart.threads[0].join()\nprint(*start.found)"
    )
    assert said == ["1", "1"]


def test_a_package_that_was_loaded_stays_as_it_is():
    import json

    with bare_package("json"):
        import json.tool
    assert sys.modules["json"] is json
