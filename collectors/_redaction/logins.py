"""Files that are nothing but logins or one secret: a user on one line and the password on the next, a host beside its key. Pure.

OpenVPN's `auth-user-pass FILE`, racoon's `psk.txt`, the servers of pam_radius and a key by itself look so: no name says there
what is secret, only that the whole text has no other shape. So every line has to have it, and one at least has to look like a secret.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from collectors._redaction.extent import Span
from collectors._redaction.tokens import body_of
from collectors._redaction.values import KINDS, is_random, kind_of, looks_secret

MOST_LINES = 64
"""A text of more is none of these."""
_USER = re.compile(r"[a-zA-Z][\w.@+\-]{0,63}")
_PASSWORD = re.compile(r"[^\s:<>{}\[\]()\"',;=]{5,64}")


def passwords_by_turns(lines: Sequence[str]) -> frozenset[int]:
    """Return which lines are passwords: every second one, where each line is one word and only the second ones look like secrets."""
    if len(lines) > MOST_LINES or " " in lines[0].strip(" \t#;/"):
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


def passwords_by_form(lines: Sequence[str]) -> Mapping[int, Span]:
    """Return where in which lines the passwords stand, where every line has the same form: a host and its key, one word alone."""
    if len(lines) > MOST_LINES or not _may_have_form(lines):
        return {}
    rows = _rows(lines)
    first = rows[0][1] if rows else ""
    for form, is_sure in _FORMS:
        if form.fullmatch(first) is None:
            continue
        found = [(index, start, form.fullmatch(text)) for index, text, start in rows]
        if all(row for *_, row in found) and any(row and is_sure(row) for *_, row in found):
            return {
                index: Span(start + row.start("value"), start + row.end("value"))
                for index, start, row in found
                if row
            }
    word = _alone(rows, lines)
    return {word[0]: Span(word[1], word[2])} if word else {}


def _may_have_form(lines: Sequence[str]) -> bool:
    """Return whether the last line that says something has one of the forms: this is quick to say of most texts."""
    last = next((line for line in reversed(lines) if line and not line.isspace()), "")
    text = last.strip(" \t\r#;/")
    return _any_form().fullmatch(text) is not None


@cache
def _any_form() -> re.Pattern[str]:
    forms = (form.pattern.replace("(?P<value>", "(?:") for form in (_KEY, *(it for it, _ in _FORMS)))
    return re.compile("|".join(f"(?:{form})" for form in forms))


def _rows(lines: Sequence[str]) -> list[tuple[int, str, int]]:
    """Return the lines that say something, without comments: in a text of comments those under the fewest signs are meant."""
    rows = []
    for index, line in enumerate(lines):
        body = body_of(line)
        if text := line[body.start :].rstrip():
            rows.append((len(body.marker), index, text, body.start))
    least = min((marks for marks, *_ in rows), default=0)
    return [(index, text, start) for marks, index, text, start in rows if marks == least]


def _is_mixed(row: re.Match[str]) -> bool:
    """Return whether a value has digits, small letters and capitals, as the name of no host has."""
    return looks_secret(row["value"]) and {kind_of(letter) for letter in row["value"]} >= set(KINDS)


def _is_secret(row: re.Match[str]) -> bool:
    return looks_secret(row["value"])


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = tuple(
    (re.compile(expression), is_sure)
    for expression, is_sure in (
        (
            r"(?:\d{1,3}\.){3}\d{1,3}\s++(?P<value>[^\s:/@\[\].]{4,64})",
            _is_mixed,
        ),  # racoon; /etc/hosts names no such host
        (
            r"(?=\S{0,80}(?:[a-zA-Z]\.|\.[a-zA-Z])|(?:\d{1,3}\.){3})[\w.\-]++\s++(?P<value>[^\s:/@\[\].]{4,64})(?:\s++\d{1,3})?",
            lambda row: _is_mixed(row) or (row[0][0].isalpha() and looks_secret(row["value"])),
        ),  # racoon, radiusclient, pam_radius
        (r"[\w.\-]++(?::\d{1,5})?\s++(?P<value>[^\s:/@\[\].]{4,64})\s++\d{1,3}", _is_secret),  # pam_radius
        (
            r"(?:(?:keyid|vlanid|wps)=\S{1,40}\s++){0,3}(?:[\da-fA-F]{2}:){5}[\da-fA-F]{2}\s++(?P<value>\S{8,63})",
            lambda row: _is_mixed(row) or "=" in row[0],
        ),  # hostapd.wpa_psk
        (r"[\w.\-]++\s++[\w.@+\-]++:(?P<value>[^\s:/]{4,64})", _is_secret),  # OpenSMTPD
        (r"[\w.@+\-]{1,64}+:(?P<value>[^\s:/{$]{4,64})", _is_secret),  # users and their passwords
        (
            r"(?:admin|root|user|guest|system|manager|operator|monitor|[\w.\-]++@[\w.\-]++)\s?=\s?(?P<value>[^\s=,/]{4,64})",
            _is_secret,
        ),  # ActiveMQ
    )
)
_KEY = re.compile(r"[^\s:.\"'<>(){}\[\],;=/\\]{8,128}={0,2}")
_LONG_KEY = 16
_HASH = 40
_ODD = frozenset("!#$%&*+?^~")


def _alone(rows: Sequence[tuple[int, str, int]], lines: Sequence[str]) -> tuple[int, int, int] | None:
    """Return the line, the beginning and the end of the one word that a file holds, where it is a secret.

    Names and versions are one word, too, which end with no line; so a word that no line ends is none.
    """
    if len(rows) != 1 or len(lines) == 1 or _KEY.fullmatch(rows[0][1]) is None:
        return None
    index, text, start = rows[0]
    kinds = {kind_of(letter) for letter in text}
    is_hash = len(text) <= _HASH and re.fullmatch(r"[0-9a-f]++", text) is not None  # /etc/machine-id
    is_key = (
        kinds >= set(KINDS)
        or (looks_secret(text) and not _ODD.isdisjoint(text))
        or (len(text) >= _LONG_KEY and is_random(text) and not is_hash)
    )
    return (index, start, start + len(text)) if is_key and looks_secret(text) else None
