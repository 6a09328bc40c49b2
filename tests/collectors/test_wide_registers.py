"""What ISA-L leaves in use is left by OpenSSL where that is loaded anyway, and it is loaded for nothing of the kind."""

import subprocess
import sys

import pytest

isal = pytest.importorskip("isal", reason="made for other processors")


def printed(script):
    """Return what a process of its own prints, which has loaded nothing yet."""
    begin = "import sys; from collectors._files import diff, wide_registers;"
    ran = subprocess.run(
        [sys.executable, "-c", f"{begin} {script}"], check=True, capture_output=True, text=True
    )
    return ran.stdout.split()


def test_openssl_is_not_loaded_to_leave_them():
    script = "diff.compress(b'a' * 5000); wide_registers.leave(); print('isal' in sys.modules, '_hashlib' in sys.modules)"
    assert printed(script) == ["True", "False"]


def test_they_are_left_by_openssl_where_it_is_loaded():
    script = (
        "import hashlib; wide_registers.leave(); print(wide_registers._by_openssl.cache_info().currsize);"
        " diff.compress(b'a' * 5000); wide_registers.leave(); print(wide_registers._by_openssl.cache_info().currsize,"
        " wide_registers._by_openssl().__self__.name)"
    )
    assert printed(script) == ["0", "1", "sha512"]
