"""Secrets by their shape, whatever they are called: tokens of known services, hashes, URLs that carry them, randomness. Pure.

Each expression is put to one chunk of a line, which is short: work is proportional to the line.
"""

import re
from collections.abc import Iterator
from functools import cache

from collectors._redaction.extent import Span
from collectors._redaction.letters import letters_of
from collectors._redaction.tokens import Chunk, chunks_of, words_in
from collectors._redaction.values import (
    KINDS,
    MAX_VALUE,
    is_encoded_pair,
    is_plain,
    is_random,
    kind_of,
    looks_secret,
)

TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA)[A-Z0-9]{12,}+"
    r"|gh[pousr]_[A-Za-z0-9]{3,}+|github_pat_\w{8,}+|gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt|ffct)-[\w\-]{8,}+|glsa_\w{8,}+|glc_\w{8,}+"
    r"|xox[a-z]-[A-Za-z0-9\-]{8,}+|xapp-\d[\w\-]{8,}+|eyJ[\w\-]{5,}+\.[\w\-]{5,}+(?:\.[\w\-]*+)?"
    r"|[sprw]k_(?:live|test)_\w{6,}+|whsec_\w{6,}+|AIza[\w\-]{30,}+|ya29\.[\w\-]{8,}+|GOCSPX-[\w\-]{8,}+|SG\.[\w\-]{6,}+\.[\w\-]{6,}+"
    r"|hv[sbr]\.[\w\-]{8,}+|[sb]\.[A-Za-z0-9]{22,}+|pypi-[\w\-]{8,}+|npm_[A-Za-z0-9]{8,}+|do[opr]_v1_\w{8,}+|shp(?:at|ca|pa|ss)_\w{8,}+"
    r"|key-[0-9a-f]{16,}+|K00[0-9][A-Za-z0-9+/]{20,}+|AGE-SECRET-KEY-\w++|PMAK-[\w\-]{8,}+|hf_\w{8,}+|sk-[\w\-]{16,}+|NRAK-\w{8,}+|dapi[0-9a-f]{16,}+|tskey-[\w\-]{8,}+"
    r"|lin_api_\w{8,}+|figd_[\w\-]{8,}+|pat-(?:na|eu|ap)\d-[\w\-]{8,}+|pscale_(?:pw|tkn|oauth)_[\w\-]{8,}+|dp\.(?:pt|st|ct|sa|audit)\.[\w.\-]{8,}+|dt0[a-z]\d\d\.[\w.]{8,}+|CFPAT-[\w\-]{8,}+|ph[cx]_\w{8,}+|sbp_\w{8,}+|ATCTT[\w\-=]{8,}+|ATBB\w{8,}+|BBDC-\w{8,}+|sha256~[\w\-]{8,}+|LTAI\w{12,}+|xkeysib-[\w\-]{8,}+|nvapi-[\w\-]{8,}+|ops_eyJ[\w\-]{8,}+|gsk_\w{8,}+|xai-\w{8,}+|r8_\w{8,}+|ntn_\w{8,}+|pul-[0-9a-f]{8,}+|rubygems_[0-9a-f]{8,}+|sntry[su]_[\w=]{8,}+|sq0[a-z]{3}-[\w\-]{8,}+|dckr_pat_[\w\-]{8,}+|cio[a-zA-Z0-9]{16,}+|oy2[a-z0-9]{20,}+"
    r"|[0-9]{8,10}:AA[\w\-]{20,}+|[MNO][\w\-]{23,25}\.[\w\-]{6}\.[\w\-]{27,}+|ATATT[\w\-=]{8,}+|secret-token:\S++|AccountKey=\S++|sq[apu]_[A-Za-z0-9_]{8,}+|00D\w{12,15}+![\w.]{20,}+)"
    r"|\$(?:1|2[abxy]?|5|6|7|8|9|y|gy|apr1|argon2[a-z]*+|scrypt|pbkdf2[\w\-]*+|sha1|md5|P|H|S|bcrypt[\w\-]*+)\$[^\s:\"']++"
    r"|(?<!\w)(?:grub\.)?pbkdf2[.:_][\w.:$+/=\-]{8,}+|(?<![A-Za-z0-9])md5[0-9a-f]{32}(?!\w)|(?<!\w)\*[0-9A-F]{40}(?!\w)|SCRAM-SHA-\d++\$\S++"
    r"|(?<=/)secret-token:\S++|(?<![\w])0x[0-9a-fA-F]{24,}+(?!\w)|(?<![A-Za-z0-9])(?:SK[0-9a-f]{32}(?!\w)|fo1_\w{8,}+|fm2_[\w+/=]{8,}+|claim-[\w\-]{12,}+|[A-Za-z0-9]{10,20}\.atlasv1\.[\w\-]{20,}+)",
)
_TOKEN_RUN = re.compile(r"[A-Za-z0-9+/_\-]{16}")
_TOKEN_PARTS = words_in(
    "ghp_ gho_ ghu_ ghs_ ghr_ _pat_ glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glagent- glimt- glffct- glsa_ glc_ xox xapp- eyj "
    "k_live_ k_test_ whsec_ ya29. gocspx- sg. hvs. hvb. hvr. pypi- npm_ _v1_ shp age-secret pmak- hf_ sk- nrak- tskey- lin_api_ figd_ "
    "pat-na pat-eu pat-ap pscale_ dp.pt dp.st dp.ct dp.sa dp.audit dt0 cfpat- phc_ phx_ sbp_ atctt atbb bbdc- sha256~ xkeysib- nvapi- "
    "gsk_ xai- r8_ ntn_ pul- sntry sq0 :aa atatt secret-token: accountkey= sqa_ sqp_ squ_ 00d pbkdf2 scram-sha- fo1_ fm2_ claim- "
    ".atlasv1."
)
"""One of these is in each token that is shorter than such a run."""
SCHEMED = re.compile(
    r"\{(?:PLAIN|CLEAR(?:TEXT)?|CRYPT|S?(?:SHA|MD5)|BLF|ARGON2|PBKDF2|LANMAN|NTLM|CRAM|DIGEST|SCRAM)[\w.\-]{0,30}\}(?P<value>[^\s:,\"']++)",
    re.IGNORECASE,
)
"""A hash as LDAP and Dovecot keep it: `{SSHA}…`"""
_LONG = re.compile(r"[A-Za-z0-9+/_\-]{20,}+(?:={1,2}(?![^\s]))?")
_JDBC = re.compile(
    r"jdbc:\w++:(?:\w++:)?[^/@]*+/(?P<value>[^/@]++)@|(?<![^=])[\w$#]++/(?P<easy>[^/@]++)@(?://|\w)"
)
"""Oracle's `…thin:me/…@db`, and `me/…@//host/db`."""
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DES_HASH = re.compile(r"[\w.@+\-]++:(?P<value>[./0-9A-Za-z]{13})(?::.*+)?")
_SCHEME_NAMES = frozenset({"bearer", "basic", "digest", "negotiate", "token", "apikey"})
_BOT = re.compile(r"/bot(?P<value>\d{1,20}:[\w\-]++)")
_IN_PATH = re.compile(r"/(?i:key|api-?key|token|secret|auth|integration)/(?P<value>[^/?#]++)")
_BEHIND_DOMAIN = re.compile(r"://[^/@]++/[^/:@]++:(?P<value>[^/@]++)@")
"""`smb://DOMAIN/me:…@host`"""
_SHORT = re.compile(r"[?&]u=[^&]++&p=(?P<value>[^&#]++)")
"""InfluxDB's `?u=me&p=…`"""
_NOTICE = re.compile(
    r"(?i:gotifys?|tgram|telegram|discord|slack|pover|pushover|ntfys?|join|matrixs?|mailgun|sendgrid|twilio|msteams|teams|rockets?|opsgenie|bark|pbul|pushbullet|ifttt|rtmps?|srt)://"
)
"""Schemes by which notices and streams are sent: what of their path looks like a secret is the key to it."""
_PART = re.compile(r"[^/?&=@:.]++")
_HOOK = re.compile(r"(?i:hook|hc-ping|/services/T|/hooks?/|ping/)")


