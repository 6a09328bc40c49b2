"""What secrets look like in configuration files: names of keys, shapes of values, randomness. Pure."""

import re
from itertools import pairwise

_QUALIFIED_KEYS = "api|access|encryption|signing|shared|master|licen[cs]e|account|storage|auth|service|app|ssh|pgp|gpg|priv|wep"
KEY_NAME = (
    r"(?!(?:proxy|fastcgi|uwsgi|scgi|grpc|memcached)_?pass\b)"  # nginx and Apache: where to pass requests to
    r"(?!private key(?: block)?-----)"  # the first line of a PEM block
    r"(?>[\w.\-]*?(?:pass|pwd|secret|token|private|community|authorization|credential|psk\b|salt\b"
    rf"|(?:{_QUALIFIED_KEYS})[_\-]?key|key[_\-]data|masterauth|sasl|cookie[_\-]?(?:secret|key|value)|erlang[_\-]?cookie"
    r"|(?:(?<![a-z0-9])|root|bind|user|admin|db)pw(?![a-z0-9])|authtok\b|pincode|totp)[\w.\-\]]*+)"
)
"""The name of a key whose value is masked; the word may be a part of a longer one (`db_password`)."""

ASSIGNED = re.compile(
    rf"""(?P<before>(?<![\w.\-])(?:\[?["']?{KEY_NAME}["']?\]?\s*(?:=>|:=|\+=|\?=|=|:(?!//))\s*"""
    rf"""|["']-{{1,2}}{KEY_NAME}["']\s*,\s*(?=["'])|define\(\s*["']{KEY_NAME}["']\s*,\s*"""
    rf"""|{KEY_NAME}(?:\(\s*(?=["'])|,\s*<<)))(?=\S)""",
    re.IGNORECASE,
)
"""`db_password = …`, `"token": …`, `$config['secret'] = …`, `"--password", "…"`, `define('DB_PASSWORD', …)`"""

SPACED = re.compile(rf"""(?P<before>(?:^|[\s"'])-{{0,2}}{KEY_NAME}["']?[ \t]+)(?=[^\s=:])""", re.IGNORECASE)
"""`requirepass …`, `--password …`, `rocommunity …`"""

ELEMENT = re.compile(
    rf"(?P<before><{KEY_NAME}(?:\s[^<>]*)?>)(?P<value><!\[CDATA\[[^\]]*|[^<]+)", re.IGNORECASE
)
ELEMENT_OPENS = re.compile(rf"^\s*<{KEY_NAME}(?:\s[^<>]*)?(?<!/)>[^<]*$", re.IGNORECASE)
"""A tag whose value goes on, or begins, on the next line."""

USERINFO = re.compile(r"(?P<before>(?<![\w+.\-])[a-zA-Z][\w+.\-]*+://)(?P<value>[^\s/\"'<>]+)(?=@)")
SCHEME = re.compile(
    r"(?P<before>\b(?:bearer|basic|digest|negotiate)\s+)(?P<value>[\w+/=.~\-]{6,})", re.IGNORECASE
)
USER_OPTION = re.compile(
    r"""(?P<before>(?:(?:^|\s)(?:-u|--user|--proxy-user)[ =]|\bcurl\b[^\n]{0,200}?\s-u"""
    r"""|(?:^|\s)(?:proxy-)?(?:user|login)\s*[=:]\s*|\bstats\s+auth\s+)["']?)"""
    r"""(?P<value>(?!\d+:\d+\b)[^\s:"'/]+:[^\s:"'/][^\s"']*)"""
)
"""`curl -u me:…`, `user = "me:…"`, `login=me:…`"""

PLACED = re.compile(
    r"""(?P<before>^\s*(?:com2sec(?:6|unix)?\s+(?:-Cn\s+\S+\s+)?\S+\s+\S+|(?:trap2?|inform)sink\s+\S+"""
    r"""|createUser\s+(?:-e\s+\S+\s+)?\S+|SQLConnectInfo\s+\S+\s+\S+)\s+"""
    r"""|^[^#\n]*:\s+(?-i:PSK|EAP|XAUTH|NTLM|PIN|P12|PKCS8|RSA|ECDSA)\s+|^\s*(?:Set-)?Cookie:\s*)(?P<value>\S.*?)(?=\s*$)""",
    re.IGNORECASE,
)
"""Secrets that no key names, known by their place in the line: snmpd.conf, ipsec.secrets, a cookie."""

