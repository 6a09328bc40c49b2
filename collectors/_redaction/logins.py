"""Files that are nothing but logins: a user on one line, the password on the next. Pure.

OpenVPN's `auth-user-pass FILE` and vsftpd's list of virtual users look so: no name says there what is secret, only that
the whole text has no other shape.
"""

import re
from collections.abc import Iterator, Sequence

from collectors._redaction.tokens import body_of
from collectors._redaction.values import looks_secret

_MOST_LINES = 64
_USER = re.compile(r"[a-zA-Z][\w.@+\-]{0,63}")
_PASSWORD = re.compile(r"[^\s:<>{}\[\]()\"',;=]{5,64}")


def passwords_by_turns(lines: Sequence[str]) -> frozenset[int]:
    """Return which lines are passwords: every second one, where each line is one word and only the second ones look like secrets."""
    if len(lines) > _MOST_LINES or " " in lines[0].strip(" \t#;/"):
        return frozenset()
    words = list(_words(lines))
    users, passwords = words[::2], words[1::2]
    if len(words) % 2 or not all(_USER.fullmatch(word) and not looks_secret(word) for _, word in users):
        return frozenset()
    if not all(_PASSWORD.fullmatch(word) and looks_secret(word) for _, word in passwords):
        return frozenset()
    return frozenset(index for index, _ in passwords)


def _words(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    for index, line in enumerate(lines):
        if text := line[body_of(line).start :].strip():
            yield index, text
