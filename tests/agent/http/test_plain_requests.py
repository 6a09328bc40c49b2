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
