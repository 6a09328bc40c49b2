"""The package of dpkg: one for every Debian and Ubuntu with a Python that it is built for."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from email.parser import HeaderParser
from email.utils import formatdate
from pathlib import Path

import payload
import wheels

MAINTAINER = "sts-agent maintainers <sts-agent@users.noreply.github.com>"

_CONTROL = """\
Package: sts-agent
Version: {version}
Architecture: amd64
Maintainer: {maintainer}
Installed-Size: {kibibytes}
Depends: python3 (>= {oldest}), python3 (<< {beyond}), systemd (>= 252), libc6 (>= {glibc})
Recommends: ca-certificates
Suggests: polkitd
Section: admin
Priority: optional
Homepage: https://docs.stackstate.com
Description: records what happens on this host, and forwards it to StackState
 The agent knows what happened on its host: boots, shutdowns and crashes,
 services that start, stop and fail, packages, and configuration files that
 change and how. It keeps that through power cuts and days offline, and
 forwards it as events, each one at least once and in order.
 .
 Without a destination in /etc/sts-agent/agent.yaml it is a recorder: its
 events are read by "sts-agent log".
"""
_CHANGELOG = """\
sts-agent ({version}) unstable; urgency=medium

  * What changed for users: /usr/share/doc/sts-agent/CHANGELOG.md

 -- {maintainer}  {date}
"""
_COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: sts-agent
Comment: Below /opt/sts-agent/lib lie the modules that the agent needs, as their
 makers publish them. The whole text of each license is in its dist-info there,
 that of ISA-L, which isal holds, in isal/isa-l.

Files: *
Copyright: the authors of sts-agent
License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.
"""


def build(checkout: Path, output: Path, version: str, epoch: int) -> Path:
    """Build the package into `output`: the same bytes for the same checkout, version and epoch."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "root")
        payload.make(checkout, root, version, epoch)
        _put_legal(root, version, epoch)
        _put_control(checkout, root, version)
        payload.settle(root, epoch)
        package = output / f"sts-agent_{payload.ordered(version)}_amd64.deb"
        same = ["--root-owner-group", "-Zxz", "-z9", "--threads-max=1"]
        subprocess.run(
            ["dpkg-deb", "--build", *same, root, package],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        )
    return package


def _put_legal(root: Path, version: str, epoch: int) -> None:
    documents = root / payload.DOCUMENTS
    text = _CHANGELOG.format(version=payload.ordered(version), maintainer=MAINTAINER, date=formatdate(epoch))
    payload.write_compressed(documents / "changelog.gz", text)
    (documents / "copyright").write_text(_COPYRIGHT + "".join(_licenses(root / payload.OPT / "lib")))


def _licenses(modules: Path) -> list[str]:
    """Return a paragraph for each distribution among the modules but ours."""
    paragraphs = []
    for metadata in sorted(modules.glob("*.dist-info/METADATA")):
        about = HeaderParser().parsestr(metadata.read_text())
        if about["Name"] == "sts-agent":
            continue
        classifiers = [one for one in about.get_all("Classifier", []) if one.startswith("License ::")]
        named = (
            about["License-Expression"] or about["License"] or ", ".join(classifiers) or "see its dist-info"
        )
        paragraphs.append(
            f"\nFiles: opt/sts-agent/lib/{metadata.parent.name}/* (and its modules)\n"
            f"Copyright: the authors of {about['Name']} {about['Version']}\n"
            f"License: {named.splitlines()[0]}\n"
        )
    return paragraphs


def _put_control(checkout: Path, root: Path, version: str) -> None:
    overrides = root / "usr/share/lintian/overrides/sts-agent"
    overrides.parent.mkdir(parents=True)
    shutil.copyfile(checkout / "packaging/deb/lintian-overrides", overrides)
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    control = root / "DEBIAN"
    control.mkdir()
    minor = int(wheels.PYTHONS[-1].partition(".")[2])
    (control / "control").write_text(
        _CONTROL.format(
            version=payload.ordered(version),
            maintainer=MAINTAINER,
            kibibytes=sum(-(-file.stat().st_size // 1024) for file in files),
            oldest=wheels.PYTHONS[0],
            beyond=f"3.{minor + 1}",
            glibc=wheels.GLIBC,
        )
    )
    for script in ("preinst", "postinst", "prerm", "postrm"):
        shutil.copyfile(checkout / "packaging/deb" / script, control / script)
        (control / script).chmod(0o755)
    shutil.copyfile(checkout / "packaging/deb/triggers", control / "triggers")
    settings = [file for file in files if (root / "etc") in file.parents]
    if settings:
        (control / "conffiles").write_text("".join(f"/{file.relative_to(root)}\n" for file in settings))
    (control / "md5sums").write_text(
        "".join(
            f"{hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()}  {file.relative_to(root)}\n"
            for file in files
            if file not in settings
        )
    )
