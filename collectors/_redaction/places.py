"""Secrets known by their place in the lines of certain files, where no name announces them. Pure."""

import re
from collections.abc import Callable, Iterator

from collectors._redaction.arguments import Arguments
from collectors._redaction.calls import called
from collectors._redaction.extent import Span
from collectors._redaction.forms import formed
from collectors._redaction.secrets import Sounds, sounds
from collectors._redaction.values import looks_secret

Rule = Callable[[Arguments], Iterator[Span]]

_ALGORITHM = re.compile(r"(?i:sha[\d\-]*+|md5|aes[\d\-]*+|des|3des|-[eml])")
_MONITOR_FIELDS = 5
_ACL_FIELDS = 3


def _nth(place: int) -> Rule:
    """Return a rule: the argument at this place is secret, the first word being 0."""

    def rule(arguments: Arguments) -> Iterator[Span]:
        yield from (Span(a.start, a.end) for a in arguments[place : place + 1])

    return rule


def _com2sec(arguments: Arguments) -> Iterator[Span]:
    plain = arguments[3:] if len(arguments) > 1 and arguments[1].text == "-Cn" else arguments[1:]
    yield from (Span(a.start, a.end) for a in plain[2:3])


def _create_user(arguments: Arguments) -> Iterator[Span]:
    yield from (Span(a.start, a.end) for a in arguments[2:] if not _ALGORITHM.fullmatch(a.text))


def _monitor(arguments: Arguments) -> Iterator[Span]:
    """Yield the password of upsmon's `MONITOR system value user password`."""
    if len(arguments) >= _MONITOR_FIELDS and "@" in arguments[1].text:
        yield Span(arguments[4].start, arguments[4].end)


def _acl(arguments: Arguments) -> Iterator[Span]:
    """Yield the passwords of a line of Redis' ACL: `user me on >…`."""
    for argument in arguments[_ACL_FIELDS - 1 :]:
        if argument.text[:1] in {">", "<", "#", "!"} and len(argument.text) > 1 and argument.text[-1] != ">":
            yield Span(argument.start + 1, argument.end)


def _literal(arguments: Arguments) -> Iterator[Span]:
    """Yield the words of `secure_link_md5 "$expires$uri secret"` that are no variable."""
    for argument in arguments[1:]:
        for word in _LITERAL.finditer(argument.text):
            yield Span(argument.start + word.start(), argument.start + word.end())


_LITERAL = re.compile(r"(?<![\w$])[^\s$\"';][^\s\"';]*+")


def _behind_key(arguments: Arguments) -> Iterator[Span]:
    """Yield what follows `key` in a router's configuration: `tacacs-server key 0 …`."""
    for index, argument in enumerate(arguments):
        if argument.text == "key" and index + 1 < len(arguments):
            yield Span(arguments[index + 1].start, arguments[-1].end)
            return


def _condition(arguments: Arguments) -> Iterator[Span]:
    """Yield what Apache compares a secret with: `RewriteCond %{HTTP:X-Secret} !^…$`."""
    if any(sounds(a.text.rpartition(":")[2]) >= Sounds.SECRET for a in arguments[1:-1]):
        yield Span(arguments[-1].start, arguments[-1].end)


def _trap(arguments: Arguments) -> Iterator[Span]:
    """Yield the community of a router's `snmp-server host … version 2c …`."""
    if any(argument.text == "host" for argument in arguments[1:2]) and looks_secret(arguments[-1].text):
        yield Span(arguments[-1].start, arguments[-1].end)


def _third(arguments: Arguments) -> Iterator[Span]:
    """Yield the passwords of a line of Redis' ACL, and that of `user me …` in a script of ftp."""
    yield from _acl(arguments)
    if len(arguments) == _ACL_FIELDS and looks_secret(arguments[2].text):
        yield Span(arguments[2].start, arguments[2].end)


def _named_key(arguments: Arguments) -> Iterator[Span]:
    """Yield the secret of nsupdate's `key [algorithm:]name …`."""
    if len(arguments) == _ACL_FIELDS and arguments[1].text != "=" and looks_secret(arguments[2].text):
        yield Span(arguments[2].start, arguments[2].end)


def _checked(arguments: Arguments) -> Iterator[Span]:
    """Yield the arguments of Nagios' `check_command check_mysql!user!…` that look like a password."""
    parts = arguments[1].text.split("!") if len(arguments) > 1 else []
    at = arguments[1].start if parts else 0
    for index, part in enumerate(parts):
        if index and looks_secret(part) and (index > 1 or "snmp" in parts[0]):
            yield Span(at, at + len(part))
        at += len(part) + 1


_BY_WORD: dict[str, Rule] = {
    "com2sec": _com2sec, "com2sec6": _com2sec, "com2secunix": _com2sec, "createuser": _create_user, "trapsink": _nth(2),
    "trap2sink": _nth(2), "informsink": _nth(2), "sqlconnectinfo": _nth(3), "monitor": _monitor, "secure_link_md5": _literal,
    "cachemgr_passwd": _nth(1), "identify": _nth(1), "incominguser": _nth(2), "outgoinguser": _nth(2),
    "authbasicfake": _nth(2), "snmp-server": _trap, "rename-command": _nth(2), "crypto": _behind_key, "rewritecond": _condition,
    "tacacs-server": _behind_key, "radius-server": _behind_key, "ntp": _behind_key, "user": _third, "acl": _acl, "ldapbinddn": _nth(2), "key": _named_key, "hidservauth": _nth(2), "ldapdninfo": _nth(2), "smuxpeer": _nth(2), "mgmt-user": _nth(3), "check_command": _checked,
}  # fmt: skip
"""Lines known by their first word."""

