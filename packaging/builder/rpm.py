"""The package of rpm: the same files as that of dpkg, for RHEL 9 and its kin with their python3.11, and whatever is later."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import payload

_OURS = ("opt/sts-agent", "usr/share/doc/sts-agent", "etc/sts-agent")
"""Directories that belong to the package; those above them belong to the system."""


def build(checkout: Path, output: Path, version: str, epoch: int) -> Path:
    """Build the package into `output`: the same bytes for the same checkout, version and epoch."""
    ordered = payload.ordered(version)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "root")
        payload.make(checkout, root, version, epoch)
        # The place that the makers of zsh say; Debian has one of its own.
        (root / "usr/share/zsh/vendor-completions").rename(root / "usr/share/zsh/site-functions")
        files = Path(scratch, "files")
        files.write_text("".join(f"{line}\n" for line in _listed(root)))
        values = {
            "_topdir": scratch,
            "_rpmdir": output,
            "_rpmfilename": "%{NVRA}.rpm",
            "the_version": ordered,
            "the_tree": root,
            "the_list": files,
        }
        defined = [f"--define={name} {value}" for name, value in values.items()]
        subprocess.run(
            ["rpmbuild", "--quiet", "-bb", *defined, checkout / "packaging/rpm/sts-agent.spec"],
            check=True,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "LC_ALL": "C.UTF-8"},
        )
    return output / f"sts-agent-{ordered}-1.x86_64.rpm"


def _listed(root: Path) -> Iterator[str]:
    """Yield a line of the spec's list for each file, and for each directory that is ours."""
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        attributes = f"%attr({path.lstat().st_mode & 0o777:o}, root, root) "
        if path.is_symlink():
            yield f"/{name}"
        elif path.is_dir():
            if name.startswith(_OURS):
                yield f'%dir {attributes}"/{name}"'
        elif name.startswith("etc/"):
            yield f'%config(noreplace) {attributes}"/{name}"'
        else:
            yield f'{attributes}"/{name}"'
