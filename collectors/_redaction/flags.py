"""Secrets that a command line gives a program: by a flag, by its place, through a pipe. Pure.

A rule here is bound to a program, or to the look of the value.
"""

import re
from collections.abc import Iterator

from collectors._redaction.arguments import Arguments
from collectors._redaction.extent import Span
from collectors._redaction.tokens import Chunk
from collectors._redaction.values import is_harmless, is_plain, is_random, looks_secret

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
    "eapol_test": "s", "check_nt": "s", "curl": "b", "dig": "y", "nsupdate": "y", "gammu": "p", "cadaver": "p", "influx": "pt", "rndc": "y", "kdig": "y", "delv": "y", "knsupdate": "y", "psql": "W",
}  # fmt: skip
"""Programs whose flags of one letter mean a secret, whatever it looks like; attached too where it is `p`."""
_GUESSED = frozenset("pPwWaAkK")
"""Flags of any program that mean a secret when what follows looks like one."""
_USER_FLAG = re.compile(
    r"(?:-[a-zA-Z]{0,4}[uU]|-c|--(?:user|proxy-user|userpwd|login|username|[a-z\-]{0,20}creds|auth|http-user|basic-auth)=?)(?P<rest>.*+)",
    re.DOTALL,
)
_USER_PAIR = re.compile(
    r"(?:[\w.\-]{1,64}[/\\]{1,2}(?=[^\s:,%/]++%))?[^\s:,%/]++(?P<sign>[:,%])(?P<value>[^\s/]\S*+)"
)
_LONGER = frozenset({"-ap", "-xp", "-pw"})
"""Flags of swaks, sendemail and PuTTY that no word tells."""
_CERTIFICATES = frozenset({"-E", "--cert", "--proxy-cert"})
_WITH_PASSWORD = re.compile(r"[^\s:]++(?<=\.pem|\.crt|\.cer|\.p12|\.pfx):(?P<value>\S++)")
_GIVES = frozenset({"=", ":", "=>"})
_FLAG_LENGTH = 2
_LONG_ENOUGH = 12


def flagged(arguments: Arguments) -> Iterator[Span]:
    """Yield what flags give a program."""
    yield from _quoted_halves(arguments)
    letters, has_user = "", False
    for index, argument in enumerate(arguments):
        text = argument.text
        following = arguments[index + 1] if index + 1 < len(arguments) else None
        if following is not None and following.text in _GIVES and text[:1] == "-":  # Icinga: `"-p" = "…"`
            following = arguments[index + 2] if index + 2 < len(arguments) else None
        if text in {"|", ";", "&&"}:
            letters, has_user = "", False
        elif text == "/p:" and following is not None:  # xfreerdp
            yield Span(following.start, following.end)
        elif text.startswith("/p:"):
            yield Span(argument.start + 3, argument.end)
        elif (
            (text == "/rp" or text.startswith("/user:"))
            and following is not None
            and looks_secret(following.text)
        ):  # schtasks, net use
            yield Span(following.start, following.end)
        elif text[:1] != "-":
            letters = _PROGRAM_FLAGS.get(text.rpartition("/")[2].lower(), letters)
        elif len(text) > 1:
            user = _USER_FLAG.fullmatch(text)
            if user:
                yield from _user(argument, user.start("rest"), following)
                has_user = True
            yield from _flag(argument, following, letters, has_user=has_user)
            letters = letters if text != "-p" or following is None else letters.replace("p", "")


def _quoted_halves(arguments: Arguments) -> Iterator[Span]:
    """Yield what is quoted right behind a user, `-u me:"…"`, and behind OpenSSL's `pass:"…"`."""
    for before, argument, following in zip(arguments, arguments[1:], arguments[2:], strict=False):
        is_user = argument.text[-1:] in {":", "%"} and _USER_FLAG.fullmatch(before.text) is not None
        is_source = argument.text == "pass:" and before.text[:1] == "-"
        if (is_user or is_source) and following.start == argument.end + 1:
            yield Span(following.start, following.end)


