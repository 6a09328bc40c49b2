"""Secrets that a program's text gives a function by their place: `db.auth("me", "…")`. Pure; each expression is put to the whole line."""

import re
from collections.abc import Iterator
from itertools import chain

from collectors._redaction.extent import Span
from collectors._redaction.values import is_harmless, looks_secret

_CALL = re.compile(
    r"""(?i:(?:auth|authenticate|login|basic_?auth|user|account|password|passwd|credentials?|\w{0,20}(?:en|de)crypt\w{0,10}|hmac\w{0,10})\()\s*+(?:["'][^"']*+["']|[$\w.]++)\s*+,\s*+["'](?P<value>[^"']++)"""
)
"""`db.auth("me", "…")`, `pgp_sym_decrypt(a, '…')`"""
_CONNECT = re.compile(
    r"""(?:\b(?:connect|mysqli|mysqli_connect|PDO|FTP|FTP_TLS)\(\s*+(?:["'][^"']*+["']|\$\w++)|["'][dD][bB][iI]:[^"']*+["']|\bget_?[cC]onnection\(\s*+(?:["'][^"']*+["']|[\w.]++))\s*+,\s*+["'][^"']*+["']\s*+,\s*+["'](?P<value>[^"']++)"""
)
"""`DBI->connect("…", "me", "…")`, `['DBI:…', 'me', '…']`"""
_SENT = re.compile(r"""\bsend\s++(?:--\s++)?["'{](?P<value>[^\s"'{}\\$]++)\\[rn]""")
"""Expect's `send "…\r"`"""
_LISTED = re.compile(
    r"""(?:\b(?:omniauth|provider)\s++:\w++\s*+,\s*+["'][^"']*+["']|:basic_auth\s*+,\s*+["'][^"']*+["']|[aA]uth.{0,100}==\s*+\[\s*+["'][^"']*+["'])\s*+,\s*+["'](?P<value>[^"']++)"""
)
"""Ruby's `omniauth :github, "id", "…"`, `[user, password] == ["me", "…"]`"""
_BOUND = re.compile(r"""["'](?i:cn|uid|ou|dc)=[^"']*+["']\s*+,\s*+["'](?P<value>[^"']++)["']""")
"""`ldap_bind(c, "cn=me,dc=x", "…")`"""
_MADE = re.compile(
    r"""\bcreate_?(?:super)?_?[uU]ser\(\s*+["'][^"']*+["']\s*+,\s*+["'][^"']*+["']\s*+,\s*+["'](?P<value>[^"']++)"""
)
"""Django's `create_superuser("me", "me@host", "…")`"""
_SIGNED = re.compile(r"""\b(?:jwt|JWT|jws)\.\w{1,20}\(\s*+[\w.$]++\s*+,\s*+["'](?P<value>[^"']++)""")
"""`jwt.sign(payload, "…")`"""
_AUTH = re.compile(
    r"""\.(?:auth|authenticate)\(\s*+["'][^"']++["']\s*+,\s*+["'](?P<value>[^"'\s]{4,64})["']\s*+\)"""
)
"""`db.auth("me", "…")`, where nothing else can stand."""
CALLS = (
    ("(", (_CALL, _CONNECT, _MADE, _SIGNED, _AUTH)),
    ("send", (_SENT,)),
    (":", (_LISTED,)),
    ("==", (_LISTED,)),
    ("=", (_BOUND,)),
)
"""What has to be in a line for each of these, and the expressions."""


def may_call(body: str) -> bool:
    """Return whether one of the expressions finds something in a line that has quotes."""
    return ("," in body or "send" in body) and any(call.search(body) is not None for call in calls_in(body))


def calls_in(body: str) -> frozenset[re.Pattern[str]]:
    """Return the expressions that may find something in a line."""
    return frozenset(call for sign, calls in CALLS if sign in body for call in calls)


def called(body: str, start: int) -> Iterator[Span]:
    """Yield what stands where a call has a password; `body` begins at `start` in its line."""
    for found in chain.from_iterable(call.finditer(body) for call in calls_in(body)):
        if looks_secret(found["value"]) or (found.re is _AUTH and not is_harmless(found["value"])):
            yield Span(start + found.start("value"), start + found.end("value"))
