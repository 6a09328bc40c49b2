"""What the packages hold, looked at without installing them."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from harness.host import CHECKOUT
from harness.packages import VERSION, build, built

from agent.cli import COMMANDS
from agent.configuration.reference import keys

MODULES = "opt/sts-agent/lib"


@pytest.fixture(scope="session")
def package(layers):  # noqa: ARG001 - skips where nothing can be built
    return built("deb", VERSION)


@pytest.fixture(scope="session")
def tree(package, tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    return root


def said(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def test_lintian_says_nothing(package):
    done = subprocess.run(["lintian", "--allow-root", package], check=False, capture_output=True, text=True)
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_it_is_the_same_to_the_byte_whoever_builds_it_again(package, kind, tmp_path):  # noqa: ARG001
    before = os.umask(0o077)
    try:
        build(kind, tmp_path, VERSION)
    finally:
        os.umask(before)
    [again] = tmp_path.glob(f"*.{kind}")
    assert again.read_bytes() == built(kind, VERSION).read_bytes()


def test_it_holds_its_own_modules_once_extensions_for_each_python_and_no_tools(tree):
    modules = tree / MODULES
    names = [path.name for path in modules.iterdir()]
    assert {"agent", "collectors", "spool", "msgspec", "requests", "yaml"} <= set(names)
    assert not [name for name in names if re.match(r"pip|setuptools|wheel|pytest|tests?$", name)]
    assert not [path for path in modules.rglob("*") if path.name in {"tests", "test", "__pycache__"}]
    tags = {path: re.findall(r"cpython-(\d+)", path.name) for path in modules.rglob("*.so")}
    for extension in {re.sub(r"cpython-\d+", "*", str(path)) for path, tag in tags.items() if tag}:
        assert [
            python
            for python in ("311", "312", "313")
            if not Path(extension.replace("*", f"cpython-{python}")).exists()
        ] == []
    assert sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) < 30_000_000


def test_every_document_that_readme_names_is_where_its_link_leads(tree):
    documents = tree / "usr/share/doc/sts-agent"
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (CHECKOUT / "README.md").read_text())
    assert len(links) > 8
    assert [link for link in links if not (documents / link).exists()] == []
    for sample in CHECKOUT.glob("packaging/conf.d/*.yaml"):
        assert (documents / "examples/conf.d" / sample.name).read_text() == sample.read_text()
    for drop_in in CHECKOUT.glob("packaging/sts-agent.service.d/*.conf"):
        assert (documents / "examples/sts-agent.service.d" / drop_in.name).exists()


def manual(tree, page):
    """Return a page as it is read, and what its formatter warned of."""
    shown = subprocess.run(
        ["man", "--warnings=all", "--local-file", tree / "usr/share/man" / f"man{page[-1]}" / f"{page}.gz"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "MANWIDTH": "120", "LC_ALL": "C.UTF-8"},
    )
    return shown.stdout, shown.stderr


def test_the_manual_has_every_command_with_its_options_and_every_key_of_the_configuration(tree):
    commands, warnings = manual(tree, "sts-agent.1")
    assert "\nCOMMANDS\n" in commands
    assert warnings == ""
    assert [name for name in COMMANDS if f"sts-agent {name}" not in commands] == []
    assert "--since" in commands
    assert "SUPPRESS" not in commands
    configuration, warnings = manual(tree, "sts-agent.yaml.5")
    assert warnings == ""
    assert [
        key.path
        for key in keys()
        if not re.search(rf"^ +{re.escape(key.path)}\b", configuration, re.MULTILINE)
    ] == []


def test_each_shell_completes_commands_and_their_options(tree):
    share = tree / "usr/share"
    bash = share / "bash-completion/completions/sts-agent"
    complete = f'. {bash}; COMP_WORDS=(sts-agent %s); COMP_CWORD=%d; $(complete -p sts-agent | sed "s/.*-F \\([^ ]*\\).*/\\1/"); echo "${{COMPREPLY[@]}}"'
    assert said("bash", "-c", complete % ("sta", 1)).split() == ["status"]
    assert "--since" in said("bash", "-c", complete % ("log --s", 2)).split()
    fish = share / "fish/vendor_completions.d/sts-agent.fish"
    offered = said(
        "fish",
        "--no-config",
        "-c",
        f"source {fish}; complete -C 'sts-agent sta'; complete -C 'sts-agent log --s'",
    )
    assert offered.split()[0] == "status"
    assert "--since" in offered
    zsh = share / "zsh/vendor-completions/_sts-agent"
    assert zsh.read_text().startswith("#compdef sts-agent\n")
    said("zsh", "-f", "-c", f"autoload -Uz compinit; compinit -D; source {zsh}; whence _shtab_sts_agent")
