"""The files of a package, as they lie on a host: the same for dpkg and rpm.

Every document is installed where a link of README leads to it. What the service reads, or a script of the package,
is no document: hosts may leave /usr/share/doc out.
"""

import gzip
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import completions
import manual
import wheels

OPT = "opt/sts-agent"
DOCUMENTS = "usr/share/doc/sts-agent"
ON_AFTER_INSTALLATION = "etc/sts-agent/conf.d/system.yaml"
_PAGES = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def make(checkout: Path, root: Path, version: str, epoch: int) -> None:
    """Fill `root`; every time of a file is `epoch`, every mode is set."""
    tree = _Tree(checkout, root)
    _put_modules(checkout, root, version)
    tree.put("packaging/share/sts-agent", f"{OPT}/bin/sts-agent", 0o755)
    tree.put("packaging/share/sts-agent-who", f"{OPT}/bin/sts-agent-who", 0o755)
    for name in ("main.py", "who.py", "interpreter.sh", "fit.py", "installation.sh"):
        tree.put(f"packaging/share/{name}", f"{OPT}/share/{name}")
    tree.put("packaging/agent.yaml", f"{OPT}/share/agent.yaml")
    tree.put_all("packaging/sts-agent.service.d/*.conf", f"{OPT}/share/sts-agent.service.d")
    tree.link("/opt/sts-agent/bin/sts-agent", "usr/bin/sts-agent")
    tree.put("sts-agent.service", "usr/lib/systemd/system/sts-agent.service")
    tree.put("packaging/user/sts-agent.service", "usr/lib/systemd/user/sts-agent.service")
    tree.put("packaging/sysusers.d/sts-agent.conf", "usr/lib/sysusers.d/sts-agent.conf")
    tree.put("packaging/tmpfiles.d/sts-agent.conf", "usr/lib/tmpfiles.d/sts-agent.conf")
    tree.put("packaging/polkit/50-sts-agent.rules", "usr/share/polkit-1/rules.d/50-sts-agent.rules")
    if (checkout / "packaging/conf.d/system.yaml").exists():
        tree.put("packaging/conf.d/system.yaml", ON_AFTER_INSTALLATION)
    _put_documents(tree)
    for file, text in manual.pages(version, epoch).items():
        write_compressed(root / "usr/share/man" / f"man{file[-1]}" / f"{file}.gz", text)
    for file, text in completions.scripts().items():
        tree.write(f"usr/share/{file}", text)
    settle(root, epoch)


def ordered(version: str) -> str:
    """Return a version of Python's as dpkg and rpm order it: a release candidate is older than the release."""
    return re.sub(r"(\d)\.?(a|b|rc|dev)(\d)", r"\1~\2\3", version)


def settle(root: Path, epoch: int) -> None:
    """Give everything the one time, and modes that do not depend on who builds."""
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def write_compressed(target: Path, text: str) -> None:
    """Write a file of gzip in which nothing says when, or by which name, it was made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


class _Tree:
    def __init__(self, checkout: Path, root: Path) -> None:
        self.checkout = checkout
        self.root = root

    def put(self, source: str, target: str, mode: int = 0o644) -> None:
        self._room(target)
        shutil.copyfile(self.checkout / source, self.root / target)
        (self.root / target).chmod(mode)

    def put_all(self, pattern: str, directory: str) -> None:
        for path in self.found(pattern):
            self.put(path, f"{directory}/{Path(path).name}")

    def put_tree(self, source: str, target: str) -> None:
        for path in self.found(f"{source}/**/*"):
            if (self.checkout / path).is_file():
                self.put(path, f"{target}{path.removeprefix(source)}")

    def found(self, pattern: str) -> Iterator[str]:
        for path in sorted(self.checkout.glob(pattern)):
            yield str(path.relative_to(self.checkout))

    def write(self, target: str, text: str) -> None:
        self._room(target)
        (self.root / target).write_text(text)

    def link(self, points_to: str, target: str) -> None:
        self._room(target)
        (self.root / target).symlink_to(points_to)

    def _room(self, target: str) -> None:
        (self.root / target).parent.mkdir(parents=True, exist_ok=True)


def _put_modules(checkout: Path, root: Path, version: str) -> None:
    modules = root / OPT / "lib"
    with tempfile.TemporaryDirectory() as scratch:
        ours = wheels.build_ours(checkout, Path(scratch))
        needed = wheels.download(checkout / "packaging/bundle-requirements.txt")
        wheels.merge([ours, *needed], modules)
    wheels.strip(modules)
    wheels.set_version(modules, version)


def _put_documents(tree: _Tree) -> None:
    for page in _PAGES:
        tree.put(page, f"{DOCUMENTS}/{page}")
    tree.put_tree("docs", f"{DOCUMENTS}/docs")
    tree.put("packaging/agent.yaml", f"{DOCUMENTS}/examples/agent.yaml")
    tree.put_all("packaging/conf.d/*.yaml", f"{DOCUMENTS}/examples/conf.d")
    tree.put_all("packaging/sts-agent.service.d/*.conf", f"{DOCUMENTS}/examples/sts-agent.service.d")
    for room in ("ansible", "monitoring", "puppet"):
        tree.put_tree(f"packaging/{room}", f"{DOCUMENTS}/examples/{room}")
    tree.link("examples", f"{DOCUMENTS}/packaging")  # as the documents call them
