"""Names: whether a key's value is a secret by what the key is called. Pure."""

import re
from enum import IntEnum
from functools import lru_cache

from collectors._redaction.tokens import MASKED, words_in

__all__ = ["HARMLESS", "MASKED", "MAX_LINE", "Sounds", "is_secret_key", "sounds"]

HARMLESS = frozenset(
    {"", "yes", "no", "true", "false", "on", "off", "null", "none", "nil", "~", "\\", "undef"}
)
"""Values that are no secret whatever their key is called (`PasswordAuthentication no`)."""

MAX_LINE = 4096
"""A longer line is not taken apart."""

_MAX_NAME = 128


class Sounds(IntEnum):
    """How much a name says of its value."""

    HARMLESS = 0
    MAYBE = 1
    """The value is a secret when it looks like one: `key`, `auth`, and what is about a secret: `password_policy`."""
    LIKELY = 2
    """The value is a secret unless it is plainly something else: `app_key`, `sim-pin`, `passwordsalt`."""
    SECRET = 3
    """`db_password`, `requirepass`, `X-Api-Token`."""


_WORD = re.compile(r"[A-Z]{1,128}(?![a-z])|[A-Z]?[a-z]++|[0-9]++|[^\W\d_a-zA-Z]++")
_NO_SECRET_WORDS = re.compile(
    r"passiv|bypass|compass|passth(?:rough|ru)|passenger|passag|passes\b|passed|passing|trespass|secretar|tokeni[sz]|wpassid"
    r"|(?:proxy|fastcgi|uwsgi|scgi|grpc|memcached)_?pass$|^proxypass(?:reverse|match|inherit|interpolate|$)|^(?:import|load)credential"
)
_SECRET = re.compile(
    r"pass|pwd|secret|token|credential|authorization|community|kennwort|geheim|contrase|motdepasse|masterauth|authtok"
    r"|keystring|passcode|pincode|psk|totp|otpseed|(?:api|access|encryption|signing|shared|master|licen[cs]e|account|storage|service"
    r"|ssh|pgp|gpg|priv|private|decryption|validation|join|crypt|wep|psk|session|client|secure|hmac|root|admin)key(?!s?(?:types?|board|map|word|ring|store|mgmt|server))|keydata|erlangcookie"
    r"|(?:root|bind|user|admin|db|my|mod|sql|bot|key|new|old|app|vnc)pw$|^pw$|pw[0-9]++$|keypem|wepkey|dpapi|cleartext|mnemonic|(?:seed|recovery|backup|wallet)phrase"
)
_ABROAD = re.compile(
    r"(?:wachtwoord|senha|heslo|parola|has[lł]o|l[oö]senord|adgangskode|kodeord|salasana|jelsz[oó]|mdp|şifre|sifre|(?<!en)clave|пароль|пароля|パスワード|密码|密碼|口令|비밀번호)$"
)
"""What a password is called in other languages, at the end of a name; what is spelt much like `password` or German is above."""
_ENDS_LIKELY = re.compile(
    r"(?:key|pin|puk|cookie|hash|salt|otp|nonce|hmac|seed|passwd|signature|pw|key[0-9]++|sig|digest|wpa|wep)$"
)
_ENDS_ALONE = re.compile(
    r"(?:(?<!sa)cred|creds|^dbroot"
    r"|(?:unlock|access|security|alarm|door|entry|activation|verification|invite|pairing|backup|recovery)code)$"
)
_LAST_WORDS = frozenset(
    {
        "key",
        "pin",
        "puk",
        "cookie",
        "hash",
        "salt",
        "otp",
        "nonce",
        "hmac",
        "seed",
        "signature",
        "pw",
        "sig",
        "pass",
        "pepper",
    }
)
_MAYBE = _LAST_WORDS | {
    "auth",
    "jwt",
    "login",
    "user",
    "username",
    "userpwd",
    "credentials",
    "keys",
    "encrypt",
}
_AUTH = ("auth", "oauth")
"""What ends so may be a secret: `primaryauth`, `proxyauth`, `github-oauth`."""
_PUBLIC_KEY = re.compile(
    r"(?:public|pub|attention|power|reboot|suspend|hibernate|lid|switch|media|foreign|primary|sort|partition|cache|hot|index|map|lookup|registry|row|composite|meta|modifier|arrow|short|unique"
    r"|candidate|natural|any|mon|tur|hoc|whis|jockey|group|trusted)_?(?:key|hash)s?$|publickey|^dnskey"
)
_ABOUT = words_in(
    "encryption file id ids identifier files path dir directory directories type types method methods length len size min max minlen "
    "maxlen days age timeout ttl expiry expires expiration lifetime interval policy prompt algorithm "
    "alg algo scheme enabled enable enables required require command cmd helper url uri endpoint format "
    "server host port attempts tries retries name names username field header map maps mode level agent "
    "backend provider store storage cache quality changed check authentication warn lookup query "
    "attribute attr column domain bits rounds strength count limit reqd issuer audience class section "
    "version minimum maximum delay requests rule rules realm source target identity owner group mgmt pref prefs "
    "sec usec seconds minutes hours"
)


def sounds(name: str) -> Sounds:
    """Return what a name says of its value; the name may be in any spelling (`dbPassword`, `DB_PASSWORD`, `db-password`)."""
    return _sounds(name) if len(name) <= _MAX_NAME else Sounds.MAYBE


@lru_cache(maxsize=2048)
def _sounds(name: str) -> Sounds:
    words = [word.lower() for word in _WORD.findall(name)]
    joined = _NO_SECRET_WORDS.sub("", "".join(words))
    if words[-2:] == ["proxy", "pass"]:  # nginx: the server behind it; `proxy_pass = …` is a password
        return Sounds.SECRET if name.lower().endswith("proxy-pass") else Sounds.MAYBE
    if not words or not joined or (len(words) > 1 and _NO_SECRET_WORDS.search("_".join(words[-2:]))):
        return Sounds.HARMLESS
    last = words[-1] if not words[-1].isdigit() or len(words) == 1 else words[-2]
    if _SECRET.search(joined):
        return Sounds.MAYBE if last in _ABOUT and len(words) > 1 else Sounds.SECRET
    if _PUBLIC_KEY.search(joined):
        return Sounds.HARMLESS
    if (
        _ABROAD.search(joined)
        or _ENDS_ALONE.search(joined)
        or (len(words) > 1 and (last in _LAST_WORDS or _ENDS_LIKELY.search(joined)))
    ):
        return Sounds.LIKELY
    if len(words) == 2 and words[0] == "user" and last not in _ABOUT:  # noqa: PLR2004 - JAAS: `user_alice`
        return Sounds.LIKELY
    if len(words) > 2 and words[0] == "bundle":  # noqa: PLR2004 - Bundler: `BUNDLE_GEMS__EXAMPLE__ORG`
        return Sounds.MAYBE
    if last == "bearer" or (last == "auth" and len(words) > 1 and name.isupper()):
        return Sounds.LIKELY
    if joined in _MAYBE or joined.endswith(_AUTH) or (last not in _ABOUT and _MAYBE.intersection(words)):
        return Sounds.MAYBE
    return (
        Sounds.LIKELY
        if re.search(r"[a-z](?:key|cookie|hash|salt|[a-z]pw)[0-9]*+$", joined)
        else Sounds.HARMLESS
    )


def is_secret_key(name: str) -> bool:
    """Return whether the value of a key of this name is masked."""
    return sounds(name) >= Sounds.LIKELY
