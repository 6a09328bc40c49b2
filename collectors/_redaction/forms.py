"""Lines of certain files that are known by their form alone: of a password file, of `pap-secrets`, of a router. Pure.

Each form is put to a whole line. Most lines are of none, so what each needs is written beside it, and is looked for before.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from collectors._redaction.extent import Span
from collectors._redaction.values import is_harmless, looks_secret

Needs = tuple[tuple[str, ...], ...]


class Form(NamedTuple):
    """A form of a line."""

    needs: Needs
    """What a line of it has in it, in small letters: one of each."""
    expression: re.Pattern[str]


def _needs(text: str) -> Needs:
    """Return what is written as `login,cred :`: one of the first two, and a colon."""
    return tuple(
        (",",) if words == "," else tuple(word for word in words.split(","))
        for words in text.split(" ")
        if words
    )


_ENTRY = Form(_needs(":"), re.compile(r"[\w.@+*\-]++(?::[\w.@+ \-]++)?:(?P<value>(?!\{)[^\s:/]++)"))
"""A line of a password file: nothing but a name and what follows it."""
_LINE = tuple(
    Form(_needs(needs), re.compile(expression))
    for needs, expression in (
        (":", r"(?:[^\s:\\]|\\.)++:(?:\d{1,5}|\*):[^\s:]++:[^\s:][^:]*+:(?P<value>\S.*+)"),  # .pgpass
        (
            ",",
            r"(?P<value>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}),[\w.@\-]++,\d++(?:,.{0,200})?",
        ),  # tokens of Kubernetes' API server
        (
            "",
            r"\d{1,10}\s++(?i:md5|sha\d*+|sha-\d++|aes[\w\-]*+|[mnas]|cmac|rmd160|mdc2|ripemd\d*+)\s++(?:(?i:hex|ascii):)?(?P<value>\S++).*+",
        ),  # ntp, chrony
        (
            "*",
            r"""["']?[\w.@\\*\-]++["']?\s++\*\s++(?P<value>["'][^"']++["']|(?![\d*/])\S++)(?:\s.{0,60})?""",
        ),  # ppp
        (
            "\",'",
            r"""["'][\w.@\\*\-]++["']\s++["'][\w.*\-]*+["']\s++(?P<value>["'][^"'*]++["'])(?:\s.{0,60})?""",
        ),  # ppp
        ("\",'", r"""["'][^"']++["']\s++["'](?P<value>[^"']++)["']\s*+"""),  # pgbouncer
        ("*", r"""\*\s++[\w.@\-]++\s++(?P<value>["'][^"']++["'])(?:\s.{0,60})?"""),  # ppp
        (
            ":",
            r"[^#\n:]{0,100}:\s++(?:PSK|EAP|XAUTH|NTLM|PIN|P12|PKCS8|RSA|ECDSA)\s++(?P<value>\S.*+)",
        ),  # ipsec.secrets
        ("cookie", r"(?i:(?:set-)?cookie):\s*+(?P<value>\S.*+)"),
        (
            ":",
            r"(?:\[[\w.\-]++\](?::\d{1,5})?|[\w\-]++\.[\w.\-]++(?::\d{1,5})?|[^\s@]*+@\S++)\s++[^\s:]++:(?P<value>[^\s:/]++(?:(?: [a-z0-9]{4}){3})?)",
        ),  # sasl_passwd
        (
            "login,cred /",
            r"(?i:(?:.{0,60}\s)?(?:logins?|credentials?|creds)):?\s++(?i:admin|administrator|root|user|guest|test|demo|sa|pi|ubnt|cisco)\s++/\s++(?P<value>\S++)",
        ),  # `login: root / …`
        (
            "standby,vrrp,glbp",
            r"(?i:(?:standby|vrrp|glbp)\s++\d++\s++authentication)\s++(?!(?:md5|text|mode|key-chain)\b)(?P<value>\S++)",
        ),  # routers
        ("setcredential", r"(?i:setcredential(?:encrypted)?)\s*+=\s*+[\w.\-]++:\s*+(?P<value>.++)"),
        ("register", r"(?i:register)\s*+=>?\s*+[^:\s]++:(?P<value>[^@\s]++)@.*+"),
        (
            ":",
            r"(?:\*|[\w*\-]++\.[\w.*\-]++):[\w.@+\-]++:(?P<value>(?![\d/])[^:\s/]++)",
        ),  # exim's passwd.client
        ("stats :", r"(?i:.{0,200}\bstats\s++auth)\s++[^\s:]++:(?P<value>\S++).*+"),
        (
            "nickserv identify",
            r"(?i:.{0,200}\bnickserv\b.{0,40}\bidentify)\s++(?:\S++\s++)??(?P<value>[^\s\"';]++)(?:[\"';].*+|\s*+)",
        ),
        (
            "authentication",
            r"(?i:(?:.{0,60}\s)?authentication)\s++(?:string|key|text)\s++(?:\d\s++)?(?P<value>\S++)",
        ),  # routers
        (
            "password_maps",
            r"(?i:[\w]{0,30}password_maps)\s*+=\s*+inline:\s*+\{(?P<value>[^}]++)\}.*+",
        ),  # Postfix
        (
            "_servers",
            r"(?:hide\s++)?(?:mysql|pgsql|redis)_servers\s*+=\s*+[^/\s]++/[^/\s]++/[^/\s]++/(?P<value>\S++)",
        ),  # exim
        ("{$auth", r".{0,100}\beq(?:i)?\s*+\{\$auth\d\}\s*+\{(?P<value>[^{}$]++)\}.*+"),  # exim
        ("client_send", r"(?i:client_send)\s*+=\s*+(?P<value>.++)"),  # exim
        (
            "\",'",
            r"""["'][^"']*+["']\s++[A-Z][A-Z0-9,\-]*+\s++(?P<value>["'][^"']++["']|hash:\S++)(?:\s++\[2\])?""",
        ),  # hostapd.eap_user
        ("key :", r"(?i:.{0,200}\bkey)\s++(?:s|\d):(?P<value>[^\s\"']++).*+"),  # iwconfig
        (
            "iwconfig",
            r"(?i:(?:.{0,100}\s)?(?:\S{0,20}/)?iwconfig\s++\S++\s++key)\s++(?P<value>[0-9A-Fa-f\-]{10,}+)(?:\s.{0,60})?",
        ),
        (
            "http,socks",
            r"(?i:http|socks[45])\s++[\w.\-]++\s++\d{1,5}\s++\S++\s++(?P<value>\S++)",
        ),  # proxychains
        (
            "wifi: ;p:",
            r"(?i:.{0,200}\bwifi:)[^\s]{0,200}(?<=;P:)(?P<value>[^;]++);.*+",
        ),  # a code to be photographed
        (
            "=",
            r"(?i:login|enable|chap|pap|opap|ms-chap|arap|global|password)\s*+=\s*+(?:cleartext|clear|des)\s++(?P<value>\S++)",
        ),  # tac_plus
        ("akia,asia", r"(?:[\w.\-]++:)?(?:AKIA|ASIA)[A-Z0-9]{12,20}:(?P<value>\S++)"),  # s3fs
        (
            "connect using",
            r"(?i:(?:.{0,100}\s)?connect\s++to\s++\S++\s++user\s++\S++\s++using)\s++(?P<value>[^\s;\"']++).*+",
        ),  # Db2
        (
            "conn /",
            r"(?i:conn(?:ect)?)\s++[\w$#.]++/(?P<value>[^\s@/;]++)(?:@\S++)?(?:\s++(?i:as\s++sys\w++))?;?",
        ),  # Oracle
        ("password =", r"(?i:.{0,100}\bpassword\s++for\s).{0,100}=\s*+(?P<value>['\"][^'\"]++['\"]);?.*+"),
    )
)
"""Lines known by their form; each is put to the whole line at its beginning, once."""

