"""Wheel and sdist, as `make dist` makes them."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from agent import __version__

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Build both once; what builds them is here already."""
    output = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", output, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = output.glob("sts_agent-*-py3-none-any.whl")
    [sdist] = output.glob("sts_agent-*.tar.gz")
    return wheel, sdist


def test_the_wheel_holds_the_three_packages_and_one_command(distributions):
    with zipfile.ZipFile(distributions[0]) as wheel:
        tops = {name.partition("/")[0] for name in wheel.namelist()}
        scripts = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
        assert wheel.read(scripts).decode().split() == [
            "[console_scripts]",
            "sts-agent",
            "=",
            "agent.cli:main",
        ]
    assert {top for top in tops if not top.endswith(".dist-info")} == {"agent", "collectors", "spool"}


def test_the_sdist_holds_what_builds_installs_and_tests_the_agent(distributions):
    with tarfile.open(distributions[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for needed in (
        "sts-agent.service",
        "Makefile",
        "packaging/install",
        "packaging/builder/deb.py",
        "tests/conftest.py",
    ):
        assert needed in names


@pytest.mark.long
def test_pipx_installs_the_command(distributions, tmp_path):
    """It downloads what the wheel needs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {
        "HOME": str(tmp_path),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
    }
    pipx = [sys.executable, "-m", "pipx", "install", f"--python={sys.executable}", distributions[0]]
    subprocess.run(pipx, check=True, capture_output=True, env=environment)
    version = [tmp_path / "bin/sts-agent", "--version"]
    done = subprocess.run(version, check=True, capture_output=True, text=True, env=environment)
    assert done.stdout == f"sts-agent {__version__}\n"
