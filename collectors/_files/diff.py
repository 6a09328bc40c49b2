"""Which text may be told, and the unified diff of it. Pure.

`auto` asks whether everybody on the host may read the file anyway; some files are never told, whatever
is configured; and what is told was masked before it was remembered.
"""

import difflib
import re
import stat
import zlib
from collections.abc import Sequence

from collectors._files.selection import Choice
from collectors._redaction.redact import Redactor

MAX_TEXT_BYTES = 256 * 1024
MAX_LINES = 2000
MAX_DIFF_BYTES = 48 * 1024
CUT = "… cut: the rest of this diff is too large for an event\n"

NEVER = re.compile(
    r".*/(?:"
    r"g?shadow-?|(?:o|master\.)passwd"
    r"|sudoers(?:\.d/.*)?"
    r"|ssl/private/.*"
    r"|(?:.*/)?letsencrypt/.*"
    r"|ssh_host_[^/]*_key[^/]*"
    r"|[^/]*\.(?:key|pem|ppk|keytab|secrets?|htpasswd)"
    r"|\.?(?:pgpass|netrc|htpasswd|htdigest|vault[_\-]pass(?:word)?|git-credentials)[^/]*"
    r"|sasl_passwd[^/]*|passwd\.client|dovecot/(?:users|passwd)"
    r"|(?:[^/]*[_.\-])?(?:secrets?|credentials)(?:\.(?:ya?ml|json|toml|ini|env|txt))?"
    r"|(?:[^/]*[_\-])?(?<!/common-)(?:password|token|api[_\-]?key)(?:\.txt)?"
    r"|run/secrets/.*"
    r")"
)
"""Files of secrets, by whose names nobody can tell one value from another: only their hash is remembered and told."""

_SMALL = 512
"""Bytes below which compressing costs more than it saves."""


def may_tell(paths: Sequence[str], choice: Choice, *, mode: int, is_public: bool) -> bool:
    """Return whether a file's text may be remembered, masked, and shown in a diff.

    `paths` are all the names it goes by; `is_public` says that everybody may pass through all its parents.
    """
    if choice.diff == "never" or any(NEVER.fullmatch(path) for path in paths):
        return False
    if choice.diff == "always" and choice.is_literal:
        return True
    everybody_reads = bool(mode & stat.S_IROTH)
    return everybody_reads and (is_public or choice.diff == "always")


def text_of(
    data: bytes, paths: Sequence[str], choice: Choice, redactor: Redactor, *, mode: int, is_public: bool
) -> bytes:
    """Return the masked text of `data`, compressed; empty when there is none to tell."""
    if len(data) > MAX_TEXT_BYTES or not may_tell(paths, choice, mode=mode, is_public=is_public):
        return b""
    if b"\0" in data or data.count(b"\n") > MAX_LINES:
        return b""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return b""
    return compress(redactor.mask(text))


def compress(text: str) -> bytes:
    """Return `text` in little space; never empty."""
    data = text.encode()
    if len(data) < _SMALL:
        return b"t" + data
    deflate = zlib.compressobj(1, zlib.DEFLATED, -12, 3)
    return b"z" + deflate.compress(data) + deflate.flush()


def decompress(stored: bytes) -> str | None:
    """Return the text that `compress` was given; None where nothing was stored."""
    if not stored:
        return None
    data = stored[1:]
    return (zlib.decompress(data, -12) if stored[:1] == b"z" else data).decode()


def unified(path: str, old: str | None, new: str | None) -> str:
    """Return the unified diff from one text to another (None: there was none), cut to what an event may hold."""
    lines = difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        (new or "").splitlines(keepends=True),
        path if old is not None else "/dev/null",
        path if new is not None else "/dev/null",
    )
    out: list[str] = []
    size = 0
    for line in lines:
        whole = line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
        size += len(whole.encode())
        if size > MAX_DIFF_BYTES:
            out.append(CUT)
            break
        out.append(whole)
    return "".join(out)