def may_be_token(text: str, low: str) -> bool:
    """Return whether a text of ASCII may hold a token of a known service, `low` in small letters: this is quick to say."""
    return "$" in text or _TOKEN_RUN.search(text) is not None or _token_part().search(low) is not None


@cache
def _token_part() -> re.Pattern[str]:
    return letters_of(_TOKEN_PARTS)


def shaped(line: str, start: int) -> Iterator[Span]:
    """Yield where in a line something stands that is a secret by its shape."""
    if "{" in line:
        for found in SCHEMED.finditer(line, start):
            yield Span(found.start("value"), found.end("value"))
    before = ""
    for chunk in chunks_of(line, start):
        yield from _in_chunk(chunk, before)
        before = chunk.text.lower().rstrip(":").rpartition("=")[2]


def _in_chunk(chunk: Chunk, before: str) -> Iterator[Span]:
    text, at = chunk.text, chunk.start
    if len(text) > MAX_VALUE:
        yield Span(at, chunk.end)
        return
    if before in _SCHEME_NAMES and _is_credential(text):
        yield Span(at, chunk.end)
        return
    for found in TOKEN.finditer(text):
        yield Span(at + found.start(), at + found.end())
    yield from _in_pair(text, at)
    if "://" in text:
        yield from _in_url(text, at)
    yield from _drawn(text, at)


