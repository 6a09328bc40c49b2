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


def test_what_the_client_is_never_asked_for_is_not_loaded_with_it_and_is_there_when_somebody_asks():
    script = (
        "import sys, agent.http.transport; print(*sys.modules);"
        "from requests.compat import parse_http_list; assert parse_http_list('a, b') == ['a', 'b'];"
        "from requests.utils import extract_zipped_paths; assert extract_zipped_paths('/') == '/';"
        "from requests import Request; assert Request('GET', 'http://b\\xfccher.example').prepare().url == 'http://xn--bcher-kva.example/';"
        "from requests.cookies import create_cookie; create_cookie('a', 'b')"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert not {
        "idna",
        "importlib.metadata",
        "mimetypes",
        "shutil",
        "tempfile",
        "urllib.request",
        "zipfile",
    } & set(done.stdout.split())