_HEADER = re.compile(r"(?i:x-[\w\-]++|(?=[\w\-]{0,60}(?:auth|key|verify|secret|token))[\w\-]++):?")
_TELLING = re.compile(r"(?i:x-(?=[\w\-]{0,60}(?:auth|key|verify|secret|token))[\w\-]++)")
_COMPUTED = frozenset("$%{ ")
_TELLING_HEADERS = frozenset({"cookie", "set-cookie", "authorization", "proxy-authorization"})
_SQL = re.compile(
    r"(?i:\bidentified\s++(?:with\s++['\"]?\w++['\"]?\s++)?(?:by|as|using)\s++(?:(?:password|values)\s*+\(?\s*+)?)(?:(?P<quote>\\*+['\"`])(?P<quoted>(?!(?P=quote)).{1,4096}?(?=(?P=quote)|\n|\Z))|(?P<bare>[^\s'\";]++))"
)
_STATEMENT = re.compile(r"(?i:.{0,200}\b(?:create|alter|grant|set|replace|insert)\b|identified\b)")


def placed(line: str, start: int, arguments: Arguments) -> Iterator[Span]:
    """Yield what a line says by its form or its first word."""
    body = line[start:].rstrip().rstrip("\\").rstrip()
    rule = _BY_WORD.get(arguments[0].text.lower()) if arguments else None
    if rule is not None:
        yield from rule(arguments)
    yield from formed(body, start)
    yield from _in_statement(body, start)
    yield from called(body, start)
    yield from _in_protocol(arguments)
    yield from _headers(arguments)


def _in_statement(body: str, start: int) -> Iterator[Span]:
    """Yield what SQL has an account be identified by; a sentence says `identified by` too."""
    for found in _SQL.finditer(body):
        group = found.lastgroup or "bare"
        is_word = group == "quoted" and " " not in found[group]
        if is_word or looks_secret(found[group]) or _STATEMENT.match(body):
            yield Span(start + found.start(group), start + found.end(group))


_OMYSQL_COMMAS = 3
_CIPHERS = frozenset({"cipher", "irreversible-cipher", "plain", "simple"})
_PROTECTIONS = frozenset({"auth", "priv", "authentication", "privacy"})

PROTOCOL_WORDS = _CIPHERS | _PROTECTIONS | {"AUTH", "check_command"}
"""One of these stands by itself before what a protocol is told, but for what begins with `:om` or `authinfo:`."""


def _is_behind_user(words: Arguments) -> bool:
    """Return whether the second word behind `AUTH` is a password: `AUTH PLAIN …`, Redis' `AUTH me …`."""
    is_last = len(words) == 2 and looks_secret(words[1].text)  # noqa: PLR2004 - a user and the password
    return is_last or words[0].text in {"PLAIN", "LOGIN"}


def _in_protocol(arguments: Arguments) -> Iterator[Span]:
    """Yield what a protocol is told: `AUTH …` of a check, `auth sha …` and `priv aes 128 …` of SNMP, `"P:…"` of sendmail."""
    is_map = bool(arguments) and arguments[0].text.lower().startswith("authinfo:")
    for index, argument in enumerate(arguments):
        if (
            argument.text.startswith(":om") and argument.text.count(",") == _OMYSQL_COMMAS
        ):  # rsyslog's :ommysql:
            yield Span(argument.start + argument.text.rindex(",") + 1, argument.end)
        if is_map and argument.text[:2] in {"P:", "P="}:
            yield Span(argument.start + 2, argument.end)
        following = arguments[index + 1 : index + 4]
        if argument.text.rstrip("\\") == "AUTH" and following and looks_secret(following[0].text):
            yield Span(following[0].start, following[0].end)
        elif argument.text == "AUTH" and len(following) > 1 and _is_behind_user(following):
            yield Span(following[1].start, following[1].end)
        elif argument.text in _PROTECTIONS and following and _ALGORITHM.fullmatch(following[0].text):
            yield from (Span(a.start, a.end) for a in following[1:] if looks_secret(a.text))
        elif index and argument.text == "check_command":
            yield from _checked(arguments[index:])
        elif argument.text == "priv" or (index > 1 and argument.text in _CIPHERS):
            yield from (Span(a.start, a.end) for a in following[:1] if looks_secret(a.text))


def _headers(arguments: Arguments) -> Iterator[Span]:
    """Yield the constant that a line gives a header of its own: `proxy_set_header X-Origin-Verify "…"`."""
    for index, argument in enumerate(arguments):
        name, colon, value = argument.text.partition(":")
        value = value.strip()
        following = arguments[index + 1] if index + 1 < len(arguments) else None
        is_header = _HEADER.fullmatch(name) is not None
        if (
            colon
            and value
            and is_header
            and (looks_secret(value) or (_TELLING.fullmatch(name) and not _COMPUTED.intersection(value)))
        ):
            yield Span(argument.start + argument.text.rindex(value), argument.end)
        elif following is not None and not value:
            is_constant = not _COMPUTED.intersection(following.text)
            is_telling = (name.lower() in _TELLING_HEADERS and "=" in following.text) or (
                is_constant and _TELLING.fullmatch(name) is not None
            )
            if is_telling or (is_header and "-" in name[1:] and looks_secret(following.text)):
                yield Span(following.start, following.end)


FIRST_WORDS = frozenset(_BY_WORD)
