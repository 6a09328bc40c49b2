"""What only its place in the whole text makes a secret: a column of a table, a host's key, the one word of a file."""

import pytest

from collectors._redaction.passing import name_without_secrets, without_secrets
from collectors._redaction.redact import Redactor

KEY = b"k" * 32

TABLES = {
    "CSV": "host,user,password,port\ndb1,root,Walnut66,22\ndb2,app,hickory,22\n",
    "CSV with quotes": '"host","pass word","note"\n"db1","Walnut66","one, two"\n"db2","hickory","x"\n',
    "CSV with semicolons": "name;secret;port\ndb1;Walnut66;1\ndb2;hickory;2\n",
    "tabs": "name\tpassword\tport\ndb1\tWalnut66\t1\ndb2\thickory\t2\n",
    "Markdown": "| host | password | port |\n|------|:--------:|------|\n| db1 | Walnut66 | 1 |\n| db2 | `hickory` | 2 |\n",
    "a comment above fields": "# client   server   secret   address\nann  *  Walnut66  10.0.0.1\nbob  *  hickory  *\n",
    "commented out": "#host,user,password\n#db1,root,Walnut66\n#db2,app,hickory\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_a_column_of_secrets_is_masked_below_its_head(name):
    shown = Redactor(KEY).mask(TABLES[name])
    assert "Walnut66" not in shown
    assert "hickory" not in shown
    assert "db1" in shown or "ann" in shown
    assert shown.split("\n")[0] == TABLES[name].split("\n")[0]


FORMS = {
    "racoon": "# the keys\n10.0.0.1\tWalnut66\nvpn.example.org\thickory\n",
    "radiusclient": "radius1.example.org   walnut66\nradius2.example.org   hickory\n",
    "pam_radius": "127.0.0.1:1812  walnut66  3\nradius.example.org  hickory  5\n",
    "OpenSMTPD": "relay1 ann:walnut66\nrelay2 bob:hickory\n",
    "logins": "ann:walnut66\nbob:hickory\n",
    "users.properties": "admin=walnut66\nguest=hickory\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_where_all_lines_have_the_form_of_logins_the_plain_words_among_them_are_masked_too(name):
    shown = Redactor(KEY).mask(FORMS[name])
    assert "alnut66" not in shown
    assert "hickory" not in shown
    assert Redactor(KEY).mask(FORMS[name] + "another line that has no such form\n").count("hickory") == 1


@pytest.mark.parametrize(
    "word", ["Walnut66hickory", "hunter2!x", "q8Zk0pLxW3vT7rYb5N1m+d/c=", "0f1e2d3c" * 8]
)
def test_a_file_of_one_word_that_looks_like_a_key_is_masked(word):
    assert word not in Redactor(KEY).mask(f"{word}\n")
    assert word not in Redactor(KEY).mask(f"# the key\n{word}\n")


@pytest.mark.parametrize(
    "word",
    ["web01", "db-3.example.org", "12.5", "trixie/sid", "Europe/Berlin", "Debian"],
)  # fmt: skip
def test_the_names_of_a_host_a_zone_and_a_version_are_no_keys(word):
    assert Redactor(KEY).mask(f"{word}\n") == f"{word}\n"


def test_a_word_that_no_line_ends_is_a_name_and_no_file():
    assert without_secrets("Walnut66hickory") == "Walnut66hickory"
    assert name_without_secrets("Walnut66hickory") == "Walnut66hickory"


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1 localhost\n10.0.0.7 web01\n10.0.0.8 mail2\n",
        "# name, password or token,\n# size, unit\nsize = 1\n",
        "# <file system>  <mount point>  <type>  <options>  <dump>  <pass>\n/dev/sda1  /  ext4  defaults  0  1\n",
        "# device  point  type  options  dump  pass\n/dev/sda1  /  ext4  defaults  0  1\n",
        "proxy_pass db1:5432;\n",
        "proxy_pass http://app_v2;\n",
        "bob:x:1000:1000::/home/bob:/bin/sh\n",
    ],
)
def test_ordinary_tables_stay_readable(text):
    assert Redactor(KEY).mask(text) == text


@pytest.mark.parametrize(
    "value", ["E''000", "''000", '""a1b2', "N''hickory", "'hick'ory", '"hick"ory', "()hickory", "&hick#ory"]
)
def test_a_value_that_goes_on_behind_its_quotes_is_masked_whole(value):
    shown = Redactor(KEY).mask(f"db_password={value}")
    assert not [part for part in ("000", "a1b2", "hick", "ory") if part in shown.partition("=")[2]]
