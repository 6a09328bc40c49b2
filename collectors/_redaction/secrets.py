"""What secrets look like in configuration files: names of keys, shapes of values, randomness. Pure."""

import re
from itertools import pairwise

_QUALIFIED_KEYS = (
    "api|access|encryption|signing|shared|master|licen[cs]e|account|storage|auth|service|app|ssh|pgp|gpg"
)
KEY_NAME = (
    r"(?!(?:proxy|fastcgi|uwsgi|scgi|grpc|memcached)_?pass\b)"  # nginx and Apache: where to pass requests to
    r"(?!private key(?: block)?-----)"  # the first line of a PEM block
    r"(?>[\w.\-]*?(?:pass|pwd|secret|token|private|community|authorization|credential|psk\b|salt\b"
    rf"|(?:{_QUALIFIED_KEYS})[_\-]?key|masterauth|sasl|cookie[_\-]?(?:secret|key|value))[\w.\-\]]*+)"
)
"""The name of a key whose value is masked; the word may be a part of a longer one (`db_password`)."""

ASSIGNED = re.compile(
    rf"""(?P<before>(?<![\w.\-])\[?["']?{KEY_NAME}["']?\]?\s*(?:=>|:=|\+=|\?=|=|:(?!//))\s*)(?=\S)""",
    re.IGNORECASE,
)
"""`db_password = …`, `"token": …`, `$config['secret'] = …`"""

SPACED = re.compile(rf"""(?P<before>(?:^|[\s"'])-{{0,2}}{KEY_NAME}["']?[ \t]+)(?=[^\s=:])""", re.IGNORECASE)
"""`requirepass …`, `--password …`, `rocommunity …`"""

ELEMENT = re.compile(rf"(?P<before><{KEY_NAME}(?:\s[^<>]*)?>)(?P<value>[^<]+)", re.IGNORECASE)
USERINFO = re.compile(r"(?P<before>(?<![\w+.\-])[a-zA-Z][\w+.\-]*+://)(?P<value>[^\s/\"'<>]+)(?=@)")
SCHEME = re.compile(
    r"(?P<before>\b(?:bearer|basic|digest|negotiate)\s+)(?P<value>[\w+/=.~\-]{6,})", re.IGNORECASE
)
USER_OPTION = re.compile(r"(?P<before>(?:^|\s)(?:-u|--user|--proxy-user)[ =])(?P<value>[^\s:]+:\S+)")
BLOCK = re.compile(
    rf"""^(?P<indent>\s*+(?:-\s++)?)["']?(?:(?P<secret>{KEY_NAME})|data|stringData)["']?\s*+[:=]\s*+(?:[|>][+\-0-9]*|[{{\[])?\s*+$""",
    re.IGNORECASE,
)
"""A key whose value stands on the lines below, deeper."""

KUBERNETES_SECRET = re.compile(r"""^[ \t]*+["']?kind["']?[ \t]*+:[ \t]*+["']?Secret\b""", re.MULTILINE)
PEM = re.compile(
    r"(?P<first>-----BEGIN (?P<label>[A-Z0-9 ]+)-----)(?P<value>.*?)(?P<last>-----END (?P=label)-----|\Z)",
    re.DOTALL,
)
SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}"
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w\-]{16,}"
    r"|xox[a-z]-[A-Za-z0-9\-]{8,}"
    r"|eyJ[\w\-]{5,}\.[\w\-]{5,}(?:\.[\w\-]*)?"
    r"|[sr]k_(?:live|test)_\w{8,}|AIza[\w\-]{30,})"
    r"|\$(?:1|2[abxy]?|5|6|7|y|gy|apr1|argon2[a-z]*|scrypt|pbkdf2[\w\-]*)\$[^\s:\"']+"
)
LONG = re.compile(r"[A-Za-z0-9+/_=\-]{20,}")
MASKED = re.compile(r"<masked:[0-9a-f]{12}>")
SCALAR = re.compile(
    r"""(?P<quote>["'])(?P<quoted>(?:\\.|(?!(?P=quote)).)*)(?P=quote)|(?P<bare>[^\s,;\[\]{}:="']+)"""
)
HARMLESS = frozenset({"", "yes", "no", "true", "false", "on", "off", "null", "none", "nil", "~", "\\"})
"""Values that are no secret whatever their key is called (`PasswordAuthentication no`)."""

MAX_LINE = 4096
"""A longer line is not taken apart."""

_KEY = re.compile(KEY_NAME, re.IGNORECASE)
_HINT = re.compile(
    rb"p(?:ass|wd|rivate|sk)|s(?:ecret|alt|asl|k_)|token|c(?:ommunity|redential|ookie)|a(?:uthorization|kia)"
    rb"|masterauth|b(?:e(?:gin|arer)|asic) |digest |negotiate |xox|eyj|rk_|glpat"
    rb"|\$(?:[12567y]|gy\$|apr1|argon|scrypt|pbkdf)|-u[ =]|--(?:proxy-)?user"
)
"""Something of each expression above, in lower case; one expression, because this runs over every text."""

_KEY_HINT = re.compile(rb"key(?:(?<=[a-z]key)|(?<=[a-z][_\-]key))")
"""A key that something qualifies, as `api_key`."""

_RUN = b"a" * 20
_RUNS = bytes(97 if chr(c).isascii() and (chr(c).isalnum() or chr(c) in "+/_=-") else 32 for c in range(256))


def is_secret_key(name: str) -> bool:
    """Return whether the value of a key of this name is masked."""
    return _KEY.fullmatch(name) is not None


def may_hold_secrets(text: str) -> bool:
    """Return False only when nothing in `text` would be masked; quick, because most text holds nothing."""
    low = text.encode("utf-8", "surrogatepass").lower()
    if _HINT.search(low) or _KEY_HINT.search(low) or (b"://" in low and b"@" in low):
        return True
    return _RUN in low.translate(_RUNS) and any(map(is_random, LONG.findall(text)))


_FEW_CHANGES = 0.2
_MANY_CHANGES = 0.4


def is_random(text: str) -> bool:
    """Return whether a long run of characters looks drawn by lot, not written by a person.

    In random text the kind of character (digit, small, capital) changes every second or third time; in
    words, paths and CamelCase it seldom does.
    """
    kinds = [_kind(character) for character in text]
    changes = sum(1 for one, next_one in pairwise(kinds) if one != next_one and one and next_one)
    length = sum(1 for kind in kinds if kind)
    if len(set(text)) < 8 or not length:  # noqa: PLR2004 - `----------` and `20200101000000000000` are no secrets
        return False
    return changes / length >= (_FEW_CHANGES if 1 in kinds else _MANY_CHANGES)


def _kind(character: str) -> int:
    if character.isdigit():
        return 1
    if character.islower():
        return 2
    return 3 if character.isupper() else 0
