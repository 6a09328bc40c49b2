"""Which lines of a text are worth a closer look: most lines of most files hold no secret, and are told so cheaply. Pure.

It may only pass over what the rules would leave as it is; a test holds it to that.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from collectors._redaction.letters import letters_of
from collectors._redaction.tokens import words_in

_NAMES = words_in(
    "pass pwd secret token credential authorization community kennwort geheim contrase motdepasse "
    "key pin puk cookie hash salt otp nonce hmac seed signature sig pw psk auth dpapi com2sec "
    "identified ldapdninfo usmuser smuxpeer wifi: eapol_test unseal proxyauth socks4 socks5 rtmp: rtmps: decrypt( パスワード 密码 口令 비밀번호 createuser inguser outgoinguser user_ encrypt client_send sink sqlconnectinfo monitor secure_link identify header x- :// "
    "rename-command radtest radclient radeapclient isql iusql add_user ejabberdctl prosodyctl mkpasswd pg_md5 smbencrypt radcrypt "
    "smbclient qpdf <<< sqlplus expdp impdp sqlldr ,p= ,data= kinit cryptsetup openconnect pdbedit adcli kadmin veracrypt "
    "authbasicfake pepper mysql_servers pgsql_servers redis_servers k00 $auth snmp-server -ap -xp --cert cleartext cred mnemonic phrase code wpa wep bundle_ ldapbinddn authinfo samba-tool -stdin systemd-creds mount.cifs --unlock keyctl vpnc msktutil role wachtwoord senha heslo parola hasło haslo lösenord losenord adgangskode kodeord salasana jelszó jelszo mdp şifre sifre clave пароль /user: getconnection( jwt dbroot mega-login create_ap account( sqa_ sqp_ squ_ hidservauth /rp"
) | {
    'send "', "send '", "send {", "send --", "net use", "cargo login", "service install", "ngrok ", "mc alias", "mc config", "vault login", "crypto ", "users = {", "users={", "users: {", 'users":{', 'users": {', "connect to", "acl setuser", "bundle config", "poetry config", "provider :", '"cn=', "'cn=", '"uid=', "'uid=", "rman ", "exp ", "imp ", "sudo -s",
    "| su", "user(", "dbi:", "check_command", "openfortivpn", "realm ", "= des", "auth(", "load-key", "priv ", "cipher ", "mgmt-user", ":om", "connect(", "mysqli", "pdo(", "login(", "authenticate(", "nsupdate", "dig ",
}  # fmt: skip
"""Something of each name of a secret, and of each word by whose place one is known."""
_SHAPES = words_in(
    "akia asia aroa aida agpa ghp_ gho_ ghu_ ghs_ ghr_ _pat_ glpat- gldt- glrt- glcbt- glptt- glft- "
    "glsoat- glagent- glimt- glffct- glsa_ glc_ xox xapp- eyj k_live_ k_test_ whsec_ aiza ya29. "
    "gocspx- sg. hvs. hvb. hvr. pypi- npm_ _v1_ shp age- pmak- hf_ sk- nrak- dapi tskey- lin_api_ "
    "figd_ pat-na pat-eu pat-ap pscale_ dp.pt dp.st dp.ct dp.sa dp.audit dt0 cfpat- phc_ phx_ sbp_ atctt atbb bbdc- sha256~ ltai xkeysib- nvapi- ops_eyj gsk_ "
    "xai- r8_ fo1_ fm2_ claim- .atlasv1. 0x ntn_ pul- sntry sq0 cio oy2 :aa atatt pbkdf2 md5 scram- jdbc: bearer basic digest negotiate apikey $1$ "
    "$2$ $2a$ $2b$ $2x$ $2y$ $5$ $6$ $7$ $8$ $9$ $y$ $gy$ $apr1$ $argon $scrypt $p$ $h$ $s$ $sha1$ $bcrypt"
)
"""Something of each shape of a token that may be shorter than a long run."""
_WORDS = tuple(sorted(_NAMES | _SHAPES))
_MIDDLE = "h"
"""Half of the letters that words begin with come before it."""
_FORM = re.compile(
    r"[^\s:]++:\S|\*\s++\S++\s++\S|\d{1,3}\.[\d.]++\s++\S++\s++\d{1,3}\s*+$|[\w.\-]++/[\w.\-]++\s++\S++\s*+$|[\"'][^\"']++[\"']\s++[\w.*\-]++\s++[\"']|\d{1,10}\s++[a-z]|[\"']?[\w.@\\*\-]++[\"']?\s++(?:\*|[\"'][\w.*\-]++[\"']\s)|[\w.@\\*\-]++\s++[\w.*\-]++\s++(?:[\"'][^\"']++[\"']\s++[*\d]|\S++\s++\*)|@\S++\s|[\"'][^\"']*+[\"']\s++(?:[a-z][a-z\d,\-]*+\s++)?[\"'h]|\[?[\w.*\-]++\]?(?::\d{1,5})?\s++[^\s:]++:\S|.{0,100}?:\s++(?:psk|eap|xauth|ntlm|pin|p12|pkcs8|rsa|ecdsa)\s"
    r"|[^\s,\"':=]++,[\w.@\-]++,\d|[\w.\-]++\s*+[:=]\s*+[^,\s]{7,64}+,|[\w.~]*+/\S*+\s++[\"']?[\w.@\-]++[\"']?\s++(?:\S++|[\"'][^\"']++[\"'])\s*+$|user\s++\S++\s++\S++\s*+$|conn(?:ect)?\s++[\w$#.]++/\S|(?:tls\s*+\{\s*+)?dns\s++[a-z]\w++\s++\S|(?:dae-)?server\s*+=\s*+(?:\S++\s++\+?\d|[\w.:\-]++,\S)|(?:http|socks[45])\s++\S++\s++\d{1,5}\s"
)
"""A line that may be one of those known by their form: of a password file, of pap-secrets, of ntp.keys."""
_FORM_SIGN = re.compile(r"[:*\"',/]|\A(?:\d|user\s|tls\s|dns\s|server\s*+=|http\s|socks)")
"""What each of those has: most lines have none of it, and this is quick to say."""
_MARK = re.compile(r"[:*\"',/]")
_FIRST_WORD = re.compile(r"\n[ \t#;]*+(?:\d|user\s|tls\s|dns\s|server\s*+=|http\s|socks)")
"""The same signs for all lines of a text together, each behind the end of a line."""
_FLAG = re.compile(r"-(?:(?<![^\s\"'\[(,#/]-)[a-z]{1,4}(?:[\s\"']|[^\s\"'\d]*+\d)|(?<!\S-)p\S|-stdin)")
"""It begins with a dash, which is quick to find."""
_USER = re.compile(r"(?:user|login|auth|allow)\w*+[\s=:,\"']++[^\s:%/]++(?:[:%/][^\s/]|\s++/\s)")

_SIGN = re.compile(r"[@\-:{%/]")

_SCHEMED = re.compile(r"\{[a-z\d.\-]{3,40}\}")
_LONG = 512
_LONGEST_CALM = 20
_CLASSES = bytes(
    97 if chr(c).isascii() and (chr(c).isalnum() or chr(c) in "+/_-") else 32 for c in range(256)
)
_RUN = b"a" * _LONGEST_CALM


def hinted(lines: Sequence[str], distinct: Sequence[str], low: str) -> list[bool]:
    """Return for each line whether the rules have to look at it, and nothing where they have to look at none.

    `distinct` has each of the lines once, and `low` the same as one text in small letters.
    """
    has_words = _word()(low)
    if "-----" in low:
        return list(_around_pem("\n".join(lines).lower().split("\n"), _judge_of(low, has_words=has_words)))
    if not has_words and _is_calm(low):
        return []
    judge = _judge_of(low, has_words=has_words)
    hints = [judge(line) for line in low.split("\n")]
    if True not in hints:
        return []
    by_line = dict(zip(distinct, hints, strict=True))
    return [by_line[line] for line in lines]


def is_plain_text(low: str) -> bool:
    """Return whether no line of a text, in small letters, is worth a closer look, nor stands where sections or blocks are: a quick look at it.

    What it says of lines is true of them in any order, and of some of them.
    """
    return "[" not in low and "-----" not in low and not _word()(low) and _is_calm(low)


def _is_calm(low: str) -> bool:
    """Return whether no line of a text without the words, in small letters, has what a hint needs: many small files are like this."""
    return (
        _MARK.search(low) is None
        and _FIRST_WORD.search("\n" + low) is None
        and not (len(low) >= _LONGEST_CALM and _RUN in low.encode("utf-8", "replace").translate(_CLASSES))
        and not _may_be_formed(low)
        and (len(low) <= _LONG or max(map(len, low.split("\n"))) <= _LONG)
    )


def _judge_of(low: str, *, has_words: bool) -> Callable[[str], bool]:
    """Return what says of a line whether the rules have to look at it, given all lines, in small letters."""
    has_signs = _SIGN.search(low) is not None
    has_word = _word()
    has_runs = _RUN in low.encode("utf-8", "replace").translate(_CLASSES)

    def judge(line: str) -> bool:
        return (
            (has_words and has_word(line))
            or (has_runs and _has_run(line))
            or (has_signs and _may_be_formed(line))
            or has_form(line)
            or len(line) > _LONG
        )

    return judge


@cache
def _word() -> Callable[[str], bool]:
    """Return what says whether a text has any of the words.

    Two expressions, each of half the words: where a word begins with a letter of the other half, each goes on at once.
    """
    first, second = (
        letters_of(word for word in _WORDS if (word < _MIDDLE) is is_first).search
        for is_first in (True, False)
    )
    return lambda text: first(text) is not None or second(text) is not None


def _around_pem(lines: Iterable[str], judge: Callable[[str], bool]) -> Iterator[bool]:
    """Yield the same where blocks of PEM begin and end, inside of which nothing has to be looked at by itself."""
    is_pem = False
    for line in lines:
        if "-----" in line:
            is_pem = "-----begin " in line and "-----end " not in line
            yield True
        else:
            yield not is_pem and judge(line)


def has_form(line: str) -> bool:
    """Return whether a line, in small letters, may be one that is known by its form."""
    text = line.lstrip(" \t#/;")
    return _FORM_SIGN.search(text) is not None and _FORM.match(text) is not None


def _has_run(line: str) -> bool:
    return len(line) >= _LONGEST_CALM and _RUN in line.encode("utf-8", "replace").translate(_CLASSES)


def _may_be_formed(line: str) -> bool:
    return (
        "@" in line
        or ("-" in line and (_FLAG.search(line) is not None or "chpasswd" in line))
        or ((":" in line or "%" in line or "/" in line) and _USER.search(line) is not None)
        or "/p:" in line
        or ("{" in line and _SCHEMED.search(line) is not None)
    )
