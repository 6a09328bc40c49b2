"""Sections of an INI file whose keys are users: `[users]` of Subversion, `[admins]` of CouchDB. Pure.

No name of a key says there that its value is a password; the section's does.
"""

import re
from collections.abc import Iterator

from collectors._redaction.values import is_plain, looks_secret

_HEADER = re.compile(
    r"^[ \t]*+(?:#|//|;)?[ \t]*+\[(?P<name>admins|passwords|secrets|credentials|users|accounts|logins|tokens)\][ \t\r]*+$",
    re.MULTILINE | re.IGNORECASE,
)
_HEADERS = tuple(
    f"[{name}]"
    for name in ("admins", "passwords", "secrets", "credentials", "users", "accounts", "logins", "tokens")
)
_UNSURE = frozenset({"users", "accounts", "logins"})
"""Sections that hold settings too, in other files: there a value has to look like a secret."""
_ENTRY = re.compile(
    r"[ \t]*+(?:#++|//|;)?[ \t]*+(?P<key>[\w.@\-]{1,64}+)[ \t]*+[=:][ \t]*+(?P<value>\S{1,256}+)[ \t\r]*+"
)
_MOST_ENTRIES = 1000
_BLOCK = re.compile(
    r"""^(?P<before>[ \t]*+(?:#|//|;)?[ \t]*+)["']?[\w\-]{0,40}?(?:users|accounts|logins|oauth|keys|tokens)["']?[ \t]*+:[ \t]*+\{?[ \t\r]*+$""",
    re.MULTILINE | re.IGNORECASE,
)
"""The line above such entries in YAML and JSON: `users:`, `"github-oauth": {`."""
_BLOCKS = ("users", "accounts", "logins", "oauth", "keys", "tokens")
_ENDS = (":", '":', "':", " :")
"""What stands behind the word; other blanks than one space are not looked for."""
_MEMBER = re.compile(
    r"""(?P<before>[ \t]*+(?:#|//|;)?[ \t]*+)["']?(?P<key>[\w.@\-]{1,64}+)["']?[ \t]*+:[ \t]++["']?(?P<value>[^\s"'{}\[\],]{6,256}+)["']?,?[ \t\r]*+"""
)
_SETTINGS = frozenset(
    {
        "name",
        "id",
        "type",
        "host",
        "group",
        "groups",
        "home",
        "shell",
        "role",
        "roles",
        "mail",
        "email",
        "url",
        "file",
        "path",
    }
)
"""What is said of one user, and is no user's name."""


def users_in(text: str, low: str) -> Iterator[str]:
    """Yield the names of the keys that are users with their passwords; `low` has each of the text's lines in small letters."""
    if _may_have_members(low):
        yield from _members(text)
    if not may_have_users(text, low):
        return
    for found in _HEADER.finditer(text):
        is_unsure = found["name"].lower() in _UNSURE
        for line in _lines_below(text, found.end() + 1):
            entry = _ENTRY.fullmatch(line)
            if entry is not None and _is_password(
                entry["value"], is_unsure=is_unsure and "@" not in entry["key"]
            ):
                yield entry["key"].rpartition("@")[2]


def _members(text: str) -> Iterator[str]:
    """Yield the keys right below `users:` and its kin whose values look like secrets."""
    for found in _BLOCK.finditer(text):
        depth = 0
        for line in _lines_below(text, found.end() + 1):
            member = _MEMBER.fullmatch(line)
            indent = len(member["before"]) if member else 0
            if member is None or indent <= len(found["before"]) or indent != (depth or indent):
                break
            depth = indent
            if member["key"].lower() not in _SETTINGS and looks_secret(member["value"]):
                yield member["key"]


def _may_have_members(low: str) -> bool:
    """Return whether `users:` or its kin may be in a text: few texts have any, and this is quick to say."""
    return ":" in low and any(name in low and any(name + end in low for end in _ENDS) for name in _BLOCKS)


def may_have_users(text: str, low: str) -> bool:
    """Return whether one of the sections may be in a text: few texts have any, and this is quick to say."""
    if "[" not in low:
        return False
    # Beyond ASCII there are letters that are an `s` or a `k` only where case is ignored.
    return not text.isascii() or any(header in low for header in _HEADERS)


def _lines_below(text: str, start: int) -> Iterator[str]:
    """Yield the lines of a section, to its end."""
    for _ in range(_MOST_ENTRIES):
        end = text.find("\n", start)
        line = text[start : end if end >= 0 else len(text)]
        if end < 0 or line.lstrip(" \t#;/").startswith("["):
            return
        yield line
        start = end + 1


def _is_password(value: str, *, is_unsure: bool) -> bool:
    return looks_secret(value) if is_unsure else not is_plain(value)
