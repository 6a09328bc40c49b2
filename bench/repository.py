"""A flat repository of apt with packages made here, on the disk of a host: what apt upgrades there is small, and real."""

import gzip
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

Trees = Mapping[str, Mapping[str, bytes]]
"""What each package brings, by its path without the leading slash."""


def publish(place: Path, trees: Trees, version: str) -> None:
    """Put a version of these packages into the repository at `place`, and nothing else into its index."""
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, files in trees.items():
            _build(Path(scratch), name, version, files)
        for package in Path(scratch).glob("*.deb"):
            shutil.copy(package, place)
    _index(place, [f"{name}_{version}.deb" for name in trees])


def _build(scratch: Path, name: str, version: str, files: Mapping[str, bytes]) -> None:
    tree = scratch / name
    control = tree / "DEBIAN"
    control.mkdir(parents=True, mode=0o755)
    tree.chmod(0o755)
    for path, content in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
        (tree / path).chmod(0o755 if "bin/" in path else 0o644)
    (control / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <n@example.com>\nDescription: an example\n"
    )
    settings = [f"/{path}" for path in files if path.startswith("etc/")]
    if settings:
        (control / "conffiles").write_text("".join(f"{path}\n" for path in settings))
    if name == "initiated":
        script = control / "postinst"
        script.write_text("#!/bin/sh\nupdate-rc.d initiated defaults\n")
        script.chmod(0o755)
    if any(path.endswith(".service") for path in files):
        script = control / "postinst"
        script.write_text(
            f"#!/bin/sh\nset -e\nsystemctl --quiet enable {name}.service\n"
            f"[ ! -d /run/systemd/system ] || {{ systemctl daemon-reload; systemctl restart {name}.service; }}\n"
        )
        script.chmod(0o755)
    command = ["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, scratch / f"{name}_{version}.deb"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _index(place: Path, names: list[str]) -> None:
    """Write what apt reads of a flat repository: Packages and Release."""
    entries = []
    for name in names:
        data = (place / name).read_bytes()
        fields = subprocess.run(
            ["dpkg-deb", "-f", place / name], check=True, capture_output=True, text=True
        ).stdout
        entries.append(
            f"{fields}Filename: ./{name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
        )
    packages = "\n".join(entries).encode()
    hashes = []
    for name, data in (("Packages", packages), ("Packages.gz", gzip.compress(packages, mtime=0))):
        (place / name).write_bytes(data)
        hashes.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}\n")
    (place / "Release").write_text(f"Origin: Night\nLabel: Night\nSuite: stable\nSHA256:\n{''.join(hashes)}")
