"""One word for whatever a collector reads and tells that is no file's text: it passes here before it is sent.

Names of files, targets of links, messages and titles of Puppet, lines of a log, arguments of a process:
people put secrets into all of them. The key is of this run alone, since such a text is never compared.
"""

import os
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors._redaction.redact import Redactor


@lru_cache(maxsize=1)
def _redactor() -> "Redactor":
    from collectors._redaction.redact import Redactor

    return Redactor(os.urandom(32))


def without_secrets(text: str) -> str:
    """Return `text` with what looks like a secret masked; its lines stay lines."""
    return _redactor().mask(text)