FLAG = re.compile(
    r"""(?P<before>\b(?:sshpass\s+-p|redis-cli\s(?:[^\n]{0,200}?\s)?-a|ldap[a-z]+\s(?:[^\n]{0,200}?\s)?-w"""
    r"""|snmp[a-z]+\s(?:[^\n]{0,200}?\s)?-[cAX]|user(?:add|mod)\s(?:[^\n]{0,200}?\s)?-p)\s*"""
    r"""|\b(?:mysql|mariadb)[\w\-]*\s(?:[^\n]{0,200}?\s)?-p|\s-u\s+\S+\s+-p\s+)(?P<value>(?!-)[^\s]+)"""
)
"""Flags of one letter, which mean a secret to these programs only."""

INLINE = re.compile(
    r"""(?P<before>\{(?:PLAIN|CLEAR(?:TEXT)?|CRYPT|S?(?:SHA|MD5)|BLF|ARGON2|PBKDF2|LANMAN|NTLM|CRAM|DIGEST|SCRAM)[\w.\-]*\}"""
    r"""|[?&](?:sig|signature|key)=|jdbc:oracle:\w+:[^/\s@]*/"""
    r"""|^(?:[^\s:\\#]|\\.)+:(?:\d{1,5}|\*):[^\s:]+:[^\s:]+:(?=(?:[^\s:\\]|\\.)+$))(?P<value>[^\s:@&"'<>,]+)""",
    re.IGNORECASE,
)
"""`{SSHA}…`, `?sig=…`, `jdbc:oracle:thin:me/…@`, a line of .pgpass"""

ACCESS_RULE = re.compile(r"(?P<before>^user\s[^\n]*?\s>)(?P<value>\S+)")
"""A line of Redis' ACL."""

AUTH = re.compile(
    r"""(?P<before>(?<!\w)["']?_?auth["']?\s*[:=]\s*["']?)(?P<value>[A-Za-z0-9+/]{6,}={0,2})(?=["'\s,}]|$)"""
)
"""What may be `user:password` in base64, as Docker and npm keep it."""

DES_HASH = re.compile(r"^(?P<before>[\w.@+\-]+:)(?P<value>[./0-9A-Za-z]{13})(?=:|\s*$)")

BLOCK = re.compile(
    rf"""^(?P<indent>\s*+(?:-\s++)?)["']?(?:(?P<secret>{KEY_NAME})|data|stringData)["']?\s*+[:=]\s*+(?:[!&][^\s#]++\s*+)*+(?:[|>][+\-0-9]*|[{{\[])?\s*+(?:\#.*)?$""",
    re.IGNORECASE,
)
"""A key whose value stands on the lines below, deeper."""

ARGUMENT = re.compile(
    rf"""^\s*+(?:-\s++)?(?:["']?-{{1,2}}{KEY_NAME}["']?\s*+[,\\]?|\?\s++["']?{KEY_NAME}["']?)\s*+$""",
    re.IGNORECASE,
)
"""A line that is a flag, or a key, and nothing else: its value is the next line."""

NAMED = re.compile(
    rf"""^\s*+(?:-\s++)?(?:["']?(?:name|key|variable|parameterkey)["']?\s*+[:=]\s*+["']?{KEY_NAME}["']?\s*+,?"""
    rf"""|variable\s++"{KEY_NAME}"\s*+\{{|<(?:name|key)>\s*+{KEY_NAME}\s*+</(?:name|key)>)\s*+$""",
    re.IGNORECASE,
)
"""A line that names what the `value` of the same list item, object or block is for."""

NAMED_INLINE = re.compile(
    rf"""(?P<before>["']?\b(?:name|key|parameterkey)["']?\s*[:=]\s*["']?{KEY_NAME}["']?\s*,\s*"""
    r"""["']?(?:value|parametervalue)["']?\s*[:=]\s*)(?=\S)""",
    re.IGNORECASE,
)
NAMED_ELEMENT = re.compile(
    rf"(?P<before><(?:name|key)>\s*{KEY_NAME}\s*</(?:name|key)>\s*<value>)(?P<value>[^<]+)", re.IGNORECASE
)
VALUE = re.compile(
    r"""^(?P<before>\s*+(?P<item>-\s++)?(?:["']?(?:value|default|parametervalue|content)["']?\s*+[:=]\s*+|<value>))(?P<value>\S.*)$""",
    re.IGNORECASE,
)
NAME = re.compile(
    r"""^\s*+(?:-\s++)?(?:["']?(?:name|key|variable|parameterkey)["']?\s*+[:=]|variable\s|<(?:name|key)>)""",
    re.IGNORECASE,
)

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