def _in_pair(text: str, at: int) -> Iterator[Span]:
    """Yield the password of `me:…@host`, `jdbc:oracle:thin:me/…@host`, and of a line of an old .htpasswd."""
    found = _JDBC.search(text)
    if found is None and "@" in text and "://" not in text:
        yield from _before_host(text, at)
    if found is None:
        found = _DES_HASH.fullmatch(text)
        found = None if found is not None and not _is_mixed(found["value"]) else found
    if found is not None:
        group = found.lastgroup or "value"
        if group == "value" or looks_secret(found[group]):
            yield Span(at + found.start(group), at + found.end(group))


def _before_host(text: str, at: int) -> Iterator[Span]:
    """Yield the password of `me:…@host`, which no scheme announces."""
    start = text.rfind("=", 0, text.find(":")) + 1
    user, colon, _ = text[start:].partition(":")
    end = text.rfind("@")
    begin = start + len(user) + 1
    if (
        user
        and colon
        and begin < end
        and "/" not in user
        and (text[end + 1 : end + 2].isalnum() or (text[end + 1 : end + 2] in {"", "/"} and user.isalnum()))
        and not _is_number(text[begin:end])
    ):
        yield Span(at + begin, at + end)
    elif "/" in user and not text.startswith("sha256:", end + 1):  # the name of a file that was a URL
        begin = text.rfind(":", 0, end) + 1
        if looks_secret(text[begin:end]) and "/" not in text[begin:end]:
            yield Span(at + begin, at + end)


def _is_credential(text: str) -> bool:
    return len(text) >= 6 and (looks_secret(text) or is_random(text) or is_encoded_pair(text))  # noqa: PLR2004 - prose


def _in_url(text: str, at: int) -> Iterator[Span]:
    start = text.index("://") + 3
    authority = text[start:].partition("/")[0].partition("?")[0]
    user, sign, _ = text[start:].rpartition("@") if "@" in authority or ":" in authority else ("", "", "")
    if sign and user:
        yield Span(at + start, at + start + len(user))
    elif looks_secret(authority.partition(":")[2]) and "[" not in authority:
        yield Span(at + start, at + start + len(authority))
    if _NOTICE.match(text):
        yield from (
            Span(at + f.start(), at + f.end()) for f in _PART.finditer(text, start) if looks_secret(f[0])
        )
    for found in (_BOT.search(text, start), _BEHIND_DOMAIN.search(text), _SHORT.search(text, start)):
        if found is not None:
            yield Span(at + found.start("value"), at + found.end("value"))
    for found in _IN_PATH.finditer(text, start):
        if looks_secret(found["value"]):
            yield Span(at + found.start("value"), at + found.end("value"))
    hook = _HOOK.search(text, start)
    if hook:
        path = text.find("/", hook.end() - 1)
        if 0 <= path < len(text) - 1:
            yield Span(at + path + 1, at + len(text))


def _drawn(text: str, at: int) -> Iterator[Span]:
    for found in _LONG.finditer(text):
        piece, start = found[0], at + found.start()
        if _UUID.fullmatch(piece) or _UUID.fullmatch(piece.rpartition("/")[2]):
            continue
        is_path = (
            text[max(0, found.start() - 1) : found.start()] in {"/", ".", "~", ":", "}"} or piece[0] == "/"
        )
        if not is_path:
            if is_random(piece):
                yield Span(start, start + len(piece))
            continue
        for part in re.finditer(r"[^/]{20,}+", piece):
            if is_random(part[0]):
                yield Span(start + part.start(), start + part.end())


def _is_mixed(value: str) -> bool:
    return len({kind for character in value if (kind := kind_of(character))}) == len(KINDS)


def _is_number(value: str) -> bool:
    return value.isdigit() or is_plain(value)
