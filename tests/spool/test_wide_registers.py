"""What ISA-L leaves in use is left after each segment, by OpenSSL, which is loaded for a burst and for nothing smaller."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADED = "'_hashlib' in sys.modules"
made_for_isal = pytest.mark.skipif(
    platform.machine() not in {"x86_64", "aarch64"}, reason="made for other processors"
)


def printed(script):
    """Return what a process of its own prints, which has loaded nothing yet."""
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; from spool import compress, deflate; {script}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return ran.stdout.split()


@made_for_isal
def test_openssl_is_loaded_for_a_burst_and_not_for_some_large_segments():
    many = "[compress(b'a' * 5000) for _ in range({})]"
    script = f"{many.format(15)}; print({LOADED}); {many.format(1)}; print({LOADED})"
    assert printed(script) == ["False", "True"]


@made_for_isal
def test_where_openssl_is_there_the_first_segment_ends_by_it():
    script = (
        "registers = deflate._WideRegisters(); registers.leave(); before = registers._hash; import _hashlib;"
        " registers.leave(); print(before, registers._hash.__self__.name)"
    )
    assert printed(script) == ["None", "sha512"]


def test_where_zlib_compresses_nothing_is_left_and_openssl_not_loaded():
    script = (
        "sys.modules['isal'] = sys.modules['isal.isal_zlib'] = None;"
        f" [compress(b'a' * 5000) for _ in range(40)]; print({LOADED})"
    )
    assert printed(script) == ["False"]


@made_for_isal
def test_without_openssl_segments_are_made_all_the_same():
    script = (
        "sys.modules['hashlib'] = None;"
        " print(len({compress(b'a' * 5000).deflated for _ in range(40)}), deflate.best_for(1).name)"
    )
    assert printed(script) == ["1", "isal"]
