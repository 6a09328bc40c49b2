"""Values: what is plainly no secret, what looks like one, and what was drawn by lot. Pure."""

import base64
import re
from itertools import pairwise

from collectors._redaction.secrets import HARMLESS
from collectors._redaction.tokens import MASKED

MAX_VALUE = 512
"""A longer run without a blank is data, and masked whole where it is asked about."""

_SHOWN = re.compile(
    r"""(?:
      [-+]?[0-9]++(?:[.,][0-9][0-9]*+)*+\s?(?:%|[a-z]{1,3}|[KMGTP]i?B?|[KMGTP]|min|sec|msec|usec|days?|hours?|minutes?|seconds?|weeks?|months?)?
    | 0x[0-9a-f]{1,8}
    | v?[0-9]++(?:\.[0-9][0-9]*+){1,5}+(?:[-~+][\w.~+\-]{0,20}+)?
    | [0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]{4,15}+(?:Z|[+\-][0-9:]{4,5})?)?
    | (?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:[/:][0-9]{1,5})?
    | \[?(?>(?:[0-9a-f]{0,4}:){2,7})[0-9a-f.]{0,15}\]?(?:[/:][0-9]{1,5})?
    | \$\{?[A-Z_][A-Z0-9_]*+\}? | \$\{[\w.:\-]++\} | \{\{[^{}]++\}\} | %\(?[\w]++\)?[sdnihuHpt]? | @[A-Z][A-Z0-9_]++@ | \*[a-z_]++
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_PATH = re.compile(
    r"(?:file:(?://)?)?(?:~|\.{1,2}|\$[{(]?\w++[})]?)?/[\w.+@%:,~*?\-\[\]{}$/]*+|[a-z][\w.\-]*+/[\w./\-]++\.(?:conf|cfg|pem|key|crt|so|py|sh|json|ya?ml|txt|sock|db)",
    re.IGNORECASE,
)
_ROOTED = re.compile(
    r"(?:file:(?://)?)?/(?:etc|run|var|usr|opt|home|root|srv|proc|dev|tmp|mnt|lib|lib64|sys|bin|sbin|boot|media|path)(?:/|$)"
)
_URL = re.compile(r"[a-z][\w+.\-]*+://[^\s@?]*+", re.IGNORECASE)
_TECHNICAL = re.compile(
    r"(?:sha|md|aes|des|rc|ipv|utf-?|base|pkcs|http|oauth|oauth_|ntlmv|ssl|tls|tlsv|sslv|x|krb|arm|amd|i|s|l|p|v|rfc|eth|tty|ttys|lo|enp|ens|sd|hd|wlan|usb|python|php|perl"
    r"|camellia|seed|cast|crc|blake|gost|latin|iso|win|cp|q|h|f|c|d|e|modp|group|ed|curve|secp|prime|en|web|node|host|server|db|vol|disk|level|layer|md5|sha1)"
    r"[0-9]{1,5}(?:[a-z]{0,2}|[-_/.][\w.\-]{0,20})|x86_64|3des|[0-9]{1,5}[a-z]{2}|[a-z]{1,12}s?\([0-9a-z]{1,3}\)|aes-?[0-9]{3}-?[a-z]*+|hmac-?[\w\-]{0,12}|des3.*+|kerberos5?",
    re.IGNORECASE,
)
ALGORITHM = re.compile(
    r"(?:scram-|hmac-?|rsa-?|ecdsa-?|pbkdf2-?|ssha-?|crypt-?|cram-|digest-)?(?:sha-?[0-9]{1,3}(?:-[0-9]{3})?|md[45]|aes-?[0-9]{3}(?:-[a-z0-9]{2,3})?|bcrypt|yescrypt|argon2(?:id?)?|scrypt|blowfish|des3?)",
    re.IGNORECASE,
)
_FILE = re.compile(
    r"[\w.\-]{1,60}\.(?:pem|key|crt|cer|csr|p12|pfx|jks|conf|cnf|cfg|ini|ya?ml|json|xml|txt|log|sh|py|so|db)",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^\W\d]++(?:[-_.'/][^\W\d][^\W\d]*+)*+[.,:;!?)]*+")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def is_harmless(value: str) -> bool:
    """Return whether a value is no secret whatever its key is called."""
    return value.lower() in HARMLESS or MASKED.fullmatch(value) is not None


def is_reference(value: str) -> bool:
    """Return whether a value names where the secret is, and is none: a variable, a template, a file below a known root."""
    if len(value) > MAX_VALUE:
        return False
    return (
        _REFERENCE.fullmatch(value) is not None or ALGORITHM.fullmatch(value) is not None or _is_rooted(value)
    )


_REFERENCE = re.compile(
    r"\$\{[A-Z_][A-Z0-9_]*+\}|\$[A-Z_][A-Z0-9_]{3,}+|\{\{\s*+[\w.\[\]'\"| ]++\s*+\}\}|@[A-Z][A-Z0-9_]++@|\*[a-z_]++"
)


_KEY_FILE = re.compile(r"\w/[\w.\-]{1,60}\.(?:pem|key|crt|p12|pfx|jks|txt|conf)$", re.IGNORECASE)


def _is_rooted(value: str) -> bool:
    if _PATH.fullmatch(value) is None:
        return False
    return _ROOTED.match(value) is not None or _KEY_FILE.search(value) is not None


def is_plain(value: str) -> bool:
    """Return whether a value is plainly a number, size, duration, version, date, address, path, URL or reference."""
    if is_harmless(value):
        return True
    if len(value) > MAX_VALUE:
        return False
    return any(kind.fullmatch(value) for kind in (_SHOWN, _PATH, _FILE, _URL, _TECHNICAL, ALGORITHM))


def looks_secret(value: str) -> bool:
    """Return whether a word by itself looks like a password or a token: letters and digits mixed, or random."""
    if len(value) > MAX_VALUE:
        return True
    value = value.strip(".,:;!?()")
    if len(value) < 4 or is_plain(value) or _WORDS.fullmatch(value) or _UUID.fullmatch(value):  # noqa: PLR2004 - `v1a`
        return False
    kinds = {kind_of(character) for character in value}
    return 1 in kinds and bool(kinds & {2, 3})


KINDS = (1, 2, 3)
_FEW_CHANGES = 0.2
_MANY_CHANGES = 0.4
_FEW_CHARACTERS = 8
_FEW_DIGITS = 0.08
_NAMES = re.compile(r"[A-Za-z]*+\d{0,3}(?>(?:[_\-+/.](?:[A-Za-z]++\d{0,3}|\d{1,8})){1,200})")
_CAMEL = re.compile(r"(?:[A-Z]{0,5}[a-z]{2,}+|[A-Z]{2,4}[0-9]{3}){1,60}(?:[A-Z]{2,4}(?:_?[0-9]{3})?)?")
"""Words with something between them, as `DigiCert_Global_Root_G2`."""


def is_random(text: str) -> bool:
    """Return whether a long run of characters looks drawn by lot, not written by a person.

    In random text the kind of character (digit, small, capital) changes every second or third time; in
    words, paths and CamelCase it seldom does.
    """
    kinds = [kind_of(character) for character in text]
    changes = sum(1 for one, next_one in pairwise(kinds) if one != next_one and one and next_one)
    length = sum(1 for kind in kinds if kind)
    if len(set(text)) < _FEW_CHARACTERS or not length:
        return False  # `----------` and `20200101000000000000` are no secrets
    if _NAMES.fullmatch(text) or _CAMEL.fullmatch(text):
        return False
    has_digits = kinds.count(1) >= length * _FEW_DIGITS
    return changes / length >= (_FEW_CHANGES if has_digits else _MANY_CHANGES)


def kind_of(character: str) -> int:
    """Return 1 for a digit, 2 for a small letter, 3 for a capital, 0 for anything else."""
    if character.isdigit():
        return 1
    if character.islower():
        return 2
    return 3 if character.isupper() else 0


def is_encoded_pair(value: str) -> bool:
    """Return whether `value` is `user:password` in base64, as Docker and npm keep it."""
    if len(value) < _FEW_CHARACTERS or len(value) > MAX_VALUE:
        return False
    try:
        pair = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except ValueError:
        return False
    user, colon, password = pair.partition(b":")
    return bool(user and colon and password) and pair.isascii() and pair.decode().isprintable()
