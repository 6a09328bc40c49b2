"""No secret of the corpus is in what a diff may show, and what is no secret still is.

Each value is made up, and composed here at run time, so that no file of ours looks as if it held one.
"""

import base64
import hashlib
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._redaction.redact import Redactor
from collectors._redaction.values import is_random

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

KEY_44 = drawn(43, BASE64) + "="
SHA_28 = drawn(27, BASE64) + "="
DES = "rl.3StKT" + ".4T8M"
YESCRYPT = "$y$" + "j9T$" + drawn(22) + "$" + drawn(43)
PAIR_64 = base64.b64encode(f"me:{PLAIN}".encode()).decode()

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
    "pgpass": (f"db1:5432:shop:app:{PLAIN}\n*:*:*:postgres:{PLAIN}\n", [PLAIN], ["db1:5432:shop:app:"]),
    "my.cnf": (f"[client]\nuser=root\npassword={PLAIN}\n", [PLAIN], ["user=root"]),
    "fstab": (f"//nas/x /mnt cifs username=me,password={PLAIN},uid=1 0 0\n", [PLAIN], ["/mnt cifs username=me"]),
    "wireguard": (f"PrivateKey = {KEY_44}\nPresharedKey = {PLAIN}\nAddress = 10.0.0.1\n", [KEY_44, PLAIN], ["10.0.0.1"]),
    "htpasswd sha": ("me:{SHA}" + SHA_28 + "\n", [SHA_28], ["me:{SHA}"]),
    "htpasswd des": (f"me:{DES}\n", [DES], ["me:"]),
    "ldap": ("userPassword: {SSHA}" + SHA_28 + "\nrootpw {SSHA}" + SHA_28 + "\n", [SHA_28], ["rootpw"]),
    "dovecot": ("me@x:{PLAIN}" + PLAIN + ":1000:1000::/home/me\n", [PLAIN], ["me@x:{PLAIN}", ":1000:1000::/home/me"]),
    "slapd": (f"rootdn cn=admin\nrootpw {PLAIN}\nolcRootPW: {PLAIN}\n", [PLAIN], ["rootdn cn=admin"]),
    "nslcd": (f"binddn cn=x\nbindpw {PLAIN}\n", [PLAIN], ["binddn cn=x"]),
    "sssd": (f"ldap_default_authtok = {PLAIN}\nldap_uri = ldap://h\n", [PLAIN], ["ldap_uri = ldap://h"]),
    "snmp v3": (f'createUser me SHA "{PLAIN}" AES {PLAIN}\nrouser me\n', [PLAIN], ["createUser me", "rouser me"]),
    "snmp com2sec": (f"com2sec readonly default {PLAIN}\n", [PLAIN], ["com2sec readonly default"]),
    "snmp trapsink": (f"trap2sink 10.0.0.1 {PLAIN}\n", [PLAIN], ["trap2sink 10.0.0.1"]),
    "snmpwalk": (f"ExecStart=/usr/bin/snmpwalk -v2c -c {PLAIN} host\n", [PLAIN], ["snmpwalk -v2c -c", "host"]),
    "docker": (json.dumps({"auths": {"r.example": {"auth": PAIR_64}}}, indent=1), [PAIR_64], ["r.example"]),
    "docker token": (json.dumps({"auths": {"r.example": {"identitytoken": PLAIN}}}), [PLAIN], ["r.example"]),
    "kubeconfig": (f"user:\n  client-key-data: {PLAIN}\n  token: {PLAIN}\nname: x\n", [PLAIN], ["name: x"]),
    "terraform": (f'variable "db_password" {{\n  type = string\n  default = "{PLAIN}"\n}}\n', [PLAIN], ["type = string"]),
    "terraform provider": (f'  access_key = "{PLAIN}"\n  region = "eu"\n', [PLAIN], ['region = "eu"']),
    "npmrc": (f"//r.example/:_authToken={PLAIN}\n_auth = {PAIR_64}\nregistry=https://r/\n", [PLAIN, PAIR_64], ["https://r/"]),
    "pip": (f"index-url = https://me:{PLAIN}@r.example/simple\n", [PLAIN], ["@r.example/simple"]),
    "aws file": (f"aws_session_token = {PLAIN}\nregion = eu-west-1\n", [PLAIN], ["region = eu-west-1"]),
    "google file": (json.dumps({"private_key": PEM_KEY, "client_email": "a@b"}, indent=2), BODY.split("\n"), ["a@b"]),
    "azure": (f"AccountName=me;AccountKey={PLAIN}\n", [PLAIN], ["AccountName=me"]),
    "azure sas": (f"url=https://h/c?sv=1&sig={PLAIN}\n", [PLAIN], ["https://h/c?sv=1&sig="]),
    "jdbc": (f"url=jdbc:mysql://db1/shop?user=app&password={PLAIN}\n", [PLAIN], ["jdbc:mysql://db1/shop?user=app"]),
    "jdbc oracle": (f"url=jdbc:oracle:thin:app/{PLAIN}@db1:1521\n", [PLAIN], ["thin:app/", "@db1:1521"]),
    "odbc": (f"Server=db1;Uid=app;Pwd={PLAIN};\n", [PLAIN], ["Server=db1;Uid=app"]),
    "crypt yescrypt": (f"x:{YESCRYPT}:1:\n", [YESCRYPT], ["x:"]),
    "argon2": ("x = $argon2id$v=19$m=65536,t=3,p=4$" + CRYPT[3:] + "\n", [CRYPT[12:]], ["x ="]),
    "yaml plain folded": (f"password: first\n  {PLAIN} more\nport: 1\n", ["first", PLAIN], ["port: 1"]),
    "yaml tagged": (f"password: !vault |\n  {PLAIN}\nport: 1\n", [PLAIN], ["port: 1"]),
    "yaml commented": (f"password: # of the db\n  {PLAIN}\nport: 1\n", [PLAIN], ["port: 1"]),
    "no comment": (f"db_password=#{PLAIN}\napi_key: #{PLAIN}\nport: 1\n", [PLAIN], ["port: 1"]),
    "no sign of YAML's": (f"db_password=!{PLAIN}\napi_key=&{PLAIN}\nsecret: !{PLAIN}\nport: 1\n", [PLAIN], ["port: 1"]),
    "below what is no comment": (f"password: #old\n  {PLAIN}\nport: 1\n", [PLAIN], ["port: 1"]),
    "list below an anchor": (f"passwords: &p\n  - {PLAIN}\nport: 1\npasswords: #p\n  - {PLAIN}\nport: 2\n", [PLAIN], ["port: 1", "port: 2"]),
    "yaml complex key": (f"? password\n: {PLAIN}\n? port\n: 1\n", [PLAIN], ["? port\n: 1"]),
    "yaml blank line": (f"secret: |\n  {PLAIN}\n\n  more\nport: 1\n", [PLAIN, "more"], ["port: 1"]),
    "yaml named": (f"- name: DB_PASSWORD\n  value: {PLAIN}\n- name: PORT\n  value: '80'\n", [PLAIN], ["value: '80'"]),
    "yaml named below": (f"- value: {PLAIN}\n  name: TOKEN\n- value: x\n  name: Y\n", [PLAIN], ["value: x"]),
    "yaml named block": (f"- name: DB_PASSWORD\n  value: |\n    {PLAIN}\n- name: x\n", [PLAIN], ["- name: x"]),
    "yaml arguments": (f"args:\n- --password\n- {PLAIN}\n- --port\n- '80'\n", [PLAIN], ["- --port\n- '80'"]),
    "json named": (json.dumps([{"name": "TOKEN", "value": PLAIN}, {"name": "P", "value": "80"}]), [PLAIN], ['"80"']),
    "json named, lines": (json.dumps([{"name": "TOKEN", "value": PLAIN}, {"value": "80"}], indent=2), [PLAIN], ['"80"']),
    "json arguments": (json.dumps(["x", "--password", PLAIN, "--port"]), [PLAIN], ["--port"]),
    "json arguments, lines": (json.dumps(["x", "--password", PLAIN, "--port"], indent=1), [PLAIN], ["--port"]),
    "xml attribute": (f'<user name="me" password="{PLAIN}" roles="x"/>\n', [PLAIN], ['roles="x"']),
    "xml named": (f"<name>fs.secret.key</name>\n<value>{PLAIN}</value>\n", [PLAIN], ["</value>"]),
    "xml named inline": (f"<name>fs.secret.key</name><value>{PLAIN}</value><x>1</x>\n", [PLAIN], ["<x>1</x>"]),
    "xml lines": (f"<password>\n  {PLAIN}\n</password>\n<port>80</port>\n", [PLAIN], ["<port>80</port>"]),
    "xml cdata": (f"<password><![CDATA[{PLAIN}]]></password>\n", [PLAIN], ["</password>"]),
    "toml array": (f'tokens = [\n  "{PLAIN}",\n  "x9",\n]\nport = 1\n', [PLAIN, "x9"], ["port = 1"]),
    "toml literal": (f"token = '''\n{PLAIN}\nmore'''\nport = 1\n", [PLAIN, "more"], ["port = 1"]),
    "ini folded": (f"password =\n  {PLAIN}\nport = 1\n", [PLAIN], ["port = 1"]),
    "shell folded": (f"password=\\\n{PLAIN}\nport=1\n", [PLAIN], ["port=1"]),
    "unit folded": (f"ExecStart=/x \\\n  --password \\\n  {PLAIN} \\\n  --port 1\n", [PLAIN], ["--port 1"]),
    "mysql": (f"ExecStart=/usr/bin/mysqldump -u root -p{PLAIN} db\n", [PLAIN], ["mysqldump -u root -p", " db"]),
    "sshpass": (f"ExecStart=/usr/bin/sshpass -p {PLAIN} ssh -p 22 host\n", [PLAIN], ["sshpass -p", "ssh -p 22 host"]),
    "user and password": (f"ExecStart=/usr/bin/mongo -u me -p {PLAIN} --port 1\n", [PLAIN], ["-u me -p", "--port 1"]),
    "redis-cli": (f"ExecStart=/usr/bin/redis-cli -a {PLAIN} ping\n", [PLAIN], ["redis-cli -a", "ping"]),
    "ldapsearch": (f"ldapsearch -D cn=x -w {PLAIN} -b dc=y\n", [PLAIN], ["-D cn=x -w", "-b dc=y"]),
    "curl attached": (f"curl -ume:{PLAIN} http://h/\n", [PLAIN], ["http://h/"]),
    "curl quoted": (f"curl --user 'me:{PLAIN}' http://h/\n", [PLAIN], ["http://h/"]),
    "curl config": (f'user = "me:{PLAIN}"\nurl = "http://h/"\n', [PLAIN], ['url = "http://h/"']),
    "curl config header": (f'header = "Authorization: Bearer {PLAIN}"\nurl = "http://h/"\n', [PLAIN], ["url ="]),
    "header of a key": (f"curl -H 'X-Api-Key: {PLAIN}'\n", [PLAIN], ["curl -H"]),
    "cookie": (f"Cookie: session={PLAIN}\n", [PLAIN], ["Cookie:"]),
    "query": (f"hook=https://h/?x=1&api_key={PLAIN}\n", [PLAIN], ["https://h/?x=1"]),
    "redis url": (f"redis://:{PLAIN}@redis:6379/0\n", [PLAIN], ["@redis:6379/0"]),
    "redis acl": (f"user default on >{PLAIN} ~* +@all\n", [PLAIN], ["user default on >", "~* +@all"]),
    "wep": (f"wep_key0={PLAIN}\nwep-key1={PLAIN}\nkey-mgmt=wpa\n", [PLAIN], ["key-mgmt=wpa"]),
    "ipsec": (f'10.0.0.1 : PSK "{PLAIN}"\nme : EAP "{PLAIN}"\n', [PLAIN], ["10.0.0.1 : PSK", "me : EAP"]),
    "bind": (f'key "ddns" {{\n  algorithm hmac-sha256;\n  secret "{PLAIN}";\n}};\n', [PLAIN], ["algorithm hmac-sha256"]),
    "squid": (f"cache_peer p parent 3128 0 login=me:{PLAIN}\n", [PLAIN], ["cache_peer p parent 3128 0"]),
    "haproxy": (f"user me insecure-password {PLAIN}\nstats auth me:{PLAIN}\n", [PLAIN], ["user me", "stats auth"]),
    "proftpd": (f"SQLConnectInfo db@host user {PLAIN}\n", [PLAIN], ["SQLConnectInfo db@host user"]),
    "php define": (f"define('DB_PASSWORD', '{PLAIN}');\ndefine('DB_HOST', 'h');\n", [PLAIN], ["define('DB_HOST', 'h')"]),
    "python": (f"D = {{'PASSWORD': '{PLAIN}', 'HOST': 'h'}}\n", [PLAIN], ["'HOST': 'h'"]),
    "lua": (f'password("{PLAIN}")\n', [PLAIN], ["password("]),
    "erlang": (f'{{default_pass, <<"{PLAIN}">>}}.\n', [PLAIN], ["default_pass"]),
    "erlang cookie": (f"erlang_cookie: {PLAIN}\nport: 1\n", [PLAIN], ["port: 1"]),
    "java option": (f'JAVA_OPTS="-Djavax.net.ssl.keyStorePassword={PLAIN} -Xmx1g"\n', [PLAIN], ["JAVA_OPTS"]),
    "short for password": (f"pw = {PLAIN}\ndb_pw={PLAIN}\nROOT_PW={PLAIN}\nport=1\n", [PLAIN], ["port=1"]),
    "camel case": (f"clientSecret: {PLAIN}\nprivKey: {PLAIN}\nport: 1\n", [PLAIN], ["port: 1"]),
    "words": (f"Root Password: {PLAIN}\nport: 1\n", [PLAIN], ["port: 1"]),
    "commented out": (f"#password = {PLAIN}\n; token={PLAIN}\nport=1\n", [PLAIN], ["port=1"]),
    "carriage returns": (f"password={PLAIN}\r\nport=1\r\n", [PLAIN], ["port=1\r\n"]),
    "no end of line": (f"password={PLAIN}", [PLAIN], ["password="]),
    "byte order mark": (f"\ufeffpassword={PLAIN}\nport=1\n", [PLAIN], ["port=1"]),
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
    "docker run -p 8080:80 -v /x:/x nginx\n",
    "mkdir -p /var/lib/x && ssh -p 22 host && iptables -p tcp --dport 80\n",
    "mysql -u root db\n",
    "user: 1000:1000\n",
    "user www-data www-data;\n",
    "root:x:0:0:root:/root:/bin/bash\n",
    "auth required pam_unix.so nullok\n",
    "auth: kerberos\n",
    "cookie SERVERID insert indirect nocache\n",
    "- name: PORT\n  value: '8080'\n- name: HOST\n  value: db1\n",
    "<property>\n<name>port</name>\n<value>80</value>\n</property>\n",
    "#          trustStore=<truststore-location>\n#      Any other properties are ignored.\n",
    "application/vnd.intercon.formnet\t\txpw xpx\n",
    "url = https://example.com/a?key_type=1&order=desc\n",
    "template = {name}-{version}.{arch}\n",
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
    lots = random.Random(length)
    assert sum(is_random("".join(lots.choices(alphabet, k=length))) for _ in range(1000)) >= 950
