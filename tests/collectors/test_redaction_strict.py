"""`strict` shows what is plainly no secret, and nothing else, whatever a secret is made of and wherever it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._redaction.redact import MaskingStopped, Redactor

KEY = b"k" * 32


@pytest.mark.parametrize(
    "line",
    [
        "port = 8080", "enabled: true", "timeout 30s", "max_size: 512MiB", '"ratio": 0.75,', "listen [::1]:443", "bind 10.0.0.1:80",
        "allow 192.168.0.0/16;", "ssl_certificate_key /etc/ssl/private/x.key;", "root /var/www/html;", "# off", "[mysqld]",
        '<Connector port="8080" redirectPort="8443"/>', "resources: {limits: {cpu: 500m, memory: 512Mi}}", "mac = 00:11:22:33:44:55",
    ],
)  # fmt: skip
def test_numbers_sizes_durations_addresses_paths_and_the_names_of_keys_are_shown(line):
    assert Redactor(KEY).mask_strictly(line) == line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("name = shop", "name = "), ('"user": "app",', '"user": "'), ("server_name example.com;", "server_name "),
        ("password: hunter", "password: "), ("export TOKEN=abc", "export TOKEN="), ("<a>words</a>", "<a>"),
    ],
)  # fmt: skip
def test_every_other_value_is_its_hash_behind_the_name_of_its_key(line, shown):
    masked = Redactor(KEY).mask_strictly(line)
    assert masked.startswith(shown + "<masked:")


@pytest.mark.parametrize(
    "text",
    [
        'password = "first line\nsecond words here"\n', "secret: |\n  some words here\n  more words\n", "note: first words\n  second words\n",
        "<password>\n  some words\n</password>\n", "run = a \\\n  second words\n", "oAoGCCqGSMMB=\n", "{COQLCEjDUjGtcSkP=}\n",
    ],
)  # fmt: skip
def test_a_word_is_no_name_of_a_key_where_a_value_goes_on(text):
    masked = Redactor(KEY).mask_strictly(text)
    assert not [word for word in ("second", "some", "more", "words", "oAoGCC", "COQLCE") if word in masked]


def test_a_changed_value_shows_as_changed_and_one_that_did_not_does_not():
    redactor = Redactor(KEY)
    assert redactor.mask_strictly("a = word") == redactor.mask_strictly("a = word")
    assert redactor.mask_strictly("a = word") != redactor.mask_strictly("a = ward")


@given(st.text())
def test_any_text_can_be_masked_strictly_and_keeps_its_lines(text):
    assert Redactor(KEY).mask_strictly(text).count("\n") == text.count("\n")


def test_a_text_over_its_budget_is_not_masked_strictly_either():
    with pytest.raises(MaskingStopped):
        Redactor(KEY).mask_strictly("a = b\n", lambda: True)
