"""Secrets that no name announces: flags of one letter, and places in the lines of certain files. Pure.

A rule here looks at the arguments of a line, each once; what it looks for is bound to a program, to a first
word, or to the look of the value.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from collectors._redaction.extent import Span
from collectors._redaction.tokens import Chunk
from collectors._redaction.values import is_harmless, is_plain, is_random, looks_secret

Arguments = Sequence[Chunk]
Rule = Callable[[str, Arguments], Iterator[Span]]

_ARGUMENT = re.compile(
    r"""\\*+["'](?P<quoted>[^"']*+)\\*+["']|(?P<bare>[^\s"'`,;|()\[\]{}]++)|(?P<end>[|;])"""
)
_PROGRAM_FLAGS = {
    "mysql": "p", "mysqldump": "p", "mysqladmin": "p", "mysqlcheck": "p", "mysqlimport": "p", "mysqlshow": "p", "mariadb": "p",
    "mariadb-dump": "p", "mariadb-admin": "p", "mysqlbinlog": "p", "xtrabackup": "p", "mydumper": "p", "innobackupex": "p", "sshpass": "p",
    "redis-cli": "a", "redis-benchmark": "a", "valkey-cli": "a", "ldapsearch": "w", "ldapadd": "w", "ldapmodify": "w", "ldapdelete": "w",
    "ldapwhoami": "w", "ldappasswd": "wsa", "basic_ldap_auth": "w", "squid_ldap_auth": "w", "snmpwalk": "cAX", "snmpget": "cAX",
    "snmpset": "cAX", "snmptrap": "cAX", "snmpbulkwalk": "cAX", "snmpgetnext": "cAX", "check_snmp": "CAXc", "trapsess": "cAX",
    "proxy": "cAX", "snmpcmd": "cAX", "useradd": "p", "usermod": "p", "ipmitool": "PEk", "sqlcmd": "P", "osql": "P", "isql": "P", "bcp": "P",
    "zip": "P", "unzip": "P", "7z": "p", "7za": "p", "7zr": "p", "rar": "p", "unrar": "p", "openssl": "kK", "mosquitto_pub": "P", "mosquitto_sub": "P",
    "mongo": "p", "mongosh": "p", "mongodump": "p", "cqlsh": "p", "kinit": "w", "rpcclient": "U",
    "ipa": "w", "ktutil": "w", "clickhouse-client": "p", "vmrun": "gp", "steamcmd": "p", "svnsync": "p", "xfreerdp": "p",
    "rdesktop": "p", "racadm": "p", "ipmiutil": "P", "bmc-config": "p", "fence_ipmilan": "p", "fence_apc": "p", "apcaccess": "p", "pk12util": "WKwk",
    "gammu": "p", "cadaver": "p", "influx": "p", "psql": "W",
}  # fmt: skip
"""Programs whose flags of one letter mean a secret, whatever it looks like; attached too where it is `p`."""
_GUESSED = frozenset("pPwWaAkK")
"""Flags of any program that mean a secret when what follows looks like one."""
_USER_FLAG = re.compile(
    r"(?:-[uU]|--(?:user|proxy-user|userpwd|login|username|creds|auth|http-user|basic-auth)=?)(?P<rest>.*+)",
    re.DOTALL,
)
_USER_PAIR = re.compile(r"[^\s:,%/]++(?P<sign>[:,%])(?P<value>[^\s/][^\s]*+)")


def commanded(line: str, start: int) -> Iterator[Span]:
    """Yield what a command line gives a program by a flag, or by its place."""
    arguments = list(_arguments(line, start))
    yield from _flags(arguments)
    if arguments:
        yield from _placed(line, start, arguments)


def _arguments(line: str, start: int) -> Iterator[Chunk]:
    for found in _ARGUMENT.finditer(line, start):
        group = found.lastgroup or "bare"
        yield Chunk(found[group], found.start(group), found.end(group))


def _flags(arguments: Arguments) -> Iterator[Span]:
    letters, has_user = "", False
    for index, argument in enumerate(arguments):
        text = argument.text
        following = arguments[index + 1] if index + 1 < len(arguments) else None
        if text in {"|", ";", "&&"}:
            letters, has_user = "", False
        elif text[:1] != "-":
            letters = _PROGRAM_FLAGS.get(text.rpartition("/")[2].lower(), letters)
        elif len(text) > 1:
            user = _USER_FLAG.fullmatch(text)
            if user:
                yield from _user(argument, user.start("rest"), following)
                has_user = True
            yield from _flag(argument, following, letters, has_user=has_user)
            letters = letters if text != "-p" or following is None else letters.replace("p", "")
    yield from _piped(arguments)


def _user(argument: Chunk, at: int, following: Chunk | None) -> Iterator[Span]:
    """Yield the password of `-u me:…`, `-u me,…`, `-U me%…`, `--user=me:…`."""
    text, start = (argument.text[at:], argument.start + at) if at < len(argument.text) else ("", 0)
    if not text and following is not None:
        text, start = following.text, following.start
    found = _USER_PAIR.fullmatch(text)
    if found is None or text[: found.start("sign")] == found["value"] or is_harmless(found["value"]):
        return
    if not (found["value"].isdigit() and text[: found.start("sign")].isdigit()):
        yield Span(start, start + len(text))


def _flag(argument: Chunk, following: Chunk | None, letters: str, *, has_user: bool) -> Iterator[Span]:
    text = argument.text
    letter = text[1]
    if len(text) > 2 and letter == "p" and text[2] != "=":  # noqa: PLR2004 - `-pSECRET`
        value = text[2:]
        if ("p" in letters and not value.startswith("-")) or looks_secret(value):
            yield Span(argument.start + 2, argument.end)
        return
    if len(text) != 2 or following is None or following.text.startswith("-") or not following.text:  # noqa: PLR2004
        return
    value = following.text
    is_known = letter in letters and not value.startswith("$(")
    is_after_user = has_user and letter in "pP" and not is_plain(value)
    is_guessed = letter in _GUESSED and (looks_secret(value) or (is_random(value) and len(value) > 11))  # noqa: PLR2004
    if is_known or is_after_user or is_guessed:
        yield Span(following.start, following.end)


_SPEAKER = re.compile(r"[^\s:]++:(?P<value>\S++)")


def _piped(arguments: Arguments) -> Iterator[Span]:
    """Yield what is handed to a program that sets passwords: `echo "me:…" | chpasswd`, `openssl passwd -1 …`."""
    words = {argument.text.rpartition("/")[2] for argument in arguments}
    if "chpasswd" in words:
        for argument in arguments:
            if found := _SPEAKER.fullmatch(argument.text):
                yield Span(argument.start + found.start("value"), argument.end)
    if "--stdin" in words and "echo" in words and len(arguments) > 1:
        echo = next(index for index, argument in enumerate(arguments) if argument.text == "echo")
        yield from (Span(a.start, a.end) for a in arguments[echo + 1 : echo + 2])
    if words & {"htpasswd", "openssl"} and (
        {"passwd"} & words or {"-b", "-nb", "-bn", "-nbB", "-Bbn", "-cb", "-bc"} & words
    ):
        last = arguments[-1] if "htpasswd" in words else _after_flags(arguments)
        if last is not None and not last.text.startswith("-"):
            yield Span(last.start, last.end)


def _after_flags(arguments: Arguments) -> Chunk | None:
    """Return the first argument after `passwd` that is no flag."""
    at = next(index for index, argument in enumerate(arguments) if argument.text == "passwd")
    plain = [a for a in arguments[at + 1 :] if not a.text.startswith("-") and a.text not in {"|", ";"}]
    return plain[0] if plain else None


def _nth(*places: int) -> Rule:
    """Return a rule: the arguments at these places are secret, the first word being 0."""

    def rule(_line: str, arguments: Arguments) -> Iterator[Span]:
        for place in places:
            if -len(arguments) <= place < len(arguments):
                yield Span(arguments[place].start, arguments[place].end)

    return rule


def _com2sec(_line: str, arguments: Arguments) -> Iterator[Span]:
    plain = arguments[3:] if len(arguments) > 1 and arguments[1].text == "-Cn" else arguments[1:]
    yield from (Span(a.start, a.end) for a in plain[2:3])


def _create_user(_line: str, arguments: Arguments) -> Iterator[Span]:
    algorithms = re.compile(r"(?i:sha[\d\-]*+|md5|aes[\d\-]*+|des|3des|-e|-m|-l)")
    secrets = [a for a in arguments[2:] if not algorithms.fullmatch(a.text)]
    yield from (Span(a.start, a.end) for a in secrets)


def _monitor(_line: str, arguments: Arguments) -> Iterator[Span]:
    if len(arguments) > 4 and "@" in arguments[1].text:  # noqa: PLR2004 - MONITOR system value user password
        yield Span(arguments[4].start, arguments[4].end)


def _acl(_line: str, arguments: Arguments) -> Iterator[Span]:
    for argument in arguments[2:]:
        if argument.text[:1] in {">", "<", "#", "!"} and len(argument.text) > 1:
            yield Span(argument.start + 1, argument.end)


def _credential(_line: str, arguments: Arguments) -> Iterator[Span]:
    _, colon, value = arguments[0].text.partition(":")
    start = arguments[0].start + arguments[0].text.index(":") + 1 if colon else 0
    if value:
        yield Span(start, len(_line))


def _rest(count: int) -> Rule:
    """Return a rule: all behind so many arguments is secret."""

    def rule(line: str, arguments: Arguments) -> Iterator[Span]:
        if len(arguments) > count:
            yield Span(arguments[count].start, len(line.rstrip()))

    return rule


def _literal_at_end(_line: str, arguments: Arguments) -> Iterator[Span]:
    """Yield the words of `secure_link_md5 "$expires$uri secret"` that are no variable."""
    for argument in arguments[1:]:
        for word in re.finditer(r"(?<![\w$])[^\s$\"';][^\s\"';]*+", argument.text):
            yield Span(argument.start + word.start(), argument.start + word.end())


_BY_WORD: dict[str, Rule] = {
    "com2sec": _com2sec, "com2sec6": _com2sec, "com2secunix": _com2sec, "createuser": _create_user, "trapsink": _nth(2),
    "trap2sink": _nth(2), "informsink": _nth(2), "sqlconnectinfo": _nth(3), "monitor": _monitor, "secure_link_md5": _literal_at_end,
    "authuser": _nth(), "cachemgr_passwd": _nth(1), "identify": _nth(1),
}  # fmt: skip
"""Lines known by their first word."""

_HEADER = re.compile(r"(?i:x-[\w\-]++|(?=[\w\-]{0,60}(?:auth|key|verify|secret|token))[\w\-]++):?")
_SQL = re.compile(
    r"(?i:\bidentified\s++(?:with\s++['\"]?\w++['\"]?\s++)?(?:by|as|using)\s++(?:password\s*+\(?\s*+)?)(?:(?P<quote>\\*+['\"`])(?P<quoted>(?:(?!(?P=quote)).)++)|(?P<bare>[^\s'\";]++))"
)
_LINE = (
    re.compile(r"(?:[^\s:\\]|\\.)++:(?:\d{1,5}|\*):[^\s:]++:[^\s:]++:(?P<value>\S.*+)"),  # .pgpass
    re.compile(
        r"\d{1,10}\s++(?i:md5|sha\d*+|sha-?\d++|aes\d*+\w*+|m|n|a|s|cmac|rmd160|mdc2)\s++(?:(?i:hex|ascii):)?(?P<value>\S++).*+"
    ),  # ntp, chrony
    re.compile(
        r"""["']?[\w.@\\*\-]++["']?\s++(?:\*|["'][\w.*\-]++["'])\s++(?P<value>["'][^"']++["']|(?![\d*/])[\w!-~]++)(?:\s.{0,60})?"""
    ),  # ppp
    re.compile(r"""["'](?P<user>[^"']++)["']\s++["'](?P<value>[^"']++)["'](?:\s.*+)?"""),  # pgbouncer
    re.compile(
        r"(?:[^#\n:]{0,100}\s)?:\s++(?-i:PSK|EAP|XAUTH|NTLM|PIN|P12|PKCS8|RSA|ECDSA)\s++(?P<value>\S.*+)"
    ),  # ipsec.secrets
    re.compile(r"(?i:(?:set-)?cookie):\s*+(?P<value>\S.*+)"),
    re.compile(
        r"\[?[\w.*\-]++\]?(?::\d{1,5})?\s++(?P<user>[^\s:]++):(?P<value>(?![/\d])[^\s:/]++|\d++[^\d\s:/][^\s:/]*+)"
    ),  # sasl_passwd
    re.compile(r"(?i:setcredential(?:encrypted)?)\s*+=\s*+[\w.\-]++:\s*+(?P<value>.++)"),
    re.compile(r"(?i:register)\s*+=>?\s*+[^:\s]++:(?P<value>[^@\s]++)@.*+"),
    re.compile(
        r"[\w*.@+\-]++:[\w.@+\-]++:(?P<value>(?=[^:a-zA-Z]*+[a-zA-Z])[^:\s/]++)"
    ),  # exim's passwd.client
    re.compile(r"(?i:.{0,200}\bstats\s++auth)\s++[^\s:]++:(?P<value>\S++).*+"),
    re.compile(
        r"(?i:.{0,200}\bnickserv\b.{0,40}\bidentify)\s++(?:\S++\s++)??(?P<value>[^\s\"';]++)[\"';\s]*+"
    ),
    re.compile(r"(?i:.{0,100}\bpassword\s++for\s).{0,100}=\s*+(?P<value>['\"][^'\"]++['\"]);?.*+"),
)
"""Lines known by their form; each is put to the whole line at its beginning, once."""


def _placed(line: str, start: int, arguments: Arguments) -> Iterator[Span]:
    body = line[start:].rstrip().rstrip("\\").rstrip()
    rule = _BY_WORD.get(arguments[0].text.lower())
    if rule is not None:
        yield from rule(line, arguments)
    if arguments[0].text == "user" and len(arguments) > 2 and any(a.text[:1] in "><#" for a in arguments):  # noqa: PLR2004 - a name, a rule
        yield from _acl(line, arguments)
    for expression in _LINE:
        if (found := expression.fullmatch(body)) and not is_harmless(found["value"].strip("\"'")):
            yield Span(start + found.start("value"), start + found.end("value"))
    for found in _SQL.finditer(body):
        group = found.lastgroup or "bare"
        yield Span(start + found.start(group), start + found.end(group))
    yield from _headers(arguments)


def _headers(arguments: Arguments) -> Iterator[Span]:
    """Yield the constant that a line gives a header of its own: `proxy_set_header X-Origin-Verify "…"`."""
    for index, argument in enumerate(arguments):
        name, colon, value = argument.text.partition(":")
        if colon and _HEADER.fullmatch(name) and looks_secret(value.strip()):
            yield Span(argument.start + argument.text.index(value.strip()), argument.end)
        elif _HEADER.fullmatch(argument.text) and "-" in argument.text[1:] and index + 1 < len(arguments):
            following = arguments[index + 1]
            if looks_secret(following.text):
                yield Span(following.start, following.end)
