"""What is masked on a host is what is masked here: its own Python reads our expressions alike."""

import json
from pathlib import Path

import pytest

from collectors._redaction.redact import Redactor

pytestmark = pytest.mark.every_debian

COLLECTORS = Path(__file__).parents[1] / "collectors"
TEXTS = [
    before + before.join(form["text"].splitlines(keepends=True))
    for name in ("corpus", "forms", "products")
    for form in json.loads((COLLECTORS / f"redaction_{name}.json").read_text())["forms"]
    for before in ("", "# ")
]
KEY = b"k" * 32
MASKS = f"""
import json
from collectors._redaction.redact import Redactor
redactor = Redactor({KEY!r})
texts = json.load(open("/root/texts.json"))
print(json.dumps([[redactor.mask(text), redactor.mask_strictly(text)] for text in texts]))
"""


def test_every_form_of_a_secret_is_masked_by_the_hosts_own_python_as_by_this_one(host):
    host.write("/root/texts.json", json.dumps(TEXTS))
    done = host.run_without_init("/opt/sts-agent/bin/python", "-c", MASKS)
    here = Redactor(KEY)
    for text, there in zip(TEXTS, json.loads(done.stdout), strict=True):
        assert there == [here.mask(text), here.mask_strictly(text)]