def _user(argument: Chunk, at: int, following: Chunk | None) -> Iterator[Span]:
    """Yield the password of `-u me:…`, `-u me,…`, `-U me%…`, `--user=me:…`."""
    text, start = (argument.text[at:], argument.start + at) if at < len(argument.text) else ("", 0)
    if not text and following is not None:
        text, start = following.text, following.start
    found = _USER_PAIR.fullmatch(text)
    if found is None or text[: found.start("sign")] == found["value"] or is_harmless(found["value"]):
        return
    is_guess = found["sign"] != ":" or argument.text == "-c"
    is_numbers = found["value"].isdigit() and text[: found.start("sign")].isdigit()
    if not is_numbers and (not is_guess or looks_secret(found["value"]) or argument.text in {"-u", "-U"}):
        yield Span(start, start + len(text))


def _flag(argument: Chunk, following: Chunk | None, letters: str, *, has_user: bool) -> Iterator[Span]:
    text = argument.text
    if text in _LONGER and following is not None and looks_secret(following.text):
        yield Span(following.start, following.end)
    elif (
        text in _CERTIFICATES
        and following is not None
        and (found := _WITH_PASSWORD.fullmatch(following.text))
    ):
        yield Span(following.start + found.start("value"), following.end)
    if len(text) > _FLAG_LENGTH:
        yield from _attached(argument, letters, has_user=has_user)
        return
    if following is None or not following.text or following.text.startswith(("-", "$(")):
        return
    letter, value = text[1], following.text
    is_after_user = has_user and letter in "pP" and not is_plain(value)
    is_cookie = letter != "b" or "=" in value  # else a file of cookies
    is_drawn = len(value) >= _LONG_ENOUGH and is_random(value)
    is_given = letter == "C" and following.start > argument.end + len('" "')  # Icinga: `"-C" = "…"`
    is_guessed = (letter in _GUESSED or is_given) and (looks_secret(value) or is_drawn)
    pair = _USER_PAIR.fullmatch(value) if letter == "n" else None
    is_pair = pair is not None and looks_secret(pair["value"])
    if (letter in letters and is_cookie) or is_after_user or is_guessed or is_pair:
        yield Span(following.start, following.end)


def _attached(argument: Chunk, letters: str, *, has_user: bool) -> Iterator[Span]:
    """Yield the value of `-pSECRET`, which stands right behind its flag."""
    text = argument.text
    at = 3 if text.startswith("-hp") and "p" in letters else _FLAG_LENGTH
    letter, value = text[at - 1], text[at:].strip("\"'")
    if value[:1] == "=" and letter in _GUESSED and looks_secret(value[1:]):
        yield Span(argument.start + at + 1, argument.end)
    if not value or value[0] in "-=":
        return
    is_known = letter in letters and (letter == "p" or looks_secret(value))
    if is_known or (letter == "p" and has_user and looks_secret(value)):
        yield Span(argument.start + at, argument.end)


_PAIR = re.compile(r"[^\s:]++:(?P<value>\S++)")
_BATCH = frozenset({"-b", "-nb", "-bn", "-nbB", "-Bbn", "-nBb", "-cb", "-bc", "-bcB", "-cbB"})


def piped(arguments: Arguments) -> Iterator[Span]:
    """Yield what is handed to a program that sets passwords: `echo "me:…" | chpasswd`, `openssl passwd -1 …`."""
    words = {argument.text.rpartition("/")[2] for argument in arguments}
    if "chpasswd" in words:
        for argument in arguments:
            if found := _PAIR.fullmatch(argument.text):
                yield Span(argument.start + found.start("value"), argument.end)
    if "--stdin" in words and "echo" in words:
        echo = next(index for index, argument in enumerate(arguments) if argument.text == "echo")
        yield from (Span(value.start, value.end) for value in arguments[echo + 1 : echo + 2])
    if "openssl" in words and "passwd" in words:
        at = next(index for index, argument in enumerate(arguments) if argument.text == "passwd")
        plain = [a for a in arguments[at + 1 :] if not a.text.startswith("-") and a.text not in {"|", ";"}]
        yield from (Span(value.start, value.end) for value in plain[:1])
    if "htpasswd" in words and words & _BATCH:
        yield Span(arguments[-1].start, arguments[-1].end)
    if "mysqladmin" in words and "password" in words:
        yield Span(arguments[-1].start, arguments[-1].end)
