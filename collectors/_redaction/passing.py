"""One word for whatever a collector reads and tells that is no file's text: it passes here before it is sent.

Names of files, targets of links, messages and titles of Puppet, lines of a log, arguments of a process:
people put secrets into all of them. The key is of this run alone, since such a text is never compared.
"""

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors._redaction.redact import Redactor


_NAME = re.compile(r"(?:\d{1,9}:)?[\w.+~^\-]{1,256}")


@lru_cache(maxsize=1)
def _redactor() -> "Redactor":
    from collectors._redaction.redact import Redactor

    return Redactor(os.urandom(32))


def unit_without_secrets(unit: str) -> str:
    """Return the name of a unit, with what looks like a secret in its instance masked: of `app@token=….service`, escaped."""
    if (
        "\\x3d" not in unit
        and "\\x3a" not in unit
        and "://" not in unit
        and not unit.partition("@")[2].count(":")
    ):
        return unit  # nothing that gives a name a value
    plain = unit.replace("\\x3d", "=").replace("\\x3a", ":").replace("\\x2d", "-").replace("\\x20", " ")
    body, dot, suffix = plain.rpartition(".")
    instance, at, value = body.partition("@")
    shown = without_secrets(value)
    return f"{instance}{at}{shown}{dot}{suffix}" if shown != value else unit


def name_without_secrets(name: str) -> str:
    """Return a name or a version that was made to be told apart, as a package's, without what announces a secret in it.

    Its letters and digits may look drawn by lot, as those of a commit in a version: so without a sign that gives a value, only
    what has the shape of a known token is masked.
    """
    from collectors._redaction.shapes import TOKEN

    is_plain = _NAME.fullmatch(name) is not None and TOKEN.search(name) is None
    return name if is_plain else without_secrets(name)


def without_secrets(text: str) -> str:
    """Return `text` with what looks like a secret masked; its lines stay lines."""
    redactor = _redactor()
    masked = redactor.mask(text)
    redactor.forget()  # it stays for as long as the agent runs
    return masked
