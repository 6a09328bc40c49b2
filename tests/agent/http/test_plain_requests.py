import subprocess
import sys


def test_what_guesses_encodings_is_not_loaded_with_the_client_and_nothing_complains_of_that():
    script = (
        "import sys, agent.http.transport; print(*sys.modules);"
        "import charset_normalizer; assert charset_normalizer.from_bytes(b'a').best()"
    )
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "requests" in loaded
    assert not {"charset_normalizer", "chardet"} & loaded
    assert done.stderr == ""


def test_the_metadata_of_packages_is_loaded_by_who_asks_for_it_and_not_with_the_client():
    script = (
        "import sys, agent.http.transport; print(*sys.modules);"
        "from urllib3 import http2; assert http2.version('urllib3').startswith('2');"
        "import importlib.metadata; assert importlib.metadata.version is not http2.version"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert "urllib3.http2" in loaded
    assert not {"importlib.metadata", "csv"} & loaded
    assert done.stderr == ""


def test_who_asks_for_more_of_the_metadata_while_the_client_is_loaded_gets_the_real_one():
    script = (
        "import sys\nfrom agent.http.plain_requests import _without_metadata\n"
        "with _without_metadata():\n"
        "    from importlib.metadata import version\n"
        "    from importlib.metadata import PackageNotFoundError\n"
        "    import importlib.metadata._meta\n"
        "try:\n    version('no such package')\nexcept PackageNotFoundError:\n    print('none')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == "none\n"
