"""Nothing of a system is loaded that is neither configured nor spoken to."""

import re
import subprocess
import sys

import pytest
from dialect_examples import EXAMPLES

from agent.systems.registry import SYSTEMS, dialects, system

LOADED = "print(*sorted({m.split('.')[2] for m in sys.modules if m.startswith('agent.systems.')}))"


def loaded_after(code):
    """Return which rooms of `agent.systems` a fresh interpreter has loaded after this."""
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; {LOADED}"], capture_output=True, text=True, check=True
    )
    return set(ran.stdout.splitlines()[-1].split()) & SYSTEMS.keys()


MAKE = (
    "import agent.runtime.daemon; from agent.systems.registry import dialects;"
    " made = {d.name: d for d in dialects()}"
)


def test_a_daemon_that_nobody_posts_to_loads_no_system():
    assert loaded_after(MAKE) == set()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_first_request_to_its_path_loads_the_one_dialect(name):
    assert loaded_after(f"{MAKE}; made[{name!r}].at({EXAMPLES[name].path!r})") == {name}
    assert loaded_after(f"{MAKE}; [made[{name!r}].at(path) for path in ('/', '/status')]") == set()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_paths_of_the_table_are_those_of_the_dialect(name):
    [late] = [one for one in dialects() if one.name == name]
    dialect = late.load()
    for path in (EXAMPLES[name].path, EXAMPLES[name].path.rstrip("/"), EXAMPLES[name].path + "/x", "/", "/a"):
        is_its_own = any(route.path.fullmatch(path) for route in dialect.routes)
        assert (late.paths.fullmatch(path) is not None) >= is_its_own
    assert late.at(EXAMPLES[name].path) is dialect


def test_a_system_that_takes_posts_has_its_paths_in_the_table_and_one_that_knows_types_their_pattern():
    for name, row in SYSTEMS.items():
        assert bool(row.paths) == (system(name).dialect is not None)
        assert bool(row.event_types) == (system(name).lacks is not None)
        assert bool(row.ports) == (system(name).ports is not None)
        re.compile(row.paths)
