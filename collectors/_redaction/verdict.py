"""Verdicts: whether a value is a secret, given what its key sounds like and how it stands there. Pure."""

import re

from collectors._redaction.secrets import Sounds
from collectors._redaction.tokens import words_in
from collectors._redaction.values import (
    MAX_VALUE,
    is_encoded_pair,
    is_harmless,
    is_plain,
    is_random,
    is_reference,
    looks_secret,
)

_PIN = re.compile(r"(?:pin|puk|otp|pass|code)[0-9]*+$", re.IGNORECASE)
PAM = words_in("required requisite sufficient optional include substack binding [success [default")
"""What a line of /etc/pam.d says behind `password`, which is a kind of module there."""
_SWITCH = words_in(
    "files compat systemd db dns sss ldap nis nisplus winbind mymachines cache wins resolve myhostname "
    "sudo usrfiles"
)


def is_masked(name: str, level: Sounds, value: str) -> bool:
    """Return whether the value of a key of this name is masked."""
    value = _COMMENT.sub("", value[:MAX_VALUE]).strip() if len(value) <= MAX_VALUE else value
    if is_harmless(value):
        return False
    if level >= Sounds.SECRET:
        return not is_reference(value)
    if level == Sounds.LIKELY:
        is_pin = _PIN.search(name) is not None and value.isdigit()
        return is_pin or not is_plain(value)
    first = value.split(None, 1)[0]
    if "://" in first:  # what a URL holds is looked at for itself
        return False
    if _PAIR_NAME.search(name) and (found := _SLASHED.fullmatch(first)) and looks_secret(found["value"]):
        return True
    if _USER.search(name):
        return _is_pair(first)
    return (
        is_encoded_pair(first)
        or looks_secret(first)
        or is_random(first[:MAX_VALUE])
        or _is_pair(first)
        or _is_pin(name, first)
    )


_LONG_NUMBER = 16
"""A number of so many digits is no size and no time."""
_USER = re.compile(r"(?:user|login|username|user[_-]name)$", re.IGNORECASE)
_PAIR_NAME = re.compile(r"(?:login|auth|credentials?|creds?)$", re.IGNORECASE)
_SLASHED = re.compile(r"[\w.@\-]++/(?P<value>[^\s/]++)")
_COMMENT = re.compile(r"(?<=\s)[#;]\s.*+$")
_BELOW = re.compile(r"(?:[|>][+\-0-9]*+|\\++)?\s*+(?:#(?:\s.*+)?)?")


def is_below(rest: str) -> bool:
    """Return whether a value stands on the lines below: nothing follows its key but YAML's sign for a block, or a comment.

    `#secret` is a value in most formats, so what no blank sets off is no comment.
    """
    return len(rest) <= MAX_VALUE and _BELOW.fullmatch(rest) is not None


_HERE = re.compile(r"(?:\$\(\w{1,20} )?<<[\-~]?[\"']?(?P<end>[A-Za-z_]\w{0,40}+)[\"']?\)?\s*+")


def here_document(rest: str) -> str:
    """Return the line that ends the lines below which are a value: of `<<EOF`; empty where a value is none of that kind."""
    found = _HERE.fullmatch(rest)
    return found["end"] if found is not None else ""


def is_switched(name: str, value: str) -> bool:
    """Return whether this is a line of nsswitch.conf, which names sources and no secrets."""
    return name in {"passwd", "passwd_compat"} and all(
        word in _SWITCH or word[0] in "[!=]" or word.endswith("]") for word in value.split()
    )


def _is_pair(value: str) -> bool:
    user, colon, password = value.partition(":")
    if not colon:
        user, colon, password = value.partition("%")
        return bool(user and colon) and looks_secret(password)
    return (
        bool(colon and user and password)
        and user != password
        and not is_plain(value)
        and not password.startswith("/")
        and "/" not in user
    )


def _is_pin(name: str, value: str) -> bool:
    digits = value.replace("-", "")
    is_long = name.lower().endswith("key") and len(digits) >= _LONG_NUMBER
    return digits.isdigit() and (is_long or (_PIN.search(name) is not None and len(digits) >= 4))  # noqa: PLR2004 - `1` is a number
