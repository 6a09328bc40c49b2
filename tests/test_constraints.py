"""Every release that is installed is pinned, and each of its files by its hash."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = [
    "constraints.txt",
    "requirements.txt",
    "build-requirements.txt",
    "bundle-requirements.txt",
]


def pinned(file):
    """Return name and version of each requirement, and how many hashes it has."""
    text = (ROOT / "packaging" / file).read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        requirement = re.match(r"([\w.-]+)==(\S+)", line)
        assert requirement, line
        found[normal(requirement[1])] = (requirement[2], line.count("--hash=sha256:"))
    return found


def normal(name):
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()


@pytest.mark.parametrize("file", [*FILES, "client-requirements.txt"])
def test_every_release_has_a_hash_for_each_of_its_files(file):
    assert all(count >= 1 for _, count in pinned(file).values())


@pytest.mark.parametrize("file", FILES[1:])
def test_what_runs_and_what_builds_are_parts_of_what_tests_it(file):
    whole = pinned("constraints.txt")
    assert {name: whole.get(name) for name in pinned(file)} == pinned(file)


def test_everything_that_pyproject_asks_for_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    assert {normal(name) for name in asked} <= pinned("constraints.txt").keys()
    assert {normal(name) for name in project["project"]["dependencies"]} <= pinned("requirements.txt").keys()
    assert {normal(name) for name in project["build-system"]["requires"]} <= pinned(
        "build-requirements.txt"
    ).keys()


def test_a_package_holds_what_the_extras_for_its_users_need():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = {normal(name) for extra, names in extras.items() if extra != "dev" for name in names}
    assert asked | pinned("requirements.txt").keys() <= pinned("bundle-requirements.txt").keys()