_LIKE = tuple(
    Form(_needs(needs), re.compile(expression))
    for needs, expression in (
        (
            "\",'",
            r"""["'][^"']++["']\s++[\w.*\-]++\s++(?P<value>["'][^"']++["'])(?:\s++[\d*][\d./*]*+)?""",
        ),  # ppp
        (
            "\",'",
            r"""[\w.@\\*\-]++\s++[\w.*\-]++\s++(?P<value>["'][^"']++["'])\s++(?:\*|(?:\d{1,3}\.){3}[\d/]{1,6})""",
        ),  # ppp
        ("*", r"[\w.@\\*\-]++\s++[\w.*\-]++\s++(?P<value>\S++)\s++\*"),  # ppp
        ("role", r"[a-z]{1,20}Role\s++(?P<value>\S++)"),  # jmxremote.password
        (
            "login,cred,user,auth /",
            r"(?i:(?:.{0,60}\s)?(?:logins?|credentials?|creds|user|(?:basic_?)?auth))(?>(?:\s*+[:=])?)\s++[\w.@\-]++\s++/\s++(?P<value>\S++)(?:\s.{0,40})?",
        ),  # `login: root / …`
        ("dns", r"(?:tls\s*+\{\s*+)?dns\s++[a-z]\w{2,30}+\s++(?P<value>\S++)(?:\s*+\})?"),  # Caddy
        (":", r"[OoCNIPKY]:[^\s:]*+:(?P<value>[^\s:/]++):\S*+"),  # IRC daemons
        ("*", r"\*\s++[\w.@\-]++\s++(?P<value>\S++)"),  # xl2tpd
        (
            "",
            r"(?:(?:\d{1,3}\.){3}\d{1,3}|[\w\-]++(?:\.[\w\-][\w\-]*+)*+:\d{1,5})\s++(?P<value>\S++)(?:\s++\d{1,3})",
        ),  # pam_radius
        (
            "/",
            r"(?!(?:application|audio|chemical|font|image|message|model|text|video)/)[\w.\-]++/[\w.\-]++\s++(?P<value>\S{8,64}+)",
        ),  # radiusclient
        (":", r"[\w.@+\-]++:(?P<value>[^\s:/]++):\d{1,2}"),  # Deluge
        (":", r"[\w.@+\-]++:(?P<value>[^\s:/{]++):\d{1,10}:\d{1,10}:.*+"),  # Dovecot, ProFTPD
        ("server ,", r"(?i:(?:dae-)?server)\s*+=\s*+[\w.:\-]++,(?P<value>[^\s,=]++)(?:,.*+)?"),  # accel-ppp
        ("server =", r"(?i:server)\s*+=\s*+[\w.\-]++\s++\+?\d{1,5}\s++(?P<value>\S++)"),  # ZNC
        (
            "pass,pwd,secret,token |,;",
            r"""(?i:(?=[^|;]{0,60}(?:pass|pwd|secret|token))["']?[\w.\- ]{1,60}["']?\s?[|;])\s?["']?(?P<value>[^\s"'|;]++)["']?""",
        ),  # a table of two columns
        (
            ",",
            r"(?P<value>(?![0-9a-f]{8}-)[^\s,\"':=]++),[\w.@\-]++,\d++(?:,.{0,200})?",
        ),  # tokens of Kubernetes' API server
        (
            ",",
            r"[\w.\-]++\s*+[:=]\s*+(?P<value>[^,\s()\"']{7,64}+)(?>(?:, ?[A-Za-z_:\-]++){1,6})",
        ),  # realm.properties
        (
            "/,:",
            r"(?:https?://\S++|[\w.~]*+/\S*+|[\w\-]++(?:\.[\w\-][\w\-]*+)*+:\d{1,5})\s++[\"']?\w[\w.@\-]*+[\"']?\s++(?P<value>[\"'][^\"']++[\"']|[\"'\w][^\s>]++)",
        ),  # davfs2
        (
            "allow,auth,login,account,cred :",
            r"(?i:(?:.{0,100}\s)?[\w\-]{0,30}(?:allow|auth|login|account|cred)[\w\-]{0,30})\s++[a-zA-Z][\w.@\-]*+:(?P<value>[^\s:/]++)(?:\s++read-?only)?",
        ),  # monit, motion
    )
)
"""Lines of a form that others have too: what stands there is masked when it looks like a secret."""