EXPRESSIONS = (ELEMENT, NAMED_ELEMENT, USERINFO, SCHEME, USER_OPTION, PLACED, FLAG, INLINE, ACCESS_RULE)
"""Each masks its `value`, wherever in a line it is."""

_KEY = re.compile(KEY_NAME, re.IGNORECASE)
# Something of each expression above, in lower case; one expression, because this runs over every text.
_PAIR = rb"\s{0,9}[=:]\s{0,9}[\"']?[^\s:\"'/]{1,99}:"
_HINT = re.compile(
    rb"p(?:ass|w(?![a-z0-9])|wd|rivate|sk|incode)|s(?:ecret|alt|asl|k_|qlconnect|tats\s{1,9}auth|nmp[a-z]{1,20} )|t(?:oken|otp|rap2?sink )"
    rb"|c(?:ommunity|redential|ookie|om2sec|reateuser|url )|a(?:uth(?:orization|tok|\W{0,3}[:=])|kia)|m(?:asterauth|ysql|ariadb)"
    rb"|informsink |b(?:e(?:gin|arer)|asic) |digest |negotiate |xox|eyj|rk_|glpat|redis-cli|ldap[a-z]{1,20} |jdbc:oracle"
    rb"|\$(?:[12567y]|gy\$|apr1|argon|scrypt|pbkdf)|-u[ =]|--(?:proxy-)?user|\?(?:sig|key)|&(?:sig|key)"
    rb"|user(?:add |mod |\s[^\n]{0,200}\s>|"
    + _PAIR
    + rb")|login"
    + _PAIR
    + rb"|: (?:psk|eap|xauth|ntlm|pin|p12|pkcs8|rsa|ecdsa)\s"
    rb"|:(?:\d{1,5}|\*):[^\s:]+:[^\s:]+:[^\s:]+\s|\{(?:plain|cl|cr|s?sha|s?md5|blf|argon|pbk|lan|nt|dig|scram)"
    rb"|\n[\w.@+\-]+:[./0-9a-z]{13}[:\s]"
)
"""Every alternative starts with a literal, so that the expression skips by first letters."""

_KEY_HINT = re.compile(rb"key(?:(?<=[a-z]key)|(?<=[a-z][_\-]key))")
"""A key that something qualifies, as `api_key`."""

_RUN = b"a" * 20
_RUNS = bytes(97 if chr(c).isascii() and (chr(c).isalnum() or chr(c) in "+/_=-") else 32 for c in range(256))


def is_secret_key(name: str) -> bool:
    """Return whether the value of a key of this name is masked."""
    return _KEY.fullmatch(name) is not None


def may_hold_secrets(text: str) -> bool:
    """Return False only when nothing in `text` would be masked; quick, because most text holds nothing."""
    low = b"\n" + text.encode("utf-8", "surrogatepass").lower() + b"\n"
    if _HINT.search(low) or _KEY_HINT.search(low) or (b"://" in low and b"@" in low):
        return True
    return _RUN in low.translate(_RUNS) and any(map(is_random, LONG.findall(text)))


KINDS = (1, 2, 3)
_FEW_CHANGES = 0.2
_MANY_CHANGES = 0.4


def is_random(text: str) -> bool:
    """Return whether a long run of characters looks drawn by lot, not written by a person.

    In random text the kind of character (digit, small, capital) changes every second or third time; in
    words, paths and CamelCase it seldom does.
    """
    kinds = [kind_of(character) for character in text]
    changes = sum(1 for one, next_one in pairwise(kinds) if one != next_one and one and next_one)
    length = sum(1 for kind in kinds if kind)
    if len(set(text)) < 8 or not length:  # noqa: PLR2004 - `----------` and `20200101000000000000` are no secrets
        return False
    return changes / length >= (_FEW_CHANGES if 1 in kinds else _MANY_CHANGES)


def kind_of(character: str) -> int:
    """Return 1 for a digit, 2 for a small letter, 3 for a capital, 0 for anything else."""
    if character.isdigit():
        return 1
    if character.islower():
        return 2
    return 3 if character.isupper() else 0
