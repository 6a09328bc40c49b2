import hashlib
import subprocess
import sys

import pytest

from collectors._sha256 import SMALL_BYTES, fast_sha256, sha256_of


@pytest.mark.parametrize("size", [0, 1, 4096, SMALL_BYTES, SMALL_BYTES + 1])
def test_the_digest_is_that_of_hashlib_whatever_the_size(size):
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert sha256_of(data) == fast_sha256()(data) == hashlib.sha256(data).digest()


def said_by(script):
    """Return what a Python of its own prints."""
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout


def test_what_is_small_brings_no_openssl():
    small = "import sys; from collectors._sha256 import sha256_of; sha256_of(b'small')"
    assert said_by(f"{small}; print('_hashlib' in sys.modules)") == "False\n"


def test_a_python_without_the_quick_way_still_has_the_digest():
    without = "import sys; sys.modules.update({'_sha2': None, '_sha256': None})"
    digest = "from collectors._sha256 import sha256_of; print(sha256_of(b'').hex()[:8])"
    assert said_by(f"{without}; {digest}") == "e3b0c442\n"


def test_the_fast_way_is_at_hand_once_somebody_has_loaded_it():
    script = "from collectors._sha256 import fast_sha256, is_fast_at_hand as at_hand; print(at_hand(), fast_sha256() and at_hand())"
    assert said_by(script) == "False True\n"