FORMS = (_ENTRY, *_LINE, *_LIKE)


def formed(body: str, start: int) -> Iterator[Span]:
    """Yield what a line says by its form; `body` begins at `start` in it."""
    if not may_have_form(body, body.lower()):
        return
    if (found := _ENTRY.expression.fullmatch(body)) and looks_secret(found["value"]):
        yield Span(start + found.start("value"), start + found.end("value"))
    for form in _LINE:
        if (found := form.expression.fullmatch(body)) and not is_harmless(found["value"].strip("\"'")):
            yield Span(start + found.start("value"), start + found.end("value"))
    for form in _LIKE:
        if (found := form.expression.fullmatch(body)) and looks_secret(found["value"].strip("\"'")):
            yield Span(start + found.start("value"), start + found.end("value"))


def may_have_form(body: str, low: str) -> bool:
    """Return whether a line is of one of the forms; `low` is all of it in small letters."""
    if not body.isascii():  # there are letters beyond that are an `s` or a `k` where case is ignored
        return any(expression.fullmatch(body) is not None for _, expression in _by_needs())
    for needs, expression in _by_needs():
        for words in needs:
            for word in words:
                if word in low:
                    break
            else:
                break
        else:
            if expression.fullmatch(body) is not None:
                return True
    return False


@lru_cache(maxsize=1)
def _by_needs() -> Sequence[tuple[Needs, re.Pattern[str]]]:
    """Return all forms that need the same as one expression."""
    together: dict[Needs, list[str]] = {}
    for needs, expression in FORMS:
        together.setdefault(needs, []).append(expression.pattern.replace("(?P<value>", "(?:"))
    return [
        (needs, re.compile("|".join(f"(?:{form})" for form in forms))) for needs, forms in together.items()
    ]
