"""No secret of the corpus is in what a diff may show, and what is no secret still is.

Each value is made up, and composed here at run time, so that no file of ours looks as if it held one.
"""

import hashlib
import json
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._redaction.redact import Redactor
from collectors._redaction.secrets import is_random

KEY = b"k" * 32
LOTS = random.Random(20261120)


def drawn(count, alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"):
    return "".join(LOTS.choice(alphabet) for _ in range(count))


UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
HEX = "0123456789abcdef"
BASE64 = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
PLAIN = "hunter2"
SPACED = "correct horse battery"
AWS_ID = "AK" + "IA" + drawn(16, UPPER)
AWS_SECRET = drawn(40, BASE64)
GITHUB = "gh" + "p_" + drawn(36)
GITHUB_FINE = "github" + "_pat_" + drawn(22) + "_" + drawn(40)
GITLAB = "gl" + "pat-" + drawn(20)
SLACK = "xo" + "xb-" + drawn(12, "0123456789") + "-" + drawn(24)
STRIPE = "sk_" + "live_" + drawn(24)
GOOGLE = "AI" + "za" + drawn(35)
JWT = ".".join(("ey" + "J" + drawn(20), "ey" + "J" + drawn(40), drawn(43)))
CRYPT = "$6$" + drawn(8) + "$" + drawn(40)
BCRYPT = "$2y$" + "10$" + drawn(53)
APR1 = "$apr1$" + drawn(8) + "$" + drawn(22)
HEX_TOKEN = drawn(32, HEX)
UUID = "-".join(drawn(n, HEX) for n in (8, 4, 4, 4, 12))
BODY = "\n".join(drawn(64, BASE64) for _ in range(3))
PEM_KEY = "-----BEGIN " + "RSA PRIVATE KEY-----\n" + BODY + "\n-----END RSA PRIVATE KEY-----"

CORPUS = {
    "ini": (f"[db]\nuser = app\npassword = {PLAIN}\nhost = db1\n", [PLAIN], ["user = app", "host = db1"]),
    "ini with spaces": (f"db_password = {SPACED}\n", ["correct", "horse", "battery"], ["db_password"]),
    "ini upper case": (f"DB_PASSWD={PLAIN}\nPORT=80\n", [PLAIN], ["PORT=80"]),
    "shell": (f"export API_KEY='{PLAIN}'\nexport EDITOR=vim\n", [PLAIN], ["EDITOR=vim"]),
    "shell continued": ("export SECRET=first \\\n  second\nA=b\n", ["first", "second"], ["A=b"]),
    "comment after": (f'token = "{PLAIN}" # the old one\n', [PLAIN], ["# the old one"]),
    "punctuation": ("password = a,b;c}d e\n", ["a,b", "c}d"], []),
    "yaml": (f"app:\n  name: shop\n  secret: {PLAIN}\n", [PLAIN], ["name: shop"]),
    "yaml list": (f"tokens:\n  - {PLAIN}\n  - other\nport: 1\n", [PLAIN, "other"], ["port: 1"]),
    "yaml flow": (f"tokens: [{PLAIN}, 'b c']\n", [PLAIN, "b c"], []),
    "yaml mapping": (f"credentials:\n  left: {PLAIN}\n  right:\n    deep: x9\nport: 1\n", [PLAIN, "x9"], ["port: 1"]),
    "yaml block": (f"private_key: |\n  {PLAIN}\n  more\nport: 1\n", [PLAIN, "more"], ["port: 1"]),
    "yaml folded": (f"- secret: >-\n    {PLAIN}\n    more\n- port: 1\n", [PLAIN, "more"], ["port: 1"]),
    "kubernetes": (f"kind: Secret\ndata:\n  user: {PLAIN}\ntype: Opaque\n", [PLAIN], ["type: Opaque"]),
    "json": (json.dumps({"user": "app", "password": PLAIN, "port": 80}), [PLAIN], ['"port": 80', '"app"']),
    "json indented": (json.dumps({"secrets": {"a": PLAIN, "b": ["x9"]}, "port": 80}, indent=2), [PLAIN, "x9"], ["80"]),
    "json escaped": (json.dumps({"password": 'a"b' + PLAIN}), [PLAIN], []),
    "json number": ('{"pin_token": 123456, "port": 80}\n', ["123456"], []),
    "toml": (f'[auth]\napi_key = "{PLAIN}"\nname = "x"\n', [PLAIN], ['name = "x"']),
    "toml multi-line": (f'secret = """\n{PLAIN}\nmore"""\nname = "x"\n', [PLAIN, "more"], ['name = "x"']),
    "quote left open": (f'password = "first\n{PLAIN} last"\nname = "x"\n', ["first", PLAIN, "last"], ['name = "x"']),
    "xml": (f"<server><password>{PLAIN}</password><port>80</port></server>\n", [PLAIN], ["<port>80</port>"]),
    "php": (f"$config['db_password'] = '{PLAIN}';\n$port = 80;\n", [PLAIN], ["$port = 80"]),
    "ruby": (f"  :secret_key => '{PLAIN}',\n  :port => 80,\n", [PLAIN], [":port => 80"]),
    "redis": (f"requirepass {SPACED}\nport 6379\n", ["correct", "battery"], ["port 6379"]),
    "snmp": (f"rocommunity {PLAIN} 10.0.0.0/8\nsyslocation cellar\n", [PLAIN], ["syslocation cellar"]),
    "snmp assigned": (f"community: {PLAIN}\n", [PLAIN], []),
    "keepalived": (f"auth_type PASS\nauth_pass {PLAIN}\npriority 100\n", [PLAIN], ["priority 100"]),
    "wpa": (f'ssid="home"\npsk="{SPACED}"\n', ["horse"], ['ssid="home"']),
    "netrc": (f"machine h login me password {PLAIN}\n", [PLAIN], ["machine h"]),
    "two on a line": (f"login me password {PLAIN} token=abc\n", [PLAIN, "abc"], ["login me"]),
    "url": (f"dsn=postgres://app:{PLAIN}@db1:5432/shop\n", [PLAIN, "app:"], ["@db1:5432/shop"]),
    "url with at": ("proxy https://me:p@ss@proxy.example:3128\n", ["p@ss"], ["@proxy.example:3128"]),
    "header": (f'proxy_set_header Authorization "Basic {PLAIN}xyz";\n', [PLAIN], ["proxy_set_header"]),
    "bearer": (f"curl -H 'X: Bearer {JWT}' http://h/\n", [JWT], ["http://h/"]),
    "curl": (f"curl -u me:{PLAIN} http://h/\n", [PLAIN], ["http://h/"]),
    "command line": (f"ExecStart=/usr/bin/x --password {PLAIN}\n", [PLAIN], ["/usr/bin/x"]),
    "command line assigned": (f"ExecStart=/usr/bin/x --api-token={PLAIN} --port=1\n", [PLAIN], ["/usr/bin/x"]),
    "aws": (f"id = {AWS_ID}\nother = {AWS_SECRET}\n", [AWS_ID, AWS_SECRET], []),
    "aws named": (f"aws_secret_access_key = {AWS_SECRET}\n", [AWS_SECRET], []),
    "github": (f"x: {GITHUB}\ny: {GITHUB_FINE}\n", [GITHUB, GITHUB_FINE], ["x:", "y:"]),
    "gitlab": (f"x {GITLAB}\n", [GITLAB], []),
    "slack": (f"hook {SLACK}\n", [SLACK], []),
    "stripe": (f"x={STRIPE}\n", [STRIPE], []),
    "google": (f"x={GOOGLE}\n", [GOOGLE], []),
    "jwt": (f"x={JWT}\n", [JWT], []),
    "htpasswd": (f"me:{APR1}\nyou:{BCRYPT}\n", [APR1, BCRYPT], ["me:", "you:"]),
    "crypt": (f"rootpw --iscrypted {CRYPT}\n", [CRYPT], ["rootpw"]),
    "hex": (f"x = {HEX_TOKEN}\n", [HEX_TOKEN], []),
    "pem": (f"before\n{PEM_KEY}\nafter\n", BODY.split("\n"), ["before", "after", "BEGIN RSA"]),
    "pem in yaml": ("key: |\n  " + PEM_KEY.replace("\n", "\n  ") + "\nport: 1\n", BODY.split("\n"), ["port: 1"]),
    "pem in json": (json.dumps({"k": PEM_KEY, "port": 1}), BODY.split("\n"), ['"port": 1']),
    "pem cut off": (PEM_KEY[:150] + "\n", [PEM_KEY[40:100]], ["BEGIN RSA"]),
}  # fmt: skip

HARMLESS = (
    "proxy_pass http://backend;\n",
    "fastcgi_pass unix:/run/php/php8.2-fpm.sock;\n",
    "PasswordAuthentication no\n",
    "path = /usr/lib/x86_64-linux-gnu/security/modules/default\n",
    "LoadModule authz_core_module modules/mod_authz_core.so\n",
    "author = Somebody Else\n",
    "include /etc/nginx/modules-enabled/*.conf;\n",
    "server_name www.some-rather-long-name.example.com;\n",
    "# ---------------------------------------------------------------\n",
    "net.ipv4.conf.default.rp_filter = 1\n",
    "ExecStart=/usr/sbin/nginx -g 'daemon on; master_process on;'\n",
    "deb http://deb.debian.org/debian bookworm-updates main\n",
    "0 3 * * * root /usr/local/bin/backup-everything --verbose\n",
    "log_format main '$remote_addr - $remote_user [$time_local] \"$request\"';\n",
)


@pytest.mark.parametrize("name", CORPUS)
def test_no_secret_of_the_corpus_is_shown_and_its_surroundings_are(name):
    text, secrets, shown = CORPUS[name]
    masked = Redactor(KEY).mask(text)
    for secret in secrets:
        assert secret not in masked
    for part in shown:
        assert part in masked


@pytest.mark.parametrize("name", CORPUS)
def test_a_secret_that_changed_shows_as_changed_and_one_that_did_not_does_not(name):
    text, secrets, _ = CORPUS[name]
    redactor = Redactor(KEY)
    secret = secrets[0]
    swapped = secret[:-1] + ("8" if secret[-1] != "8" else "9")
    assert redactor.mask(text) == redactor.mask(text)
    assert redactor.mask(text.replace(secret, swapped)) != redactor.mask(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays_readable(text):
    assert Redactor(KEY).mask(text) == text


def test_a_masked_value_cannot_be_told_without_the_key():
    line = f"password = {PLAIN}\n"
    assert Redactor(KEY).mask(line) != Redactor(b"x" * 32).mask(line)
    for digest in (hashlib.sha256, hashlib.blake2b, hashlib.md5):
        assert digest(PLAIN.encode()).hexdigest()[:12] not in Redactor(KEY).mask(line)


@pytest.mark.parametrize("name", CORPUS)
def test_masking_what_is_masked_shows_no_more_and_breaks_nothing(name):
    text, secrets, _ = CORPUS[name]
    redactor = Redactor(KEY)
    twice = redactor.mask(redactor.mask(text))
    assert not [secret for secret in secrets if secret in twice]


@given(st.text())
def test_any_text_can_be_masked_and_keeps_its_lines(text):
    masked = Redactor(KEY).mask(text)
    if "-----BEGIN" not in text:
        assert masked.count("\n") == text.count("\n")


@given(
    st.from_regex(r"[!-~]{6,40}", fullmatch=True).filter(
        lambda v: v[0] not in "=:\"'[{<>|" and "masked" not in v
    )
)
def test_whatever_a_password_is_made_of_it_is_not_shown(value):
    masked = Redactor(KEY).mask(f"db_password={value}\n")
    assert value.rstrip(",;") not in masked.replace("db_password=", "")


@pytest.mark.parametrize("alphabet", [BASE64, HEX, UPPER])
@pytest.mark.parametrize("length", [20, 32, 64])
def test_what_was_drawn_by_lot_looks_random_nearly_always(alphabet, length):
    assert sum(is_random(drawn(length, alphabet)) for _ in range(1000)) >= 960


PATHOLOGICAL = (
    "password" * 3000 + " " + "=" * 3000 + '"' * 3000 + "a://" * 3000 + "@",
    "\n".join("password" * 500 + " " * 90 for _ in range(60)),
    "\n".join("tokens: [" + "'" * 3000 + "]" for _ in range(60)),
    "\n".join("secret" + " " * 4000 + "x" for _ in range(60)),
    "\n".join("a" * 4000 + "@://" for _ in range(60)),
    "-----BEGIN A-----" * 10_000,
    "\n".join("basic" + " " * 4000 for _ in range(60)),
    "\n".join("eyJaaaaa" * 500 for _ in range(60)),
)


@pytest.mark.parametrize("text", PATHOLOGICAL, ids=range(len(PATHOLOGICAL)))
def test_text_made_to_keep_a_parser_busy_keeps_it_busy_for_seconds_at_most(text):
    before = time.process_time()
    Redactor(KEY).mask(text[: 256 * 1024])
    assert time.process_time() - before < 10
