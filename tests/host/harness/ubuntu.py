"""Where Ubuntu's packages come from, and the keys that they are signed with, which Debian does not have."""

import hashlib
import subprocess
from pathlib import Path

from harness import image

_ARCHIVE = "http://archive.ubuntu.com/ubuntu"
_KEYRING = f"{_ARCHIVE}/pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb"
_KEYRING_SHA256 = "36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8"


def sources() -> str:
    """Return the lines of a sources.list for Ubuntu 24.04."""
    keyring = (
        image.made_once("ubuntu-keyring", _unpack_keyring) / "usr/share/keyrings/ubuntu-archive-keyring.gpg"
    )
    suites = ("noble", "noble-updates", "noble-security")
    return "".join(f"deb [signed-by={keyring}] {_ARCHIVE} {suite} main universe\n" for suite in suites)


def _unpack_keyring(directory: Path) -> None:
    fetched = subprocess.run(
        ["curl", "-sSf", "--max-time", "60", _KEYRING], check=True, capture_output=True
    ).stdout
    if hashlib.sha256(fetched).hexdigest() != _KEYRING_SHA256:
        raise OSError(f"{_KEYRING} is another file than the one whose hash is known")
    package = directory / "keyring.deb"
    package.write_bytes(fetched)
    subprocess.run(["dpkg-deb", "--extract", package, directory], check=True)
